"""The sandbox as these tests reach it, and wechatpy pointed at it.

wechatpy is unmodified. Where it calls is set by what it offers for that: the class attributes API_BASE_URL and
OAUTH_BASE_URL, and fetch_access_token(), the method that its own subclasses override (WeChatComponentClient does), since
WeChatClient's has WeChat's address inside.
"""

import html
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
WEBSITE = ("wx7b3e1f0a9c5d8642", "0e7b3e1f0a9c5d86421c2b3a4f5e6d7c")
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
    return code_and_state(answer.headers["Location"])


def code_and_state(location):
    back = parse_qs(urlsplit(location).query)
    assert back["from"] == ["wechatpy"], back
    return back["code"][0], back["state"][0]


def website_code_of(user, url):
    """The code that the page of a website's login goes on with once the phone of `user` has confirmed."""
    page = requests.get(url, timeout=TIMEOUT_S).text
    found = re.findall(r'data-([a-z-]+)="([^"]*)"', page)
    data = {name: html.unescape(value) for name, value in found}
    confirm = api("POST", "/scan", {"user": user, "text": data["uuid"]})["url"]
    phone = {"cookies": {"sandbox_user": user}, "timeout": TIMEOUT_S}
    sheet = requests.get(confirm, **phone).text
    ticket = re.search(r'name="ticket" value="([^"]+)"', sheet)
    assert ticket, sheet
    tap = {"uuid": data["uuid"], "ticket": ticket[1]}
    requests.post(BASE + "/connect/qrconnect/confirm", data=tap, **phone).raise_for_status()
    poll = {"uuid": data["uuid"], "last": 404}
    answer = requests.get(BASE + "/connect/l/qrconnect", params=poll, timeout=TIMEOUT_S).text
    said = re.fullmatch(r"window.wx_errcode=405;window.wx_code='(\w+)';", answer)
    assert said, answer
    return code_and_state(f"{data['redirect-uri']}&code={said[1]}&state={data['state']}")


def openid_of(user):
    oauth = OAuth(*OFFICIAL_ACCOUNT, REDIRECT_URI, state="o")
    code, _ = code_of(user, oauth.authorize_url)
    return oauth.fetch_access_token(code)["openid"]


class Case(unittest.TestCase):
    """Each test finds the sandbox as after its start."""

    def setUp(self):
        api("POST", "/reset")
