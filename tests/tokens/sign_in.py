"""Signs somebody in before and after a rotation of the keys, and writes down the tokens.

sign_in.py SCANGATE FOLDER: FOLDER has a data directory and the output of a gateway for each algorithm. Writes
FOLDER/tokens.json: for each algorithm origin, retired (a token of the key before), signing (of the key after) and
kids.
"""

import base64
import hashlib
import http.cookiejar
import json
import pathlib
import re
import secrets
import subprocess
import sys
import time
import urllib.parse
import urllib.request

ALGORITHMS = ("EdDSA", "ES256")
TIMEOUT_S = 30


def call(opener, url, body=None, headers=None):
    """A JSON call that must succeed."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", **(headers or {})}
    request = urllib.request.Request(url, data=data, headers=headers)
    with opener.open(request, timeout=TIMEOUT_S) as answer:
        return json.load(answer)


def field(page, name):
    """The value of a form's field, or None."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    return found and found.group(1)


class Gateway:
    def __init__(self, folder, algorithm):
        said = (folder / f"{algorithm}.output").read_text()
        self.origin = re.search(r"login page +(http://[^/\s]+)", said).group(1)
        self.sandbox = re.search(r"phone +(http://[^/\s]+)", said).group(1)
        self.keys = folder / algorithm / "keys"
        self.opener = urllib.request.build_opener()

    def token(self):
        """The access token of a whole login."""
        verifier = secrets.token_hex(32)
        digest = hashlib.sha256(verifier.encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        own = {"Origin": self.origin}
        start = {"challenge": challenge, "svg": False}
        pending = call(self.opener, f"{self.origin}/api/v1/scenes", start, own)["data"]
        self.confirm(pending["qr"]["text"])
        scene = f"{self.origin}/api/v1/scenes/{pending['scene']}?after=2&wait=25"
        secret = {"Authorization": f"Scene {pending['secret']}"}
        grant = call(self.opener, scene, headers=secret)["data"]["grant"]
        redeem = {"grant": grant, "verifier": verifier}
        answer = call(self.opener, f"{self.origin}/api/v1/auth/token", redeem, own)
        return answer["data"]["access_token"]

    def confirm(self, text):
        """What a phone does with a code."""
        cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        phone = urllib.request.build_opener(cookies)

        def page(url, fields=None, origin=self.origin):
            data = fields and urllib.parse.urlencode(fields).encode()
            request = urllib.request.Request(url, data=data, headers={"Origin": origin})
            with phone.open(request, timeout=TIMEOUT_S) as answer:
                return answer.read().decode()

        scan = {"user": "lixiaolong", "text": text}
        link = call(phone, f"{self.sandbox}/sandbox/api/scan", scan)["url"]
        form = {"form_token": field(page(link), "form_token")}
        ticket = field(page(f"{link}/confirm", form), "ticket")
        if ticket:
            consent = f"{self.sandbox}/connect/oauth2/confirm"
            page(consent, {"ticket": ticket}, self.sandbox)

    def kids(self):
        keys = call(self.opener, f"{self.origin}/.well-known/jwks.json")["keys"]
        return [key["kid"] for key in keys]


def main(scangate, folder):
    gateways = {name: Gateway(folder, name) for name in ALGORITHMS}
    retired = {name: gateway.token() for name, gateway in gateways.items()}
    for name, gateway in gateways.items():
        settings = (f"token.key_dir={gateway.keys}", f"token.algorithm={name}")
        command = [scangate, "keys", "rotate", "--now"]
        for setting in settings:
            command += ["--set", setting]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=TIMEOUT_S)
    # Running gateways notice within 10 s.
    until = time.monotonic() + TIMEOUT_S
    while any(len(gateway.kids()) < 2 for gateway in gateways.values()):
        assert time.monotonic() < until, "the rotation was not noticed"
        time.sleep(0.1)
    tokens = {
        name: {
            "origin": gateway.origin,
            "retired": retired[name],
            "signing": gateway.token(),
            "kids": gateway.kids(),
        }
        for name, gateway in gateways.items()
    }
    (folder / "tokens.json").write_text(json.dumps(tokens))


if __name__ == "__main__":
    main(sys.argv[1], pathlib.Path(sys.argv[2]))
