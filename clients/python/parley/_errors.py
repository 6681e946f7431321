"""What can go wrong with a call, and what a program can tell from it."""

from __future__ import annotations

import re
import reprlib
from typing import Optional


class Error(Exception):
    """The base of all errors of this package but those of wrong arguments."""


class Fault(Error):
    """The server answered the call with a fault.

    code is its number, such as -32500 for an error that the function returned;
    message is its text. A fault for an unknown function is an AttributeError as
    well, and one for arguments that do not fit a TypeError.

    An exception object that is no fault of Parley's form has the code -32500, as
    it has for Go programs, and a message that begins with its class; the object
    is exception, which is None otherwise.
    """

    code: int
    message: str
    exception: Optional[BaseException]

    def __init__(self, code: int, message: str, exception: Optional[BaseException] = None) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.exception = exception

    def __str__(self) -> str:
        return "fault %d: %s" % (self.code, self.message)


class FunctionNotFound(Fault, AttributeError):
    """The server has no such function, or none that this client may use."""


class ArgumentsFault(Fault, TypeError):
    """The arguments do not fit the function."""


class LinkError(Error, OSError):
    """The connection could not be made, or it broke.

    sent tells whether the call had left: True means that the function may have
    run, False that it has not.
    """

    sent: bool

    def __init__(self, message: str, sent: bool = False) -> None:
        super().__init__(message)
        self.sent = sent


class Timeout(LinkError, TimeoutError):
    """The time for a call, or for connecting and logging in, is over."""


class AuthError(Error, PermissionError):
    """The login failed, on one side or the other. No call was sent."""


class AnswerError(Error, ValueError):
    """The answer to a call cannot be read here. The function has run."""


# Where exceptions of the standard library say the same as a fault's code.
_CLASSES = {-32601: FunctionNotFound, -32602: ArgumentsFault}
_APPLICATION = -32500
_TEXT = re.compile(r"fault (-?[0-9]{1,10}): (.*)", re.DOTALL)


class _Short(reprlib.Repr):
    """Shows a value in a bounded text. That of a list which holds itself 40 times over has no end."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 3

    def repr_int(self, x: int, level: int) -> str:
        return repr(x) if x.bit_length() <= 256 else "<int of %d bits>" % x.bit_length()

    def repr_instance(self, x: object, level: int) -> str:
        if isinstance(x, (bytes, bytearray)):
            return "%.200r" % (x[:200],)
        plain = x is None or type(x) in (bool, float, complex)
        return repr(x) if plain else "<%s>" % type(x).__name__


_short = _Short()


def fault_of(exception: BaseException) -> Fault:
    """Return the fault that an exception object stands for."""
    args = exception.args
    if len(args) == 1 and isinstance(args[0], str):
        m = _TEXT.fullmatch(args[0])
        if m:
            code = int(m[1])
            return _CLASSES.get(code, Fault)(code, m[2])
    name = type(exception).__name__
    text = ", ".join(a if isinstance(a, str) else _short.repr(a) for a in args[:8])
    return Fault(_APPLICATION, "%s: %s" % (name, text) if text else name, exception)
