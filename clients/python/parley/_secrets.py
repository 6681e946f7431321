"""Keys, passphrases, and the files that they are in."""

from __future__ import annotations

import base64
import os
import re
import stat
import zlib
from typing import NamedTuple, Union

Path = Union[str, "os.PathLike[str]"]

MIN_KEY = 32  # bytes of an authkey
_MAX_KEY = 4096
_MAX_SECRET = 2048
_PREFIX = "parley1_"
_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_KEY = re.compile(r"(parley1_([a-z0-9][a-z0-9._-]{0,63})_([A-Za-z0-9_-]{43}))_([0-9a-f]{8})")


class Key(bytes):
    """An authkey, which does not show in a traceback with the values of variables."""

    def __repr__(self) -> str:
        return "<authkey>"

    __str__ = __repr__


class Secret(NamedTuple):
    """What the login of tls:// is made with: a generated key, or a passphrase."""

    id: str
    generated: bool
    value: bytes

    def __repr__(self) -> str:
        return "<secret of %s>" % self.id


def read_file(path: Path, limit: int) -> bytes:
    """Read a file that nobody else can, without one newline at its end."""
    fd = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        # What is looked at is the file that is open, whatever the path means by now.
        info = os.fstat(fd)
        if not stat.S_ISREG(info.st_mode):
            raise ValueError("%s: expected a regular file" % os.fspath(path))
        if os.name == "posix":
            _check_access(path, info)
        with open(fd, "rb", closefd=False) as f:
            data = f.read(limit + 2)
    finally:
        os.close(fd)
    if data.endswith(b"\n"):
        data = data[:-1]
    if len(data) > limit:
        raise ValueError("%s: expected %d bytes at most" % (os.fspath(path), limit))
    return data


def _check_access(path: Path, info: os.stat_result) -> None:
    if info.st_uid not in (0, os.geteuid()):
        raise PermissionError("%s belongs to user %d; expected it to be yours, or root's" % (os.fspath(path), info.st_uid))
    # root may let one group read, as secrets in containers are handed over.
    allowed = 0o640 if info.st_uid == 0 else 0o600
    mode = stat.S_IMODE(info.st_mode)
    if mode & 0o777 & ~allowed:
        raise PermissionError("%s can be read or changed by others (mode %04o): run chmod 600 on it, and make a new key if somebody may have read it"
                              % (os.fspath(path), mode))


def authkey(key: bytes, allow_short: bool) -> Key:
    """Return the key if it is one that can be used."""
    if not isinstance(key, (bytes, bytearray)):
        raise TypeError("authkey: expected bytes, got %s" % type(key).__name__)
    if not key:
        raise ValueError("authkey: it is empty, which older Python takes for no authentication")
    if len(key) < MIN_KEY and not allow_short:
        raise ValueError("authkey: it has %d bytes, expected %d or more; make one with: parley auth keygen --authkey --out FILE"
                         " (dangerously_allow_short_key=True lifts this)" % (len(key), MIN_KEY))
    return Key(key)


def authkey_file(path: Path, allow_short: bool) -> Key:
    """Read an authkey from its file."""
    return authkey(read_file(path, _MAX_KEY), allow_short)


def credential(text: Path) -> Secret:
    """Read a generated key ("parley1_..."), or the file with one or with ID:PASSPHRASE."""
    if isinstance(text, str) and text.startswith(_PREFIX):
        return _parse(text, "credential")
    try:
        return _parse(read_file(text, _MAX_SECRET).decode("utf-8"), os.fspath(text))
    except UnicodeDecodeError:
        raise ValueError("%s: the secret in it is not UTF-8" % os.fspath(text)) from None


def _parse(text: str, where: str) -> Secret:
    """Read a secret. No error shows any of it."""
    if text.startswith(_PREFIX):
        m = _KEY.fullmatch(text)
        if not m or zlib.crc32(m[1].encode()) != int(m[4], 16):
            raise ValueError("%s: this is no key of Parley, or a part of it was lost" % where)
        value = base64.urlsafe_b64decode(m[3] + "=")
        return Secret(m[2], True, value)
    id, colon, passphrase = text.partition(":")
    if not colon or not _ID.fullmatch(id):
        raise ValueError("%s: expected a key, parley1_..., or ID:PASSPHRASE" % where)
    value = passphrase.encode("utf-8")
    if not 8 <= len(value) <= 1024 or any(ord(c) < 32 or 127 <= ord(c) < 160 for c in passphrase):
        raise ValueError("%s: expected a passphrase of 8 to 1024 bytes without control characters" % where)
    return Secret(id, False, value)
