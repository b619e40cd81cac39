"""What nginx and HAProxy do with the files that are shipped."""

import http.client
import json
import ssl
import time
import unittest

from balancers import start_haproxy, start_nginx
from played import Gateway
from shipped import eventually

HOST = 'login.example.com'
FORGED = {
    'X-Forwarded-For': '198.51.100.1', 'Forwarded': 'for=198.51.100.1', 'X-Auth-User': 'somebody', 'x-auth-session': 'a',
    'X-AUTH-APP': 'shop', 'X_Auth_User': 'b', 'X-Auth_User': 'c',
}
UPGRADE = {'Upgrade': 'websocket', 'Connection': 'Upgrade', 'Sec-WebSocket-Key': 'MDEyMzQ1Njc4OWFiY2RlZg==', 'Sec-WebSocket-Version': '13'}
# server.drain_delay_s
DRAIN_DELAY_S = 5


class Balancer:
    """The tests; nginx and HAProxy follow."""

    @classmethod
    def setUpClass(cls):
        cls.gateways = [Gateway(name) for name in ('a1', 'a2', 'a3')]
        for gateway in cls.gateways:
            cls.addClassCleanup(gateway.kill)
        cls.port, read = cls.start(cls.gateways)
        cls.log = staticmethod(read)

    def setUp(self):
        """All three are there again, and the balancer knows."""
        for gateway in self.gateways:
            gateway.start()
            gateway.is_ready = True
        names = {gateway.name for gateway in self.gateways}
        eventually('all gateways get calls', lambda: {self.answering() for _ in range(6)} == names)
        for gateway in self.gateways:
            gateway.heard.clear()

    def connect(self):
        return http.client.HTTPSConnection('127.0.0.1', self.port, timeout=10, context=ssl._create_unverified_context())

    def ask(self, method='GET', path='/', headers=None, body=None):
        connection = self.connect()
        connection.request(method, path, body, {'Host': HOST, **(headers or {})})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, json.loads(text) if answer.status == 200 else None

    def answering(self):
        """Who takes a call, if somebody does."""
        _, told = self.ask()
        return told and told['name']

    def heard(self):
        return [call for gateway in self.gateways for call in gateway.heard]

    def open_socket(self):
        """A WebSocket: who holds it, and its connection."""
        connection = self.connect()
        connection.request('GET', '/api/v1/ws', headers={'Host': HOST, **UPGRADE})
        answer = connection.getresponse()
        self.assertEqual(answer.status, 101)
        self.addCleanup(connection.sock.close)
        return answer.headers['X-Name'], connection.sock

    def assert_echo(self, sock):
        sock.sendall(b'a frame')
        self.assertEqual(sock.recv(100), b'a frame')

    def test_a_gateway_learns_who_calls_and_nothing_that_they_say_of_themselves(self):
        _, told = self.ask(headers=FORGED)
        told = [(name.lower(), value) for name, value in told['headers']]
        self.assertIn(('host', HOST), told)
        self.assertEqual([value for name, value in told if name == 'x-forwarded-for'], ['127.0.0.1'])
        self.assertEqual([name for name, _ in told if name == 'forwarded' or name.replace('_', '-').startswith('x-auth')], [])

    def test_nobody_notices_that_a_gateway_is_gone(self):
        self.gateways[0].kill()
        for number in range(12):
            self.assertEqual(self.ask()[0], 200)
            status, told = self.ask('POST', '/', body=str(number))
            self.assertEqual((status, told['body']), (200, str(number)))
        self.assertEqual(len(self.heard()), 24)
        self.assertEqual(self.gateways[0].heard, [])

    def test_a_post_that_was_not_answered_does_not_arrive_twice(self):
        self.assertEqual(self.ask('POST', '/silent', body='a grant')[0], 502)
        self.assertEqual(self.heard(), [('POST', '/silent')])

    def test_a_websocket_passes(self):
        _, sock = self.open_socket()
        self.assert_echo(sock)
        self.assert_echo(sock)

    def test_an_event_does_not_wait_for_the_next(self):
        connection = self.connect()
        connection.request('GET', '/events', headers={'Host': HOST})
        answer = connection.getresponse()
        self.assertEqual(answer.readline(), b'data: 1\n')
        for gateway in self.gateways:
            gateway.seen.set()
        self.assertEqual(answer.read(), b'\n')
        connection.close()

    def test_the_log_has_no_query(self):
        self.ask(path='/callback/wechat?code=0a1b2c&state=3d4e5f')
        logged = eventually('the call is in the log', lambda: '/callback/wechat' in self.log() and self.log())
        self.assertNotIn('0a1b2c', logged)
        self.assertNotIn('3d4e5f', logged)


class Nginx(Balancer, unittest.TestCase):
    @classmethod
    def start(cls, gateways):
        return start_nginx(cls, gateways)


class HAProxy(Balancer, unittest.TestCase):
    @classmethod
    def start(cls, gateways):
        return start_haproxy(cls, gateways)

    def test_a_call_that_was_not_answered_does_not_arrive_twice(self):
        self.assertEqual(self.ask(path='/silent')[0], 502)
        self.assertEqual(self.heard(), [('GET', '/silent')])

    def test_a_gateway_that_goes_gets_nothing_new_and_keeps_its_sockets(self):
        going = self.gateways[1].name
        sockets = [self.open_socket() for _ in range(12)]
        of_going = [sock for name, sock in sockets if name == going]
        for sock in of_going[1:]:
            sock.close()
        # It has the fewest connections: whatever comes is its.
        eventually('all calls are its', lambda: {self.answering() for _ in range(4)} == {going})
        since = time.monotonic()
        self.gateways[1].is_ready = False
        eventually('it gets nothing', lambda: self.answering() not in (going, None))
        self.assertLess(time.monotonic() - since, DRAIN_DELAY_S)
        for sock in [of_going[0], *(sock for name, sock in sockets if name != going)]:
            self.assert_echo(sock)
