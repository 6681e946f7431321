"""Calls of a real server: PARLEY_SERVE is the path of the command parley."""

import os
import pickle
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import unittest

import parley

PARLEY = os.environ.get("PARLEY_SERVE")


class Server:
    """A running parley serve."""

    def __init__(self, *flags):
        self.process = subprocess.Popen([PARLEY, "serve", "--xmlrpc=off", "--log-level=ERROR"] + list(flags),
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)
        line = self.process.stdout.readline()
        m = re.match(r"native (\S+)", line)
        if not m or self.process.stdout.readline() != "ready\n":
            self.process.kill()
            raise AssertionError("parley serve: got %r; %s" % (line, self.process.communicate()[1]))
        self.url = m[1]

    def close(self):
        self.process.terminate()
        try:
            self.process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()


def command(*args):
    subprocess.run([PARLEY] + list(args), check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)


@unittest.skipUnless(PARLEY, "PARLEY_SERVE is not set to the path of the command parley")
class Live(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.mkdtemp(prefix="py")
        cls.addClassCleanup(shutil.rmtree, cls.dir)
        cls.authkey = os.path.join(cls.dir, "authkey")
        command("auth", "keygen", "--authkey", "--out", cls.authkey)
        cls.credentials = os.path.join(cls.dir, "credentials.jsonl")
        cls.key = os.path.join(cls.dir, "bot.key")
        command("auth", "add", "bot.k1", "--use=channel", "--identity=bot", "--file", cls.credentials, "--generate", "--secret-out", cls.key)

    def test_call_behind_one_that_is_not_read(self):
        class Run:
            def __reduce__(self):
                return os.system, ("true",)
        server = self.serve("--native=127.0.0.1:0", "--authkey-file", self.authkey)
        with parley.connect(server.url, authkey_file=self.authkey) as c:
            for _ in range(50):
                with self.assertRaisesRegex(parley.ArgumentsFault, "system.*the connection is closed now"):
                    c.echo(Run())
                self.assertEqual(c.add(3, 5), 8)

    def test_call_above_the_limit(self):
        server = self.serve("--native=127.0.0.1:0", "--authkey-file", self.authkey)
        with parley.connect(server.url, authkey_file=self.authkey) as c:
            c.add(3, 5)
            link = c._link
            with self.assertRaisesRegex(parley.Fault, "the message has 209[0-9]+ bytes, at most 16777216 are taken") as e:
                c.echo(b"x" * (20 << 20))
            self.assertEqual(e.exception.code, -32003)
            self.assertEqual(c.add(3, 5), 8)
            self.assertIs(c._link, link)  # on the same connection

    def serve(self, *flags):
        server = Server(*flags)
        self.addCleanup(server.close)
        return server

    def tcp(self, *flags):
        return self.serve("--native=tcp://127.0.0.1:0", "--authkey-file", self.authkey, *flags)

    def secret(self, name, text):
        path = os.path.join(self.dir, name)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
            f.write(text)
        return path

    def calls(self, server):
        """What works on every kind of connection."""
        self.assertEqual(server.add(3, 5), 8)
        self.assertEqual(server.add(b="World", a="Hello"), "HelloWorld")
        self.assertEqual(server.add([1], [2]), [1, 2])
        self.assertEqual(server.add(2**70, 1), 2**70 + 1)
        self.assertIn("add", server.system.listMethods())
        with self.assertRaisesRegex(parley.FunctionNotFound, "nosuch"):
            server.nosuch()
        with self.assertRaises(parley.ArgumentsFault) as e:
            server.add(1)
        self.assertEqual(e.exception.code, -32602)
        with self.assertRaises(parley.Fault) as e:
            server.fail("out of tea")
        self.assertEqual((type(e.exception), e.exception.code, e.exception.message), (parley.Fault, -32500, "out of tea"))
        product = server.catalog.get(1)
        self.assertEqual(product["pid"], 1)
        self.assertIsInstance(server.catalog.list(), list)
        for n in (0, 1, 16383, 16384, 65536, 1 << 20):
            self.assertEqual(server.echo(b"x" * n, "ä"), [b"x" * n, "ä"])


class TestTCP(Live):
    def test_calls(self):
        s = self.tcp()
        with parley.connect(s.url, authkey_file=self.authkey) as server:
            self.calls(server)
        with open(self.authkey, "rb") as f:
            key = f.read()[:-1]
        with parley.connect(s.url, authkey=key, timeout=5) as server:
            self.assertEqual(server.add(3, 5), 8)

    def test_values(self):
        from .test_pickle import TestValues
        lossless = [v for v in TestValues.VALUES if type(v).__module__ in ("builtins", "datetime", "decimal", "fractions") and v != "\ud800"
                    and not (isinstance(v, int) and v.bit_length() > 4096) and getattr(v, "fold", 0) == 0
                    and getattr(v, "tzinfo", None) is None and len(repr(v)) < 100000 and str(v) != "-1E+30"
                    and b"test_pickle" not in pickle.dumps(v)]
        self.assertGreater(len(lossless), 50)
        with parley.connect(self.tcp().url, authkey_file=self.authkey) as server:
            for v in lossless:
                with self.subTest(repr(v)[:60]):
                    got = server.echo(v)
                    self.assertEqual((got, type(got[0])), ([v], type(v)))

    def test_other_key(self):
        s = self.tcp()
        with self.assertRaisesRegex(parley.AuthError, "refused the authkey"):
            parley.connect(s.url, authkey=b"x" * 32)

    def test_short_key(self):
        path = self.secret("short", "12345\n")
        s = self.serve("--native=tcp://127.0.0.1:0", "--authkey-file", path, "--dangerously-allow-short-key")
        with self.assertRaisesRegex(ValueError, "5 bytes, expected 32 or more"):
            parley.connect(s.url, authkey=b"12345")
        with parley.connect(s.url, authkey_file=path, dangerously_allow_short_key=True) as server:
            self.assertEqual(server.add(3, 5), 8)

    def test_time_out(self):
        with parley.connect(self.tcp().url, authkey_file=self.authkey) as server:
            with self.assertRaises(parley.Timeout) as e:
                server.call("sleep", [60], timeout=1)
            self.assertTrue(e.exception.sent)
            self.assertEqual(server.add(3, 5), 8)

    def test_threads(self):
        with parley.connect(self.tcp().url, authkey_file=self.authkey) as server:
            wrong = []

            def run(i):
                for j in range(100):
                    if server.add(i * 1000, j) != i * 1000 + j:
                        wrong.append((i, j))
            threads = [threading.Thread(target=run, args=(i,)) for i in range(4)]
            for t in threads:
                t.start()
            for t in threads:
                t.join(60)
            self.assertEqual(wrong, [])

    def test_call_above_the_limit_of_the_server(self):
        with parley.connect(self.tcp().url, authkey_file=self.authkey) as server:
            with self.assertRaises(parley.Error) as e:
                server.echo(bytes(17 << 20))
            self.assertNotIsInstance(e.exception, parley.Timeout)
            self.assertEqual(server.add(3, 5), 8)

    def test_server_started_again(self):
        s = self.tcp()
        with parley.connect(s.url, authkey_file=self.authkey) as server:
            self.assertEqual(server.add(3, 5), 8)
            s.close()
            with self.assertRaises(parley.LinkError) as e:
                server.add(3, 5)
            self.assertFalse(e.exception.sent)
            again = self.serve("--native=" + s.url, "--authkey-file", self.authkey)
            self.assertEqual(server.add(3, 5), 8)
            again.close()


@unittest.skipUnless(sys.platform.startswith("linux"), "unix sockets as Linux has them")
class TestUnix(Live):
    def test_authkey(self):
        path = os.path.join(self.dir, "s")
        s = self.serve("--native=unix://" + path, "--authkey-file", self.authkey)
        self.assertEqual(s.url, "unix://" + path)
        with parley.connect(s.url, authkey_file=self.authkey) as server:
            self.calls(server)

    def test_credential(self):
        s = self.serve("--native=unix://" + os.path.join(self.dir, "c"), "--credentials", self.credentials)
        with parley.connect(s.url, credential=self.key) as server:
            self.calls(server)


class TestTLS(Live):
    def tls(self):
        return self.serve("--native=tls://127.0.0.1:0", "--credentials", self.credentials)

    def test_calls(self):
        s = self.tls()
        with parley.connect(s.url, credential=self.key) as server:
            self.calls(server)
        with open(self.key) as f:
            text = f.read().strip()
        with parley.connect(s.url, credential=text) as server:
            self.assertEqual(server.add(3, 5), 8)
            self.assertNotIn(text, repr(server) + repr(vars(server)) + repr(server.add))
            self.assertNotIn(text.split("_", 2)[2], repr(vars(server)))

    def test_refused(self):
        other = os.path.join(self.dir, "other.key")
        command("auth", "keygen", "bot.k1", "--out", other)
        stranger = os.path.join(self.dir, "stranger.key")
        command("auth", "keygen", "stranger", "--out", stranger)
        s = self.tls()
        with self.assertRaisesRegex(parley.AuthError, "the server refused the login"):
            parley.connect(s.url, credential=other)
        with self.assertRaises(parley.AuthError):  # to one that it does not know, a server may seem to want a passphrase
            parley.connect(s.url, credential=stranger)
        with self.assertRaises(parley.Error):
            parley.connect(s.url.replace("tls://", "tcp://"), authkey_file=self.authkey, timeout=0.5)
        with self.assertRaises(parley.LinkError):
            parley.connect(self.tcp().url.replace("tcp://", "tls://"), credential=self.key)

    def test_somebody_in_between(self):
        """One who speaks TLS to both ends, and passes on all that is inside, gets into neither."""
        import socket
        import ssl
        from . import certificates, fake
        port = int(self.tls().url.rpartition(":")[2])
        pem = self.secret("relay.pem", certificates.SERVER)
        near = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        near.load_cert_chain(pem)
        far = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        far.check_hostname, far.verify_mode = False, ssl.CERT_NONE
        for c in (near, far):
            c.set_alpn_protocols(["parley/1"])
        passed = []

        def relay(p):
            with far.wrap_socket(socket.create_connection(("127.0.0.1", port))) as sock:
                server = fake.Peer(sock)
                for _ in range(2):
                    passed.append(p.receive())
                    server.send(passed[-1])
                    passed.append(server.receive())
                    p.send(passed[-1])
        middle = fake.FakeServer(relay, wrap=lambda s: near.wrap_socket(s, server_side=True))
        self.addCleanup(middle.close)
        with self.assertRaisesRegex(parley.AuthError, "somebody stands in between"):
            parley.connect("tls://127.0.0.1:%d" % middle.port, credential=self.key)
        self.assertEqual(len(passed), 4)
        self.assertEqual(passed[3], b"e=other-error")

    def test_passphrase(self):
        """With argon2-cffi if it is here; without it, the error says what to do."""
        path = self.secret("ann.secret", "ann:correct horse battery staple\n")
        command("auth", "add", "ann", "--use=channel", "--file", self.credentials, "--secret-file", path)
        s = self.tls()
        try:
            import argon2  # noqa: F401
        except ImportError:
            with self.assertRaisesRegex(parley.AuthError, "argon2-cffi"):
                parley.connect(s.url, credential=path)
            return
        with parley.connect(s.url, credential=path) as server:
            self.assertEqual(server.add(3, 5), 8)


class TestStandardLibrary(Live):
    def test_same_answers_as_Client(self):
        """Who cannot have the package gets the same from multiprocessing.connection."""
        from multiprocessing.connection import Client
        s = self.tcp("--allow-md5")
        host, port = s.url[len("tcp://"):].split(":")
        with open(self.authkey, "rb") as f:
            key = f.read()[:-1]
        with parley.connect(s.url, authkey=key) as server, Client((host, int(port)), authkey=key) as c:
            for name, args in [("add", (3, 5)), ("catalog.get", (1,)), ("catalog.list", ()), ("echo", (1, "a", b"b", [None], {"k": (1, 2)}))]:
                c.send((name, args))
                self.assertEqual(server.call(name, args), c.recv())
