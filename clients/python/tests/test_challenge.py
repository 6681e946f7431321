"""The login with an authkey, with honest servers and with others."""

import struct
import threading
import time

import parley
from parley import _login

from .fake import KEY, TAG, Case, challenge, mac


class TestChallenge(Case):
    def test_honest(self):
        server = self.server(lambda p: (p.login(), p.receive()))
        c = self.client(server)
        self.assertEqual(repr(c), "<parley client of tcp://127.0.0.1:%d>" % server.port)
        self.assertFalse(c.closed)

    def test_vector_of_cpython(self):
        # The answer of CPython 3.12 with the key "secret" to random bytes 0, 1, 2 ...
        self.assertEqual(_login.mac(b"secret", b"{sha256}" + bytes(range(40))).hex(),
                         "fc57fbe650d6124b98215e7b5d197d5807ad69982d275a9735ea2d56f1fa6989")

    def test_challenges_that_get_no_answer(self):
        random = bytes(range(40))
        got = []
        for text, message in [
            ("not one for SHA-256", b"#CHALLENGE#{md5}" + random + TAG),
            ("not one for SHA-256", b"#CHALLENGE#" + random[:20]),  # CPython 3.11: HMAC-MD5
            ("not one for SHA-256", b"#CHALLENGE#{sha1}" + random + TAG),
            ("not one for SHA-256", b"#CHALLENGE#"),
            ("not that of a Parley listener", b"#CHALLENGE#{sha256}" + random),  # CPython 3.12
            ("not that of a Parley listener", b"#CHALLENGE#{sha256}" + random[:39] + TAG),
            ("not that of a Parley listener", b"#CHALLENGE#{sha256}" + random + b"parley/2 L -"),
            ("not that of a Parley listener", b"#CHALLENGE#{sha256}" + random + b"parley/1 X -"),
            ("made by a dialer", b"#CHALLENGE#{sha256}" + random + b"parley/1 C -"),
            ("made by a dialer", b"#CHALLENGE#{sha256}" + random + b"parley/1 C session"),
            ("expected a challenge", b"#WELCOME#"),
            ("expected a challenge", b""),
            ("expected a challenge", b"\x80\x04K\x08."),
        ]:
            def serve(p, message=message):
                p.send(message)
                got.append(p.sock.recv(1))
            with self.subTest(message):
                self.refused(parley.AuthError, text, serve)
                self.doCleanups()
                self.assertEqual(got.pop(), b"", "the client answered")

    def test_reflection(self):
        """The challenge of one connection, handed back as that of another, gets no answer."""
        taken = []

        def first(p):
            p.send(challenge())
            p.receive()
            taken.append(p.receive())  # the client's own challenge
            p.send(b"#WELCOME#")
            done.wait(20)

        def second(p):
            p.send(taken[0])
            taken.append(p.sock.recv(1))
        done = threading.Event()
        self.addCleanup(done.set)
        server = self.server(first, second)
        t = threading.Thread(target=self.assertRaises, args=(Exception, self.client, server))
        t.start()
        while not taken:
            time.sleep(0.001)
        with self.assertRaisesRegex(parley.AuthError, "made by a dialer"):
            self.client(server)
        done.set()
        t.join(20)
        self.doCleanups()
        self.assertEqual(taken[1], b"")

    def test_server_without_the_key(self):
        def serve(response):
            def run(p):
                p.send(challenge())
                answer = p.receive()
                theirs = p.receive()
                p.send(b"#WELCOME#")
                p.send(response(answer, theirs[11:]))
                got.append(p.receive())
            return run
        for name, response in [
            ("another key", lambda a, m: b"{sha256}" + mac(b"x" * 32, m)),
            ("the answer of the client", lambda a, m: a),
            ("md5", lambda a, m: b"{md5}" + bytes(16)),
            ("16 bytes", lambda a, m: bytes(16)),
            ("without a name", lambda a, m: mac(KEY, m)),
            ("nothing", lambda a, m: b""),
            ("a flipped bit", lambda a, m: (b"{sha256}" + mac(KEY, m))[:-1] + bytes([mac(KEY, m)[-1] ^ 1])),
            ("#WELCOME#", lambda a, m: b"#WELCOME#"),
        ]:
            got = []
            with self.subTest(name):
                self.refused(parley.AuthError, "has not proved", serve(response))
                self.doCleanups()
                self.assertEqual(got, [b"#FAILURE#"])

    def test_verdicts(self):
        def serve(verdict):
            def run(p):
                p.send(challenge())
                p.receive()
                p.send(verdict)
                p.receive()
            return run
        self.refused(parley.AuthError, "refused the authkey", serve(b"#FAILURE#"))
        self.refused(parley.AuthError, "expected the end of the login", serve(b"#WELCOME"))
        self.refused(parley.AuthError, "expected the end of the login", serve(challenge()))

    def test_hostile_frames(self):
        for text, data in [
            ("a message of 257 bytes; at most 256", struct.pack("!i", 257) + challenge()),
            ("a message of 2147483647 bytes", struct.pack("!i", 0x7FFFFFFF)),
            ("a length of -2 bytes", struct.pack("!i", -2)),
            ("a message of %d bytes" % (1 << 62), struct.pack("!iQ", -1, 1 << 62)),
            ("in the long form", struct.pack("!iQ", -1, 20)),
            ("the peer closed the connection without a word: is it the port of XML-RPC", b""),
            ("in the middle of a message", challenge()[:3]),
            ("a length of", b"HTTP/1.1 400 Bad Request\r\n\r\n".replace(b"HTTP", b"\xc8TTP")),
        ]:
            with self.subTest(text):
                e = self.refused(parley.LinkError, text, lambda p, data=data: (p.sock.sendall(data), p.sock.shutdown(1), p.sock.recv(1)))
                self.assertFalse(e.sent)

    def test_slow_drip(self):
        """A byte now and then does not prolong the login."""
        def serve(p):
            frame = struct.pack("!i", len(challenge())) + challenge()
            for b in frame:
                p.sock.sendall(bytes([b]))
                if left.wait(0.2):
                    return
        left = threading.Event()
        self.addCleanup(left.set)
        start = time.monotonic()
        self.refused(parley.Timeout, "no login within 0.3 s (connect_timeout=)", serve, connect_timeout=0.3)
        self.assertLess(time.monotonic() - start, 10)  # all of it would take 15 s
        left.set()

    def test_silent_server(self):
        e = self.refused(parley.Timeout, "no login within 0.2 s", lambda p: p.receive(), timeout=0.2)
        self.assertIsInstance(e, TimeoutError)
        self.assertFalse(e.sent)
