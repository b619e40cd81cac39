"""The sandbox as these tests reach it, and wechatpy pointed at it.

wechatpy is unmodified. Where it calls is set by what it offers for that: the class attributes API_BASE_URL and
OAUTH_BASE_URL, and fetch_access_token(), the method that its own subclasses override (WeChatComponentClient does), since
WeChatClient's has WeChat's address inside.
"""

import os
import re
import unittest
from urllib.parse import parse_qs, urlsplit

import requests
from wechatpy import WeChatClient
from wechatpy.client.api import WeChatWxa
from wechatpy.oauth import WeChatOAuth

BASE = os.environ["SANDBOX_URL"]
OFFICIAL_ACCOUNT = ("wx5a9d0c1b7e3f2468", "5ca9a7e05a9d0c1b7e3f24680f1e2d3c")
# Nobody listens there: the tests read the code in the redirect.
REDIRECT_URI = "http://127.0.0.1:9/callback?from=wechatpy"
TIMEOUT_S = 10


class Wxa(WeChatWxa):
    API_BASE_URL = BASE + "/"


class Client(WeChatClient):
    API_BASE_URL = BASE + "/cgi-bin/"
    wxa = Wxa()

    def fetch_access_token(self):
        return self._fetch_access_token(
            url=self.API_BASE_URL + "token",
            params={
                "grant_type": "client_credential",
                "appid": self.appid,
                "secret": self.secret,
            },
        )


class OAuth(WeChatOAuth):
    API_BASE_URL = BASE + "/"
    OAUTH_BASE_URL = BASE + "/connect/"


def api(method, path, body=None):
    """A call of the sandbox's own API, which must succeed."""
    answer = requests.request(
        method, f"{BASE}/sandbox/api{path}", json=body or {}, timeout=TIMEOUT_S
    )
    assert answer.ok, answer.text
    return answer.json()


def advance(seconds):
    api("POST", "/clock", {"advance_s": seconds})


def code_of(user, url):
    """The code that the phone of `user` brings back from a page of WeChat, after a tap where one is asked for."""
    phone = {"cookies": {"sandbox_user": user}, "allow_redirects": False, "timeout": TIMEOUT_S}
    answer = requests.get(url, **phone)
    if answer.status_code == 200:
        ticket = re.search(r'name="ticket" value="([^"]+)"', answer.text)
        assert ticket, answer.text
        answer = requests.post(
            BASE + "/connect/oauth2/confirm", data={"ticket": ticket[1]}, **phone
        )
    assert answer.status_code in (302, 303), answer.text
    back = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert back["from"] == ["wechatpy"], back
    return back["code"][0], back["state"][0]


def openid_of(user):
    oauth = OAuth(*OFFICIAL_ACCOUNT, REDIRECT_URI, state="o")
    code, _ = code_of(user, oauth.authorize_url)
    return oauth.fetch_access_token(code)["openid"]


class Case(unittest.TestCase):
    """Each test finds the sandbox as after its start."""

    def setUp(self):
        api("POST", "/reset")
