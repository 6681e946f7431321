"""The clients of the columns of Python, and how outcomes are told; trials.py follows it
in the same program. The order comes on standard input, as JSON, and each outcome goes
out as a line of JSON."""
import base64, datetime, decimal, fractions, http.client, json, math, os, pickle, re, socket
import ssl, sys, threading, time, uuid, xmlrpc.client
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client

order = json.load(sys.stdin)
lane = order["lane"]
print(json.dumps({"python": "%d.%d.%d" % sys.version_info[:3]}), flush=True)


class Refused(Exception):
    """An error that says that something cannot be done."""


class Broken(Exception):
    """The connection was closed instead of an answer."""


LINE = re.compile(r"^(\w+Error: )?(fault -?\d+: )?(internal error \(id \w+\): )?((params|result)\[\d+\][^ ]*: )?")
# The number depends on the pickle protocol.
TOO_LARGE = re.compile(r"(takes|has) \d+ bytes, at most (\d+) are (sent|taken)")


def essence(text):
    text = LINE.sub("", str(text)).replace("; the connection is closed now", "")
    return TOO_LARGE.sub(r"\1 more than \2 bytes", text).split(": expected None")[0]


class Native:
    """A program that sends tuples with multiprocessing.connection."""

    def __init__(self, address=None, family=None, authkey=None):
        authkey = authkey or bytes.fromhex(order["authkey"])
        address = address or (order["host"], order["port"])
        self.conn = Client(tuple(address) if isinstance(address, list) else address, family, authkey=authkey)

    def __call__(self, name, *args, **kwargs):
        try:
            self.conn.send((name, args, kwargs) if kwargs else (name, args))
            result = self.conn.recv()
        except (EOFError, ConnectionError) as e:
            raise Broken(e)
        if isinstance(result, Exception):
            raise result
        return result

    def close(self):
        self.conn.close()


class Web:
    """A program with xmlrpc.client."""

    def __init__(self, url=None, **options):
        self.proxy = xmlrpc.client.ServerProxy(url or order["url"], allow_none=True, use_builtin_types=True, **options)

    def __call__(self, name, *args, **kwargs):
        try:
            return getattr(self.proxy, name)(*args, **kwargs)
        except ConnectionError as e:
            raise Broken(e)

    def close(self):
        self.proxy("close")()


connect = Native if lane == "py-mp" else Web


def refusal(e):
    """Is the text of an error that says no, or raises one that does not."""
    if isinstance(e, xmlrpc.client.Fault):
        return essence(e.faultString)
    if isinstance(e, xmlrpc.client.ProtocolError):
        return "HTTP %d %s" % (e.errcode, e.errmsg)
    if isinstance(e, (TypeError, OverflowError, RuntimeError, AttributeError)):
        return essence(e)
    raise e


def works(call):
    return call("add", 3, 5) == 8


def same(a, b):
    if type(a) is not type(b):
        return False
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, float):
        return math.copysign(1, a) == math.copysign(1, b) and (a == b or a != a and b != b)
    if isinstance(a, datetime.datetime):
        return a == b and a.utcoffset() == b.utcoffset()
    return a == b


KINDS = {"NoneType": "nil", "bool": "a boolean", "int": "an integer", "float": "a float", "str": "a text", "bytes": "bytes"}


def kind(v):
    return KINDS.get(type(v).__name__, "a " + type(v).__name__)


def yes(note=""):
    return "yes", note


def changed(note):
    return "changed", note


def no(note):
    return "no", note


def refused(call, e):
    why = refusal(e)
    try:
        if works(call):
            return no(why)
    except Broken:
        pass
    again = connect()
    if not works(again):
        raise e
    again.close()
    return no(why + "; the connection is closed")
