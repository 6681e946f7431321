"""Addresses, keys, files, and what connect refuses before it connects."""

import os
import shutil
import tempfile
import unittest
from unittest import mock

import parley
from parley import _address, _secrets

KEY = b"k" * 32
TEXT = "parley1_bot.k_1_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8_356f0fb8"


class TestAddress(unittest.TestCase):
    def test_good(self):
        for url, want in [
            ("tcp://127.0.0.1:16000", ("tcp", "127.0.0.1", 16000, "")),
            ("tcp://[::1]:1", ("tcp", "::1", 1, "")),
            ("tls://host.example:65535", ("tls", "host.example", 65535, "")),
            ("unix:///run/s.sock", ("unix", "", 0, "/run/s.sock")),
        ]:
            got = _address.parse(url)
            self.assertEqual((tuple(got), str(got)), (want, url))

    def test_bad(self):
        for url in ["", "127.0.0.1:16000", "http://h:1", "tcp://h", "tcp://:1", "tcp://h:0", "tcp://h:65536", "tcp://h:-1", "tcp://h:1/", "tcp://u@h:1",
                    "tcp://::1:5", "tcp://h:1 ", "tcp://h:1\n", "tcp://h:\u0661", "unix://", "unix://s.sock", "unix://@", "unix:///" + "x" * 103, "unix:///a\0b"]:
            with self.subTest(url), self.assertRaisesRegex(ValueError, "^address"):
                parley.connect(url, authkey=KEY)
        self.assertRaises(TypeError, parley.connect, ("127.0.0.1", 1), authkey=KEY)


class TestSecrets(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.dir)

    def file(self, data, mode=0o600):
        path = os.path.join(self.dir, "secret")
        if os.path.exists(path):
            os.remove(path)
        with open(path, "wb") as f:
            f.write(data)
        os.chmod(path, mode)
        return path

    def test_authkey(self):
        self.assertEqual(_secrets.authkey(KEY, False), KEY)
        self.assertEqual(_secrets.authkey(b"12345", True), b"12345")
        for key, allow, error in [(b"", True, ValueError), (b"", False, ValueError), (b"k" * 31, False, ValueError), ("k" * 32, True, TypeError), (None, True, TypeError)]:
            with self.subTest(key):
                self.assertRaises(error, _secrets.authkey, key, allow)

    def test_authkey_file(self):
        for data, want in [(KEY, KEY), (KEY + b"\n", KEY), (KEY + b"\n\n", KEY + b"\n"), (KEY + b"\r\n", KEY + b"\r"), (b"k" * 4096 + b"\n", b"k" * 4096)]:
            self.assertEqual(_secrets.authkey_file(self.file(data), False), want)
        for data in (b"", b"\n", b"k" * 31 + b"\n", b"k" * 4097, b"k" * 5000):
            with self.subTest(data), self.assertRaises(ValueError):
                _secrets.authkey_file(self.file(data), False)
        self.assertRaises(FileNotFoundError, parley.connect, "tcp://127.0.0.1:1", authkey_file=os.path.join(self.dir, "none"))

    @unittest.skipUnless(os.name == "posix", "modes of files as POSIX has them")
    def test_files_that_others_can_read(self):
        allowed = 0o640 if os.geteuid() == 0 else 0o600
        for mode in (0o600, 0o400, 0o640, 0o644, 0o660, 0o604, 0o610, 0o777):
            path = self.file(KEY, mode)
            with self.subTest("%o" % mode):
                if mode & ~allowed:
                    with self.assertRaisesRegex(PermissionError, "chmod 600"):
                        _secrets.authkey_file(path, False)
                else:
                    self.assertEqual(_secrets.authkey_file(path, False), KEY)
        fifo = os.path.join(self.dir, "fifo")
        os.mkfifo(fifo, 0o600)
        for path in (fifo, self.dir):
            with self.assertRaisesRegex(ValueError, "expected a regular file"):
                _secrets.authkey_file(path, False)

    @unittest.skipUnless(os.name == "posix", "owners of files as POSIX has them")
    def test_files_of_others(self):
        path = self.file(KEY)
        if os.geteuid() == 0:
            os.chown(path, 12345, -1)
            user = 0
        else:
            user = os.geteuid() + 1
        with mock.patch("os.geteuid", return_value=user), self.assertRaisesRegex(PermissionError, "belongs to user"):
            _secrets.authkey_file(path, False)

    def test_credential(self):
        want = ("bot.k_1", True, bytes(range(32)))
        self.assertEqual(tuple(_secrets.credential(TEXT)), want)
        self.assertEqual(tuple(_secrets.credential(self.file(TEXT.encode() + b"\n"))), want)
        self.assertEqual(tuple(_secrets.credential(self.file("ann:a passphrase, ü:x".encode()))), ("ann", False, "a passphrase, ü:x".encode()))
        self.assertNotIn("passphrase", repr(_secrets.credential(self.file(b"ann:correct horse"))))

    def test_bad_credentials_are_not_shown(self):
        for text in [TEXT[:-1], TEXT[:-1] + "9", TEXT.replace("AAEC", "AAED"), TEXT + " ", "parley1_"]:
            for given in (text, self.file(text.encode())):
                with self.subTest(text), self.assertRaises(ValueError) as e:
                    parley.connect("tls://127.0.0.1:1", credential=given)
                self.assertNotIn("AAE", str(e.exception))
        for data in [b"", b"ann", b"ann:short", b"Ann:correct horse", b"ann:correct\thorse", b":correct horse", b"ann:" + b"x" * 1025, b"ann:\xff\xff\xff\xff\xff\xff\xff\xff"]:
            with self.subTest(data), self.assertRaises(ValueError) as e:
                parley.connect("tls://127.0.0.1:1", credential=self.file(data))
            self.assertNotIn("correct horse", str(e.exception))


class TestConnect(unittest.TestCase):
    def test_combinations(self):
        for error, url, kwargs in [
            (TypeError, "tcp://127.0.0.1:1", {}),
            (TypeError, "tcp://127.0.0.1:1", {"authkey": KEY, "authkey_file": "x"}),
            (TypeError, "unix:///x", {"authkey": KEY, "credential": TEXT}),
            (ValueError, "tls://127.0.0.1:1", {"authkey": KEY}),
            (ValueError, "tcp://127.0.0.1:1", {"credential": TEXT}),
            (ValueError, "tcp://127.0.0.1:1", {"authkey": KEY, "cafile": "x"}),
            (ValueError, "tcp://127.0.0.1:1", {"authkey": KEY, "timeout": 0}),
            (ValueError, "tcp://127.0.0.1:1", {"authkey": KEY, "connect_timeout": -1}),
            (TypeError, "tcp://127.0.0.1:1", {"authkey": KEY, "timeout": None}),
            (ValueError, "tcp://127.0.0.1:1", {"authkey": KEY, "max_message": 0}),
            (TypeError, "tcp://127.0.0.1:1", {"authkey": KEY, "classes": ["Product"]}),
        ]:
            with self.subTest(url, **kwargs):
                self.assertRaises(error, parley.connect, url, **kwargs)
