"""The login inside of TLS: vectors, and servers that are not what they seem."""

import base64
import hashlib
import os
import socket
import ssl
import sys
import tempfile
import types
import unittest
from unittest import mock

import parley
from parley import _certificate, _deadline, _link, _login, _secrets

from . import certificates
from .fake import Case

TEXT = "parley1_bot.k_1_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8_356f0fb8"
NONCE = "Y2xpZW50bm9uY2UtMjRieXRlcy0wMTIz"
ADDED = "c2VydmVybm9uY2UtMjRieXRlcy00NTY3"
SALT = "AAECAwQFBgcICQoLDA0ODw=="
RAW = _secrets.Secret("deploy-bot.k1", True, bytes.fromhex("8f3c1d2e4b5a69788796a5b4c3d2e1f000112233445566778899aabbccddeeff"))
PASSPHRASE = _secrets.Secret("deploy-bot.k1", False, b"correct horse battery staple")
S1 = "r=%s%s,s=%s," % (NONCE, ADDED, SALT)


def conversation(secret=RAW):
    return _login.Conversation(secret, b"p=tls-exporter,,", b"\x42" * 32, NONCE)


def argon2(salted):
    """A module argon2 that returns the salted password of a vector."""
    def hash_secret_raw(secret, salt, **kwargs):
        calls.append((secret, salt, kwargs))
        return salted
    calls = []
    low = types.ModuleType("argon2.low_level")
    low.hash_secret_raw, low.Type, low.calls = hash_secret_raw, types.SimpleNamespace(ID="id"), calls
    module = types.ModuleType("argon2")
    module.low_level = low
    return mock.patch.dict(sys.modules, {"argon2": module, "argon2.low_level": low}), calls


class TestConversation(unittest.TestCase):
    """docs/wire-login.md has these examples."""

    def test_generated_key(self):
        c = conversation()
        self.assertEqual(c.first(), b"p=tls-exporter,,n=deploy-bot.k1,r=" + NONCE.encode())
        self.assertEqual(c.final((S1 + "i=1,k=raw").encode()),
                         ("c=cD10bHMtZXhwb3J0ZXIsLEJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJC,r=%s%s,p=WQII1btf0X0w589o/Huo/HiBVgxEutqkg0YGnOZ3wJw="
                          % (NONCE, ADDED)).encode())
        c.finish(b"v=RaHcBMJCu8/jkeSbroEDtZULsQzlZEuynetH1LLTzx8=")

    def test_passphrase(self):
        patch, calls = argon2(bytes.fromhex("853b272a44db1421c02962669a55eb0994f3cab385ed1c4c79253eee19bab49e"))
        c = conversation(PASSPHRASE)
        with patch:
            got = c.final((S1 + "i=3,k=argon2id:19:65536:4").encode())
        self.assertTrue(got.endswith(b",p=5VpoencGbGFr2V2E18Zmh7K8Wwq2I1pvl/UV8rmMj/4="), got)
        c.finish(b"v=J8NsEpShfCNq5VqVOXhD9gyviu2XYxcTwHbpGVUNRrk=")
        self.assertEqual(calls, [(b"correct horse battery staple", bytes(range(16)), {
            "time_cost": 3, "memory_cost": 65536, "parallelism": 4, "hash_len": 32, "type": "id", "version": 19})])

    def test_signatures_that_are_wrong(self):
        right = b"v=RaHcBMJCu8/jkeSbroEDtZULsQzlZEuynetH1LLTzx8="
        for verdict in [right[:-2] + b"9=", right[2:], b"v=", b"", right + b" ", b"v=" + b"A" * 43 + b"=", b"V" + right[1:]]:
            c = conversation()
            c.final((S1 + "i=1,k=raw").encode())
            with self.subTest(verdict), self.assertRaisesRegex(parley.AuthError, "has not proved"):
                c.finish(verdict)
        c = conversation()
        c.final((S1 + "i=1,k=raw").encode())
        with self.assertRaisesRegex(parley.AuthError, "refused the login"):
            c.finish(b"e=other-error")
        with self.assertRaisesRegex(parley.AuthError, "has not proved"):
            conversation().finish(b"")

    def test_challenges_that_are_refused(self):
        long = "A" * 129
        for text, s1 in [
            ("refused the login", "e=other-error"),
            ("of another kind", ""),
            ("of another kind", S1 + "i=1"),
            ("of another kind", S1 + "i=4096,k=raw"),
            ("of another kind", S1 + "i=1,k=raw,x=1"),
            ("of another kind", S1 + "i=1,k=raw\n"),
            ("of another kind", "m=ext," + S1 + "i=1,k=raw"),
            ("of another kind", S1 + "i=1,k=pbkdf2"),
            ("of another kind", S1 + "i=1,k=argon2i:19:65536:4"),
            ("of another kind", S1.replace("AAEC", "A*EC") + "i=1,k=raw"),
            ("did not go on from our nonce", S1.replace(NONCE, NONCE[::-1]) + "i=1,k=raw"),
            ("did not go on from our nonce", S1.replace(ADDED, ADDED[:23]) + "i=1,k=raw"),
            ("did not go on from our nonce", S1.replace(ADDED, "") + "i=1,k=raw"),
            ("did not go on from our nonce", S1.replace(ADDED, long) + "i=1,k=raw"),
            ("salt", S1.replace(SALT, "AAECAwQFBgcICQoLDA0O") + "i=1,k=raw"),
            ("salt", S1.replace(SALT, "A" * 88) + "i=1,k=raw"),
            ("salt", S1.replace(SALT, "AAAAA") + "i=1,k=raw"),
            ("is not given to that", S1 + "i=2,k=raw"),
            ("this is a generated key", S1 + "i=3,k=argon2id:19:65536:4"),
        ]:
            with self.subTest(s1), self.assertRaisesRegex(parley.AuthError, text):
                conversation().final(s1.encode())

    def test_cheap_and_costly_kdf(self):
        patch, calls = argon2(bytes(32))
        with patch:
            for kdf in ["i=1,k=raw", "i=1,k=argon2id:19:19456:1", "i=3,k=argon2id:19:8192:1", "i=11,k=argon2id:19:65536:4",
                        "i=3,k=argon2id:19:262145:4", "i=3,k=argon2id:19:65536:17"]:
                with self.subTest(kdf), self.assertRaisesRegex(parley.AuthError, "beyond what is safe|is not given to that"):
                    conversation(PASSPHRASE).final((S1 + kdf).encode())
            self.assertEqual(calls, [])
            conversation(PASSPHRASE).final((S1 + "i=2,k=argon2id:19:19456:1").encode())
            self.assertEqual(len(calls), 1)

    def test_passphrase_without_argon2(self):
        with tempfile.TemporaryDirectory() as d, mock.patch.dict(sys.modules, {"argon2": None}):
            path = os.path.join(d, "secret")
            with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
                f.write("ann:correct horse battery staple\n")
            with self.assertRaisesRegex(parley.AuthError, "pip install argon2-cffi, or log in with a generated key"):
                parley.connect("tls://127.0.0.1:1", credential=path)


@unittest.skipUnless(hasattr(socket, "SO_PEERCRED"), "Linux tells the user at the other end")
class TestUser(unittest.TestCase):
    def test_login_without_tls(self):
        near, far = socket.socketpair()
        self.addCleanup(near.close)
        self.addCleanup(far.close)
        _login._check_user(near)
        with mock.patch("os.geteuid", return_value=os.geteuid() + 1), self.assertRaisesRegex(parley.AuthError, "belongs to user"):
            _login.login(RAW, _link.Link(near), _deadline.Deadline(5))
        far.setblocking(False)
        self.assertRaises(BlockingIOError, far.recv, 1)  # nothing was sent

    def test_system_that_does_not_tell(self):
        near, far = socket.socketpair()
        self.addCleanup(near.close)
        self.addCleanup(far.close)
        option = socket.SO_PEERCRED
        del socket.SO_PEERCRED
        try:
            with self.assertRaisesRegex(parley.AuthError, "on Linux only"):
                _login._check_user(near)
        finally:
            socket.SO_PEERCRED = option


class TestEndPoint(unittest.TestCase):
    def test_hash_of_the_signature(self):
        for (name, want), pem in certificates.SIGNED.items():
            der = ssl.PEM_cert_to_DER_cert(pem)
            with self.subTest(name):
                self.assertEqual(_certificate.end_point(der), hashlib.new(want, der).digest())

    def test_not_a_certificate(self):
        der = ssl.PEM_cert_to_DER_cert(certificates.SIGNED["ec", "sha256"])
        for bad in [b"", b"\x30", der[1:], der[:100], b"\x30\x84\xff\xff\xff\xff", b"\x30\x00", bytes(300)]:
            with self.subTest(bad[:10]), self.assertRaisesRegex(parley.AuthError, "cannot be read"):
                _certificate.end_point(bad)


class TestTLS(Case):
    def setUp(self):
        with tempfile.NamedTemporaryFile("w", suffix=".pem", delete=False) as f:
            f.write(certificates.SERVER)
        self.pem = f.name
        self.addCleanup(os.unlink, f.name)

    def tls(self, *serve, version=None, alpn="parley/1"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.pem)
        if alpn:
            context.set_alpn_protocols([alpn])
        if version:
            context.maximum_version = version
        return self.server(*serve, wrap=lambda s: context.wrap_socket(s, server_side=True))

    def connect(self, server, **kwargs):
        c = parley.connect("tls://127.0.0.1:%d" % server.port, credential=TEXT, **kwargs)
        self.addCleanup(c.close)
        return c

    def test_binding_and_server_without_the_key(self):
        got = []

        def serve(p):
            c1 = p.receive().decode()
            got.append(c1)
            p.send(("r=%s%s,s=%s,i=1,k=raw" % (c1.partition("r=")[2], ADDED, SALT)).encode())
            got.append(p.receive().decode())
            p.send(b"v=" + b"A" * 43 + b"=")
            got.append(p.sock.recv(1))
        with self.assertRaisesRegex(parley.AuthError, "has not proved"):
            self.connect(self.tls(serve))
        self.doCleanups()
        self.assertTrue(got[0].startswith("p=tls-server-end-point,,n=bot.k_1,r="), got)
        der = ssl.PEM_cert_to_DER_cert(certificates.SIGNED["ec", "sha256"])
        self.assertTrue(got[1].startswith("c=" + base64.b64encode(b"p=tls-server-end-point,," + hashlib.sha256(der).digest()).decode()), got)
        self.assertEqual(got[2], b"", "the client went on")

    def test_downgrade(self):
        with self.assertRaisesRegex(parley.LinkError, "no TLS 1.3"):
            self.connect(self.tls(lambda p: p.receive(), version=ssl.TLSVersion.TLSv1_2))
        with self.assertRaisesRegex(parley.AuthError, "does not speak parley/1"):
            self.connect(self.tls(lambda p: p.receive(), alpn=None))
        with self.assertRaises(parley.Error):
            self.connect(self.tls(lambda p: p.receive(), alpn="http/1.1"))
        with self.assertRaisesRegex(parley.LinkError, "no TLS 1.3"):
            self.connect(self.server(lambda p: (p.sock.sendall(b"#CHALLENGE#" * 9), p.sock.recv(1 << 16))))

    def test_cafile(self):
        got = []
        serve = (lambda p: got.append(p.receive()))
        with self.assertRaises(parley.LinkError):  # verified, and then the server leaves
            self.connect(self.tls(serve), cafile=self.pem)
        self.doCleanups()
        self.assertEqual(len(got), 1)

    def test_cafile_of_another(self):
        pem = os.path.join(tempfile.mkdtemp(), "other.pem")
        self.addCleanup(os.rmdir, os.path.dirname(pem))
        self.addCleanup(os.unlink, pem)
        with open(pem, "w") as f:
            f.write(certificates.SIGNED["ec384", "sha384"])
        with self.assertRaisesRegex(parley.AuthError, "certificate is not trusted"):
            self.connect(self.tls(lambda p: p.receive()), cafile=pem)

    def test_silence_in_the_handshake(self):
        for serve in (lambda p: p.sock.recv(1 << 16) and p.read(1 << 20), lambda p: p.read(1 << 20)):
            with self.assertRaisesRegex(parley.Timeout, "no login within"):
                self.connect(self.server(serve), timeout=0.2)

    def test_large_frame(self):
        with self.assertRaisesRegex(parley.LinkError, "4097 bytes; at most 4096"):
            self.connect(self.tls(lambda p: (p.receive(), p.send(b"r" * 4097), p.receive())))
