"""Where a server is: tcp://host:port, tls://host:port, unix:///path."""

from __future__ import annotations

import re
import socket
import sys
from typing import Any, NamedTuple, Optional

from ._deadline import Deadline
from ._errors import LinkError, Timeout

_TCP = re.compile(r"(tcp|tls)://(?:\[([0-9A-Fa-f:.%\w]+)\]|([^\[\]/@?#:\s]+)):([0-9]{1,5})", re.ASCII)
_MAX_UNIX = 103  # bytes of a path that every system takes


class Address(NamedTuple):
    """A server's address; path is that of a unix socket, else empty."""

    scheme: str
    host: str
    port: int
    path: str

    def __str__(self) -> str:
        if self.scheme == "unix":
            return "unix://" + self.path
        return "%s://%s:%d" % (self.scheme, "[%s]" % self.host if ":" in self.host else self.host, self.port)

    def dial(self, deadline: Deadline) -> socket.socket:
        """Connect to the first that answers of the addresses that the host has.

        The look-up of a name is the system's, and has a time-out of its own.
        """
        try:
            if self.scheme == "unix":
                path = "\0" + self.path[1:] if self.path.startswith("@") else self.path
                return _connect(socket.AF_UNIX, path, deadline)
            failure: Optional[OSError] = None
            for family, _, _, _, to in socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM):
                try:
                    sock = _connect(family, to, deadline)
                except socket.timeout:
                    raise
                except OSError as e:
                    failure = failure or e
                    continue
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                return sock
            raise failure or OSError("the host name has no address")
        except socket.timeout:
            raise Timeout("%s: no connection within %s" % (self, deadline)) from None
        except OSError as e:
            raise LinkError("%s: cannot connect: %s" % (self, e)) from e


def _connect(family: int, to: Any, deadline: Deadline) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.settimeout(deadline.left())
        sock.connect(to)
        return sock
    except BaseException:
        sock.close()
        raise


def parse(url: str) -> Address:
    """Read an address; ValueError says what is wrong with it."""
    if not isinstance(url, str):
        raise TypeError("address: expected a str such as 'tcp://127.0.0.1:16000', got %s" % type(url).__name__)
    if url.startswith("unix://"):
        path = url[len("unix://"):]
        if not (path.startswith("/") or path.startswith("@") and len(path) > 1):
            raise ValueError("address %.128r: expected an absolute path, unix:///path, or unix://@name" % url)
        if "\0" in path or len(path.encode("utf-8", "surrogateescape")) > _MAX_UNIX:
            raise ValueError("address %.128r: the path of a unix socket has %d bytes at most, and no NUL" % (url, _MAX_UNIX))
        if path.startswith("@") and not sys.platform.startswith("linux"):
            raise ValueError("address %.128r: only Linux has abstract names" % url)
        if not hasattr(socket, "AF_UNIX"):
            raise ValueError("address %.128r: Python has no unix sockets on this system" % url)
        return Address("unix", "", 0, path)
    m = _TCP.fullmatch(url)
    if not m or not 0 < int(m[4]) < 65536:
        raise ValueError("address %.128r: expected tcp://host:port, tls://host:port or unix:///path" % url)
    return Address(m[1], m[2] or m[3], int(m[4]), "")
