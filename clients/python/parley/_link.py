"""Frames on a socket, each with a deadline.

A frame is a signed length of four bytes, big-endian, and the payload; one of
2 GiB or more has ff ff ff ff and a length of eight bytes. It is the framing of
multiprocessing.connection.
"""

from __future__ import annotations

import select
import socket
import ssl
import struct
from typing import Optional, Union

from ._deadline import Deadline

_CHUNK = 1 << 16
_SMALL = 1 << 14  # up to here header and payload are copied into one buffer
_LONG = 0x7FFFFFFF


class Broken(OSError):
    """The peer ended the connection, or sent something that is no frame."""


class Closed(Broken):
    """The peer ended the connection between two frames."""


class TooLarge(Broken):
    """The peer sent a frame above the limit; the rest of it was not read."""


class Link:
    """A connected socket. One thread at a time may use it."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._in = bytearray()  # what has come and nobody has asked for yet
        self._poll = select.poll() if hasattr(select, "poll") else None
        if self._poll is not None:
            self._poll.register(sock, select.POLLIN)

    def send(self, payload: bytes, deadline: Deadline) -> None:
        """Send one frame. When it raises, the peer has not got all of it."""
        n = len(payload)
        header = struct.pack("!i", n) if n <= _LONG else struct.pack("!iQ", -1, n)
        if n <= _SMALL:
            self._send_all(header + payload, deadline)
        else:
            self._send_all(header + payload[:_SMALL], deadline)
            self._send_all(memoryview(payload)[_SMALL:], deadline)

    def _send_all(self, data: Union[bytes, memoryview], deadline: Deadline) -> None:
        # Not sendall: that of ssl has the time-out for each part of the data.
        view = memoryview(data)
        while view:
            self.sock.settimeout(deadline.left())
            view = view[self.sock.send(view[:_LONG]):]

    def receive(self, limit: int, deadline: Deadline) -> bytes:
        """Receive one frame of at most limit bytes.

        Memory is taken for what has come, not for what the header says.
        """
        self._fill(4, deadline)
        n, = struct.unpack_from("!i", self._in)
        start = 4
        if n == -1:
            self._fill(12, deadline)
            n, = struct.unpack_from("!Q", self._in, 4)
            start = 12
            if n <= _LONG:
                raise Broken("a length of %d bytes in the long form; does the peer speak another protocol?" % n)
        if n < 0:
            raise Broken("a length of %d bytes; does the peer speak another protocol?" % n)
        if n > limit:
            raise TooLarge("a message of %d bytes; at most %d are taken" % (n, limit))
        self._fill(start + n, deadline)
        with memoryview(self._in) as view:
            payload = bytes(view[start:start + n])
        del self._in[:start + n]
        return payload

    def _fill(self, size: int, deadline: Deadline) -> None:
        """Read until there are size bytes."""
        while len(self._in) < size:
            self.sock.settimeout(deadline.left())
            part = self.sock.recv(max(_CHUNK, min(size - len(self._in), 1 << 20)))
            if not part and self._in:
                raise Broken("the peer closed the connection in the middle of a message")
            if not part:
                raise Closed("the peer closed the connection")
            self._in += part

    def idle(self) -> bool:
        """Report whether the connection is open, and nothing has come that nobody asked for."""
        if self._in or isinstance(self.sock, ssl.SSLSocket) and self.sock.pending():
            return False
        try:
            if self._poll is not None:
                return not self._poll.poll(0)
            return not select.select([self.sock], [], [], 0)[0]
        except (OSError, ValueError):
            return False

    def last_words(self, limit: int) -> Optional[bytes]:
        """Return what a peer that took no more of a message had to say, if anything."""
        try:
            return self.receive(limit, Deadline(1))
        except OSError:
            return None

    def interrupt(self) -> None:
        """Make the calls of another thread on the socket fail."""
        try:
            socket.socket.shutdown(self.sock, socket.SHUT_RDWR)
        except OSError:
            pass

    def close(self, polite: bool = False) -> None:
        """Close the socket; politely, the peer of TLS is told."""
        try:
            if polite and isinstance(self.sock, ssl.SSLSocket):
                # Only say it: the peer's answer is not waited for.
                self.sock.settimeout(0)
                self.sock.unwrap()
        except (OSError, ValueError):
            pass
        finally:
            self.sock.close()
