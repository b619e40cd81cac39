"""A gateway as balancers know it: calls, a stream of events, a WebSocket, /readyz. It tells who it is and what it heard."""

import base64
import hashlib
import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# RFC 6455 section 1.3
GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'


class Public(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    @property
    def gateway(self):
        return self.server.gateway

    def setup(self):
        super().setup()
        self.gateway.connections.add(self.connection)

    def finish(self):
        self.gateway.connections.discard(self.connection)
        super().finish()

    def do_GET(self):
        body = self.rfile.read(int(self.headers.get('Content-Length', 0))).decode()
        self.gateway.heard.append((self.command, self.path))
        if self.path == '/silent':
            self.close_connection = True
        elif self.path == '/events':
            self.events()
        elif self.headers.get('Upgrade') == 'websocket':
            self.echo()
        else:
            self.answer(body)

    do_POST = do_GET

    def answer(self, body):
        told = {'name': self.gateway.name, 'headers': self.headers.items(), 'body': body}
        text = json.dumps(told).encode()
        self.send_response(200)
        self.send_header('Content-Length', str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def events(self):
        """One at once, and the end when the test has seen that."""
        self.send_response(200)
        self.send_header('Content-Type', 'text/event-stream')
        self.send_header('Transfer-Encoding', 'chunked')
        self.end_headers()
        self.wfile.write(b'9\r\ndata: 1\n\n\r\n')
        self.gateway.seen.wait()
        self.wfile.write(b'0\r\n\r\n')

    def echo(self):
        """What comes back is what was sent; frames are not looked at."""
        self.close_connection = True
        self.send_response(101)
        self.send_header('Upgrade', 'websocket')
        self.send_header('Connection', 'Upgrade')
        # HAProxy refuses a wrong one.
        key = hashlib.sha1((self.headers['Sec-WebSocket-Key'] + GUID).encode()).digest()
        self.send_header('Sec-WebSocket-Accept', base64.b64encode(key).decode())
        self.send_header('X-Name', self.gateway.name)
        self.end_headers()
        while received := self.connection.recv(4096):
            self.connection.sendall(received)

    def log_message(self, *_):
        pass


class Admin(BaseHTTPRequestHandler):
    def do_GET(self):
        is_ready = self.path == '/readyz' and self.server.gateway.is_ready
        self.send_response(200 if is_ready else 503)
        self.end_headers()

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, gateway, handler, port):
        self.gateway = gateway
        super().__init__(('127.0.0.1', port), handler)
        threading.Thread(target=self.serve_forever, kwargs={'poll_interval': 0.02}, daemon=True).start()

    def handle_error(self, *_):
        """A peer that has gone is no news."""


class Gateway:
    def __init__(self, name):
        self.name = name
        self.heard = []
        self.connections = set()
        self.seen = threading.Event()
        self.is_ready = True
        self.servers = []
        self.port = self.admin_port = 0
        self.start()

    def start(self):
        """The second time on the ports of the first."""
        if not self.servers:
            self.servers = [Server(self, Public, self.port), Server(self, Admin, self.admin_port)]
            self.port, self.admin_port = (server.server_port for server in self.servers)

    def kill(self):
        """As a power cut does it."""
        for server in self.servers:
            server.shutdown()
            server.server_close()
        self.servers = []
        for connection in list(self.connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
