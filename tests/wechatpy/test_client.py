"""WeChatClient: an account's own token, and what it opens."""

import unittest

import requests
from wechatpy import WeChatClient
from wechatpy.client.api import WeChatQRCode
from wechatpy.exceptions import APILimitedException, WeChatClientException

from sandbox import BASE, OFFICIAL_ACCOUNT, TIMEOUT_S, Case, Client, advance, api, openid_of

MINI_PROGRAM = ("wx00000000000000aa", "a" * 32)


class TokenTest(Case):
    def test_a_token_is_fetched_once_and_again_when_it_is_refused(self):
        client = Client(*OFFICIAL_ACCOUNT)
        first = client.access_token
        self.assertEqual(client.access_token, first)
        self.assertEqual(client.misc.get_wechat_ips(), ["127.0.0.1"])
        # The sandbox's clock runs ahead of wechatpy's, which learns of the end by 42001.
        advance(7200)
        self.assertEqual(client.misc.get_wechat_ips(), ["127.0.0.1"])
        self.assertNotEqual(client.access_token, first)

    def test_the_token_before_stays_good_for_five_minutes(self):
        first, second = Client(*OFFICIAL_ACCOUNT), Client(*OFFICIAL_ACCOUNT)
        self.assertNotEqual(first.access_token, second.access_token)
        early = Client(*OFFICIAL_ACCOUNT, access_token=first.access_token, auto_retry=False)
        advance(299)
        self.assertEqual(early.misc.get_wechat_ips(), ["127.0.0.1"])
        advance(2)
        with self.assertRaises(WeChatClientException) as refused:
            early.misc.get_wechat_ips()
        self.assertEqual(refused.exception.errcode, 40001)

    def test_a_wrong_secret_is_refused(self):
        client = Client(OFFICIAL_ACCOUNT[0], "0" * 32)
        with self.assertRaises(WeChatClientException) as refused:
            client.fetch_access_token()
        self.assertEqual(refused.exception.errcode, 40125)
        self.assertIn("rid: ", refused.exception.errmsg)

    def test_a_stable_token_is_the_same_for_all(self):
        # wechatpy has no name for it; its own post() reaches every endpoint.
        app_id, secret = OFFICIAL_ACCOUNT
        client = Client(app_id, secret)
        body = {"grant_type": "client_credential", "appid": app_id, "secret": secret}
        fetch = lambda: client.post("stable_token", data=body, params={"access_token": ""})
        first, second = fetch(), fetch()
        self.assertEqual(first["access_token"], second["access_token"])
        stable = WeChatClient(app_id, secret, access_token=first["access_token"])
        stable.API_BASE_URL = Client.API_BASE_URL
        self.assertEqual(stable.misc.get_wechat_ips(), ["127.0.0.1"])

    def test_a_limit_is_an_exception_of_its_own(self):
        client = Client(*OFFICIAL_ACCOUNT)
        api("PUT", "/quotas", {"/cgi-bin/user/info": 0})
        with self.assertRaises(APILimitedException):
            client.user.get("o")


class QRCodeTest(Case):
    def test_a_code_is_made_and_shown(self):
        client = Client(*OFFICIAL_ACCOUNT)
        made = client.qrcode.create(
            {
                "expire_seconds": 300,
                "action_name": "QR_STR_SCENE",
                "action_info": {"scene": {"scene_str": "登录"}},
            }
        )
        self.assertEqual(made["expire_seconds"], 300)
        self.assertTrue(made["url"].startswith("http://weixin.qq.com/q/"), made)
        # get_url() has WeChat's address inside: only that is exchanged.
        url = WeChatQRCode.get_url(made)
        self.assertTrue(url.startswith("https://mp.weixin.qq.com/cgi-bin/"), url)
        url = url.replace("https://mp.weixin.qq.com", BASE)
        shown = requests.get(url, timeout=TIMEOUT_S)
        self.assertEqual(shown.status_code, 200)
        self.assertEqual(shown.content[:3], b"\xff\xd8\xff", "a JPEG")
        advance(300)
        self.assertEqual(requests.get(url, timeout=TIMEOUT_S).status_code, 404)

    def test_each_kind_of_code_is_known(self):
        client = Client(*OFFICIAL_ACCOUNT)
        for name, scene, is_permanent in [
            ("QR_SCENE", {"scene_id": 123}, False),
            ("QR_STR_SCENE", {"scene_str": "a"}, False),
            ("QR_LIMIT_SCENE", {"scene_id": 123}, True),
            ("QR_LIMIT_STR_SCENE", {"scene_str": "a"}, True),
        ]:
            with self.subTest(name):
                made = client.qrcode.create(
                    {"action_name": name, "action_info": {"scene": scene}}
                )
                self.assertEqual(len(made["ticket"]), 96)
                self.assertEqual("expire_seconds" in made, not is_permanent)
        with self.assertRaises(WeChatClientException) as refused:
            client.qrcode.create({"action_name": "QR_NONE"})
        self.assertEqual(refused.exception.errcode, 40052)


class UserTest(Case):
    def test_a_follower_is_told_from_a_stranger(self):
        client = Client(*OFFICIAL_ACCOUNT)
        follower = client.user.get(openid_of("lixiaolong"), lang="en")
        self.assertEqual((follower["subscribe"], follower["language"]), (1, "en"))
        self.assertIn("unionid", follower)
        self.assertEqual(client.user.get(openid_of("wangfang"))["subscribe"], 0)
        with self.assertRaises(WeChatClientException) as refused:
            client.user.get("o-nobody")
        self.assertEqual(refused.exception.errcode, 40003)


class MiniProgramTest(Case):
    def setUp(self):
        super().setUp()
        app_id, secret = MINI_PROGRAM
        mini = {"app_id": app_id, "app_secret": secret, "kind": "mini_program"}
        api("PUT", "/accounts", mini)
        self.client = Client(*MINI_PROGRAM)

    def test_a_code_becomes_a_session(self):
        login = {"user": "zoe", "app_id": MINI_PROGRAM[0]}
        js_code = api("POST", "/js_code", login)["code"]
        session = self.client.wxa.code_to_session(js_code)
        self.assertEqual(len(session["openid"]), 28)
        self.assertIn("session_key", session)
        with self.assertRaises(WeChatClientException) as refused:
            self.client.wxa.code_to_session(js_code)
        self.assertEqual(refused.exception.errcode, 40163)

    def test_a_mini_programs_code_is_a_picture(self):
        answer = self.client.wxa.get_wxa_code_unlimited("a=1", page="pages/login/index")
        self.assertEqual(answer.headers["Content-Type"], "image/jpeg")
        self.assertEqual(answer.content[:3], b"\xff\xd8\xff", "a JPEG")
        with self.assertRaises(WeChatClientException) as refused:
            self.client.wxa.get_wxa_code_unlimited("a" * 33)
        self.assertEqual(refused.exception.errcode, 40169)


if __name__ == "__main__":
    unittest.main()
