"""WeChatOAuth: the in-app page and that of a website, and who came back from them."""

import unittest

from wechatpy.exceptions import WeChatOAuthException

from sandbox import (
    OFFICIAL_ACCOUNT,
    REDIRECT_URI,
    WEBSITE,
    Case,
    OAuth,
    advance,
    code_of,
    website_code_of,
)


def oauth(scope):
    return OAuth(*OFFICIAL_ACCOUNT, REDIRECT_URI, scope=scope, state="s1")


class OAuthTest(Case):
    def test_the_silent_scope_gives_the_openid_alone(self):
        silent = oauth("snsapi_base")
        code, state = code_of("lixiaolong", silent.authorize_url)
        self.assertEqual(state, "s1")
        token = silent.fetch_access_token(code)
        self.assertEqual((len(token["openid"]), token["scope"]), (28, "snsapi_base"))
        self.assertNotIn("unionid", token)
        self.assertTrue(silent.check_access_token())
        with self.assertRaises(WeChatOAuthException) as refused:
            silent.get_user_info()
        self.assertEqual(refused.exception.errcode, 48001)
        with self.assertRaises(WeChatOAuthException) as refused:
            silent.fetch_access_token(code)
        self.assertEqual(refused.exception.errcode, 40163)

    def test_a_consent_gives_the_profile(self):
        asking = oauth("snsapi_userinfo")
        code, _ = code_of("zoe", asking.authorize_url)
        token = asking.fetch_access_token(code)
        person = asking.get_user_info()
        self.assertEqual(person["nickname"], "Zoë Example")
        self.assertEqual(person["openid"], token["openid"])
        self.assertEqual(person["unionid"], token["unionid"])

    def test_a_dirty_nickname_is_read_all_the_same(self):
        asking = oauth("snsapi_userinfo")
        code, _ = code_of("dirty", asking.authorize_url)
        asking.fetch_access_token(code)
        # wechatpy drops the broken bytes and keeps the control characters.
        self.assertEqual(asking.get_user_info()["nickname"], "乱\x07🦄 Dirty\x1f")

    def test_a_token_is_refreshed(self):
        asking = oauth("snsapi_userinfo")
        code, _ = code_of("zoe", asking.authorize_url)
        first = asking.fetch_access_token(code)
        same = asking.refresh_access_token(first["refresh_token"])
        self.assertEqual(same["access_token"], first["access_token"])
        advance(7200)
        with self.assertRaises(WeChatOAuthException) as refused:
            asking.check_access_token()
        self.assertEqual(refused.exception.errcode, 42001)
        new = asking.refresh_access_token(first["refresh_token"])
        self.assertNotEqual(new["access_token"], first["access_token"])
        self.assertTrue(asking.check_access_token())

    def test_a_website_gets_the_same_person(self):
        website = OAuth(*WEBSITE, REDIRECT_URI, state="s1")
        code, state = website_code_of("zoe", website.qrconnect_url)
        self.assertEqual(state, "s1")
        token = website.fetch_access_token(code)
        self.assertEqual(token["scope"], "snsapi_login")
        person = website.get_user_info()
        self.assertEqual(person["nickname"], "Zoë Example")
        asking = oauth("snsapi_userinfo")
        code, _ = code_of("zoe", asking.authorize_url)
        on_the_phone = asking.fetch_access_token(code)
        self.assertEqual(on_the_phone["unionid"], person["unionid"])
        self.assertNotEqual(on_the_phone["openid"], person["openid"])


if __name__ == "__main__":
    unittest.main()
