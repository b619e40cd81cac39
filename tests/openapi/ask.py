"""Has schemathesis ask a gateway for everything that web/openapi.json describes.

ask.py SCHEMATHESIS FOLDER: FOLDER has the output of the gateway; what schemathesis needs is written there. Each kind of
credentials has a run of its own. Signing out comes last: it ends the session that the others use.
"""

import json
import pathlib
import re
import subprocess
import sys
import urllib.request

DOCUMENT = pathlib.Path("web/openapi.json").absolute()
ADMIN_TOKEN = "for-this-run-alone"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
# Whether a well-formed call succeeds is not asked: grants, digits and names that are made up are refused with a 400.
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "allow_header_conformance",
    "ignored_auth",
)
LIMIT_S = 60


class Gateway:
    def __init__(self, folder):
        said = (folder / "output").read_text()
        self.folder = folder
        self.origin = re.search(r"login page +(http://[^/\s]+)", said).group(1)
        self.admin = re.search(r"admin +(http://[^/\s]+)", said).group(1)

    def call(self, path, body, authorization=None):
        """A JSON call that must succeed: its data."""
        headers = {"Content-Type": "application/json", "Origin": self.origin}
        if authorization:
            headers["Authorization"] = authorization
        url = f"{self.origin}/api/v1{path}"
        request = urllib.request.Request(url, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=LIMIT_S) as answer:
            return json.load(answer)["data"]

    def token(self):
        """Of somebody who has just registered."""
        account = {"username": "schemathesis", "password": "correct horse battery"}
        return self.call("/auth/register", account)["access_token"]

    def ended_scene(self):
        """Polls and streams of a scene that has ended answer at once."""
        scene = self.call("/scenes", {"challenge": CHALLENGE, "svg": False})
        secret = f"Scene {scene['secret']}"
        self.call(f"/scenes/{scene['scene']}/cancel", {}, secret)
        return scene["scene"], secret


def ask(schemathesis, gateway, url, authorization, selection, parameters=None):
    config = gateway.folder / "schemathesis.toml"
    lines = [f'"{name}" = "{value}"' for name, value in (parameters or {}).items()]
    config.write_text("\n".join(["[parameters]", *lines, ""]))
    arguments = [
        schemathesis, "--config-file", config, "--no-color", "run", DOCUMENT, "--url", url, *selection,
        "--header", f"Authorization: {authorization}", "--header", f"Origin: {gateway.origin}",
        "--checks", ",".join(CHECKS), "--phases", "examples,coverage,fuzzing", "--max-examples", "20",
        "--generation-deterministic", "--continue-on-failure", "--warnings", "off", "--request-timeout", "10",
    ]  # fmt: skip
    # It leaves notes where it runs.
    if subprocess.run(arguments, cwd=gateway.folder, timeout=LIMIT_S).returncode != 0:
        sys.exit(f"schemathesis found something at {url} ({' '.join(selection)})")


def only(*operations):
    return [word for operation in operations for word in ("--include-operation-id", operation)]


def without(*operations):
    return [word for operation in operations for word in ("--exclude-operation-id", operation)]


def main():
    schemathesis, folder = (pathlib.Path(path).absolute() for path in sys.argv[1:])
    gateway = Gateway(folder)
    bearer = f"Bearer {gateway.token()}"
    scene, secret = gateway.ended_scene()
    any_method = ("verifyByPrefix", "verifyByPath")

    def asked(url, authorization, selection, parameters=None):
        ask(schemathesis, gateway, url, authorization, selection, parameters)

    # Without its secret a scene is unknown, and that is not a 401.
    scenes = ["--include-tag", "Scenes", "--exclude-checks", "ignored_auth"]
    asked(gateway.origin, secret, scenes, {"path.scene": scene})
    # Sockets are described by the other document.
    others = ["--exclude-tag", "Scenes", "--exclude-tag", "Admin"]
    others += without("openSocket", "signOut", *any_method)
    asked(gateway.origin, bearer, others)
    asked(gateway.origin, bearer, only(*any_method) + ["--exclude-checks", "unsupported_method"])
    asked(gateway.admin, f"Bearer {ADMIN_TOKEN}", ["--include-tag", "Admin"])
    asked(gateway.origin, bearer, only("signOut"))


main()
