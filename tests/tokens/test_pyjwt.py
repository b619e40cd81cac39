"""Access tokens as PyJWT sees them, with the keys it finds in the JWKS."""

import json
import os
import pathlib
import unittest

import jwt

TOKENS = json.loads(pathlib.Path(os.environ["TOKENS"]).read_text())
CLAIMS = ["iss", "aud", "sub", "client_id", "sid", "iat", "nbf", "exp", "jti"]


def changed(token, index, at=10):
    """The token with one character of a part replaced."""
    parts = token.split(".")
    part = parts[index]
    other = "A" if part[at] != "A" else "B"
    parts[index] = part[:at] + other + part[at + 1 :]
    return ".".join(parts)


class PyJwt(unittest.TestCase):
    def each(self, check):
        for algorithm, tokens in TOKENS.items():
            keys = jwt.PyJWKClient(f"{tokens['origin']}/.well-known/jwks.json")
            for name in ("retired", "signing"):
                with self.subTest(algorithm=algorithm, token=name):
                    check(algorithm, tokens, keys, tokens[name])

    def verify(self, algorithm, tokens, key, token, **other):
        settings = {
            "algorithms": [algorithm],
            "issuer": tokens["origin"],
            "audience": "default",
            "leeway": 5,
            "options": {"require": CLAIMS},
        }
        return jwt.decode(token, key, **{**settings, **other})

    def test_tokens_of_both_keys_verify(self):
        def check(algorithm, tokens, keys, token):
            header = jwt.get_unverified_header(token)
            self.assertEqual((header["typ"], header["alg"]), ("at+jwt", algorithm))
            self.assertIn(header["kid"], tokens["kids"])
            key = keys.get_signing_key_from_jwt(token)
            claims = self.verify(algorithm, tokens, key, token)
            self.assertEqual(set(claims), set(CLAIMS))
            self.assertEqual(claims["client_id"], "default")
            self.assertEqual(claims["exp"] - claims["iat"], 600)

        self.each(check)

    def test_others_do_not(self):
        def check(algorithm, tokens, keys, token):
            key = keys.get_signing_key_from_jwt(token)
            for part in (1, 2):
                with self.assertRaises(jwt.InvalidSignatureError):
                    self.verify(algorithm, tokens, key, changed(token, part))
            with self.assertRaises(jwt.InvalidAudienceError):
                self.verify(algorithm, tokens, key, token, audience="shop")
            with self.assertRaises(jwt.InvalidIssuerError):
                self.verify(algorithm, tokens, key, token, issuer="http://127.0.0.1")
            others = [name for name in TOKENS if name != algorithm]
            with self.assertRaises(jwt.InvalidAlgorithmError):
                self.verify(algorithm, tokens, key, token, algorithms=others)

        self.each(check)

    def test_the_key_of_the_other_token_does_not_fit(self):
        def check(algorithm, tokens, keys, token):
            kid = jwt.get_unverified_header(token)["kid"]
            [other] = [other for other in tokens["kids"] if other != kid]
            with self.assertRaises(jwt.InvalidSignatureError):
                self.verify(algorithm, tokens, keys.get_signing_key(other), token)

        self.each(check)


if __name__ == "__main__":
    unittest.main()
