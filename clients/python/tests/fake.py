"""A server of tests: each connection is answered by a function of the test."""

import hashlib
import hmac
import socket
import struct
import threading
import unittest

import parley

KEY = b"0123456789abcdef0123456789abcdef"
TAG = b"parley/1 L session"


def mac(key, message):
    return hmac.new(key, message, hashlib.sha256).digest()


def challenge(random=bytes(range(40)), tag=TAG):
    return b"#CHALLENGE#{sha256}" + random + tag


class Peer:
    """The server's end of one connection."""

    def __init__(self, sock):
        self.sock = sock

    def send(self, payload):
        self.sock.sendall(struct.pack("!i", len(payload)) + payload)

    def read(self, n):
        data = b""
        while len(data) < n:
            part = self.sock.recv(n - len(data))
            if not part:
                raise EOFError
            data += part
        return data

    def receive(self):
        n, = struct.unpack("!i", self.read(4))
        return self.read(n)

    def login(self, key=KEY):
        """The challenge, as an honest listener does it."""
        ours = challenge()
        self.send(ours)
        assert self.receive() == b"{sha256}" + mac(key, ours[11:])
        self.send(b"#WELCOME#")
        theirs = self.receive()
        assert theirs.startswith(b"#CHALLENGE#{sha256}") and theirs.endswith(b"parley/1 C -"), theirs
        self.send(b"{sha256}" + mac(key, theirs[11:]))
        assert self.receive() == b"#WELCOME#"


class FakeServer:
    """Listens, and gives each connection to serve(peer) in a thread of its own.

    With several functions the first connection gets the first, and so on; the
    last gets all others.
    """

    def __init__(self, *serve, wrap=None):
        self.serve = list(serve)
        self.wrap = wrap
        self.count = 0
        self.errors = []
        self.threads = []
        self.socks = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.acceptor = threading.Thread(target=self.accept)
        self.acceptor.start()

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            if self.count < 0:
                sock.close()
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            serve = self.serve[min(self.count, len(self.serve) - 1)]
            self.count += 1
            self.socks.append(sock)
            t = threading.Thread(target=self.run, args=(sock, serve))
            self.threads.append(t)
            t.start()

    def run(self, sock, serve):
        try:
            if self.wrap:
                sock = self.wrap(sock)
                self.socks.append(sock)
            serve(Peer(sock))
        except (EOFError, OSError):
            pass  # the client left
        except BaseException as e:
            self.errors.append(e)
        finally:
            sock.close()

    def close(self):
        self.count = -1 << 30
        try:  # wakes accept on every system
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            pass
        self.acceptor.join(20)
        self.listener.close()
        for s in self.socks:
            try:
                socket.socket.shutdown(s, socket.SHUT_RDWR)
            except OSError:
                pass
        for t in self.threads:
            t.join(20)
            assert not t.is_alive()


class Case(unittest.TestCase):
    """A test with servers."""

    def server(self, *serve, **kwargs):
        s = FakeServer(*serve, **kwargs)

        def close():
            s.close()
            self.assertEqual(s.errors, [])
        self.addCleanup(close)
        return s

    def client(self, server, **kwargs):
        kwargs.setdefault("authkey", KEY)
        c = parley.connect("tcp://127.0.0.1:%d" % server.port, **kwargs)
        self.addCleanup(c.close)
        return c

    def refused(self, kind, text, *serve, **kwargs):
        """Connecting to such a server fails in this way."""
        server = self.server(*serve)
        with self.assertRaises(kind) as caught:
            self.client(server, **kwargs)
        self.assertIn(text, str(caught.exception))
        return caught.exception
