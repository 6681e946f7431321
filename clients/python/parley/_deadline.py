"""The moment at which something has to be done."""

from __future__ import annotations

import socket
import time

LONGEST = 7 * 24 * 3600.0  # seconds; what the system's calls take everywhere


class Deadline:
    """A moment on the monotonic clock, some seconds after it was made.

    Its text is how many, and the parameter that says so.
    """

    __slots__ = ("_at", "_text")

    def __init__(self, seconds: float, parameter: str = "timeout") -> None:
        self._at = time.monotonic() + seconds
        self._text = "%g s (%s=)" % (seconds, parameter)

    def __str__(self) -> str:
        return self._text

    def left(self) -> float:
        """Return the seconds that are left; socket.timeout if there are none."""
        left = self._at - time.monotonic()
        if left <= 0:
            raise socket.timeout("timed out")
        return left

    def rest(self) -> float:
        """Return the seconds that are left, 0 if there are none."""
        return max(0.0, self._at - time.monotonic())

    def sooner(self, seconds: float, parameter: str) -> "Deadline":
        """Return a deadline in seconds, or this one if it is sooner."""
        other = Deadline(seconds, parameter)
        return other if other._at < self._at else self


def check_timeout(name: str, seconds: float) -> float:
    """Return a time-out that a caller gave, if it is one."""
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise TypeError("%s: expected seconds as a number, got %s" % (name, type(seconds).__name__))
    if not 0 < seconds <= LONGEST:
        raise ValueError("%s: expected more than 0 and at most %d seconds, got %r" % (name, LONGEST, seconds))
    return float(seconds)
