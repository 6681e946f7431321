"""Calls the functions of a Parley server, with the standard library alone.

    import parley

    with parley.connect("tcp://127.0.0.1:16000", authkey_file="authkey", timeout=5) as server:
        print(server.add(3, 5))
        print(server.catalog.get(1))

See connect for the ways to log in, and the README for the rest.
"""

import sys

if sys.version_info < (3, 8):
    raise ImportError("parley needs Python 3.8 or later")

from ._client import Client, Function, connect
from ._errors import AnswerError, ArgumentsFault, AuthError, Error, Fault, FunctionNotFound, LinkError, Timeout

__version__ = "0.1.0"

__all__ = [
    "AnswerError",
    "ArgumentsFault",
    "AuthError",
    "Client",
    "Error",
    "Fault",
    "Function",
    "FunctionNotFound",
    "LinkError",
    "Timeout",
    "connect",
]
