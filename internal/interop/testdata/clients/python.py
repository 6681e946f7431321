# Calls an XML-RPC server by xmlrpc.client, which Python 2 calls xmlrpclib.
from __future__ import print_function

import datetime
import sys

try:
    import xmlrpc.client as xmlrpclib
except ImportError:
    import xmlrpclib

PY2 = sys.version_info[0] == 2
BYTES = bytes(bytearray(i % 256 for i in range(300)))

# allow_none is what a program sets that has a None to send; the built-in types
# are what the documentation recommends for dates and binary. Python 2 has them
# for dates only.
kinds = {"use_datetime": True} if PY2 else {"use_builtin_types": True}
server = xmlrpclib.ServerProxy(sys.argv[1], allow_none=True, **kinds)

VALUES = [
    ("int-max", 2147483647),
    ("int-min", -2147483648),
    ("i8", 1099511627776),
    ("double", 1e300),
    ("fraction", 0.1),
    ("unicode", u"Gr\u00fc\u00dfe <b>&amp;</b> \"x\" 'y' ]]> \u4e16\u754c \U0001F30D"),
    ("spaces", " two  spaces, line\nand\ttab "),
    ("empty", ""),
    ("true", True),
    ("false", False),
    ("nil", None),
    ("date", datetime.datetime(2024, 2, 29, 13, 45, 6)),
    ("binary", xmlrpclib.Binary(BYTES) if PY2 else BYTES),
    ("nested", {"list": [1, [2, "three"], {"four": 4.5}], "none": [], "empty": {}}),
]


def report(name, outcome, text=None, most=80):
    line = [name, outcome]
    if text is not None:
        line.append(" ".join(str(text).split())[:most])
    print("\t".join(line))


def same(a, b):
    if type(a) is not type(b):
        return False
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return set(a) == set(b) and all(same(a[k], b[k]) for k in a)
    return a == b


def attempt(name, call, want):
    try:
        got = call()
    except OverflowError as e:  # before anything is sent
        report(name, "cannot", e, 120)
    except Exception as e:
        report(name, "error", e, 120)
    else:
        report(name, "ok") if same(got, want) else report(name, "got", repr(got))


for name, value in VALUES:
    attempt(name, lambda: server.see(name, value), value)

attempt("none", server.nothing, "nothing")

try:
    report("fault", "got", repr(server.refuse("please")))
except xmlrpclib.Fault as e:
    if (e.faultCode, e.faultString) == (42, "no <luck> & more"):
        report("fault", "ok")
    else:
        report("fault", "got", repr(e))
except Exception as e:
    report("fault", "error", e, 120)
