"""Message push: an account of its own, whose callback is wechatpy."""

import threading
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import requests
from wechatpy import create_reply, parse_message
from wechatpy.crypto import WeChatCrypto
from wechatpy.exceptions import InvalidSignatureException
from wechatpy.utils import check_signature

from sandbox import BASE, TIMEOUT_S, Case, Client, api

APP_ID, SECRET = "wx00000000000000dd", "d" * 32
TOKEN = "wechatpyToken"
AES_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
USER = "zoe"


class Callback(BaseHTTPRequestHandler):
    """What an application does with wechatpy: verify, decrypt, parse, answer."""

    def do_GET(self):
        query = self.read_query()
        try:
            check_signature(TOKEN, query["signature"], query["timestamp"], query["nonce"])
        except InvalidSignatureException:
            return self.answer(403, "")
        return self.answer(200, query["echostr"])

    def do_POST(self):
        query = self.read_query()
        body = self.rfile.read(int(self.headers["Content-Length"]))
        crypto = WeChatCrypto(TOKEN, AES_KEY, APP_ID)
        try:
            if query.get("encrypt_type") == "aes":
                signature = query["msg_signature"]
                body = crypto.decrypt_message(
                    body, signature, query["timestamp"], query["nonce"]
                )
            else:
                check_signature(TOKEN, query["signature"], query["timestamp"], query["nonce"])
        except InvalidSignatureException:
            return self.answer(403, "")
        message = parse_message(body)
        self.server.messages.append(message)
        told = getattr(message, "scene_id", None) or getattr(message, "content", "")
        reply = create_reply(f"{type(message).__name__} {told}", message).render()
        if query.get("encrypt_type") == "aes":
            reply = crypto.encrypt_message(reply, query["nonce"], query["timestamp"])
        return self.answer(200, reply)

    def read_query(self):
        return {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}

    def answer(self, status, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class PushTest(Case):
    def setUp(self):
        super().setUp()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Callback)
        self.server.messages = []
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)

    def set_up_account(self, mode):
        port = self.server.server_address[1]
        return api(
            "PUT",
            "/accounts",
            {
                "app_id": APP_ID,
                "app_secret": SECRET,
                "kind": "official_account",
                "callback_url": f"http://127.0.0.1:{port}/wechat",
                "token": TOKEN,
                "encoding_aes_key": AES_KEY,
                "message_mode": mode,
            },
        )

    def check_mode(self, mode):
        account = self.set_up_account(mode)
        person = {"user": USER, "app_id": APP_ID}
        client = Client(APP_ID, SECRET)
        made = client.qrcode.create(
            {
                "expire_seconds": 300,
                "action_name": "QR_STR_SCENE",
                "action_info": {"scene": {"scene_str": "scene-1"}},
            }
        )
        # A stranger scans: nothing is pushed before he follows.
        scan = {"user": USER, "text": made["url"]}
        self.assertEqual(api("POST", "/scan", scan)["replies"], [])
        self.assertEqual(self.server.messages, [])
        followed = api("POST", "/follow", person)
        self.assertEqual(followed["replies"], [{"text": "SubscribeScanEvent scene-1"}])
        scanned = api("POST", "/scan", scan)
        self.assertEqual(scanned["kind"], "message")
        self.assertEqual(scanned["replies"], [{"text": "ScanEvent scene-1"}])
        said = api("POST", "/message", {**person, "text": "你好 & <再见>"})
        self.assertEqual(said["replies"], [{"text": "TextMessage 你好 & <再见>"}])
        known = client.user.get(self.server.messages[0].source)
        self.assertEqual(known["subscribe_scene"], "ADD_SCENE_QR_CODE")
        self.assertEqual(known["qr_scene_str"], "scene-1")
        # What is answered to an unsubscribe never reaches the one who has left.
        left = api("POST", "/unfollow", person)
        self.assertEqual(left["replies"], [{"text": "UnsubscribeEvent "}])
        self.assertEqual(client.user.get(self.server.messages[0].source)["subscribe"], 0)
        subscribe, scan, text, unsubscribe = self.server.messages
        self.assertEqual(unsubscribe.source, text.source)
        self.assertEqual(subscribe.target, account["original_id"])
        self.assertEqual(subscribe.source, text.source)
        self.assertEqual(scan.ticket, made["ticket"])

    def test_plain(self):
        self.check_mode("plain")

    def test_compatible(self):
        self.check_mode("compatible")

    def test_safe(self):
        self.check_mode("safe")

    def test_a_callback_that_does_not_prove_the_token_is_not_taken(self):
        port = self.server.server_address[1]
        account = {
            "app_id": APP_ID,
            "app_secret": SECRET,
            "kind": "official_account",
            "callback_url": f"http://127.0.0.1:{port}/wechat",
            "token": "anotherToken",
        }
        refused = requests.put(BASE + "/sandbox/api/accounts", json=account, timeout=TIMEOUT_S)
        self.assertEqual(refused.status_code, 400, refused.text)


if __name__ == "__main__":
    unittest.main()
