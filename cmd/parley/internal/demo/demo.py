# Calls add with what Python brings along, and prints what it got as JSON. The
# demo runs it: demo.py xmlrpc URL, or demo.py native HOST PORT with the authkey
# in hexadecimal on standard input.
import base64
import binascii
import json
import sys

BLOB = bytes(range(256))
CALLS = [(3, 5), ("Hello", "World"), ([1, 2, 3], [4, 5]), (BLOB, BLOB), (3, "five")]


def over_xmlrpc(url):
    from xmlrpc.client import Fault, ServerProxy

    with ServerProxy(url, use_builtin_types=True) as server:
        for a, b in CALLS:
            try:
                yield server.add(a, b)
            except Fault as fault:
                yield "%d: %s" % (fault.faultCode, fault.faultString)


def over_native(host, port):
    from multiprocessing.connection import Client

    key = binascii.unhexlify(sys.stdin.readline().strip())
    with Client((host, int(port)), authkey=key) as connection:
        for arguments in CALLS:
            connection.send(("add", arguments))
            yield connection.recv()


def as_json(answer):
    if isinstance(answer, bytes):
        return {"binary": base64.b64encode(answer).decode("ascii")}
    if isinstance(answer, Exception):
        return "%s: %s" % (type(answer).__name__, answer)
    return answer


answers = over_xmlrpc(sys.argv[2]) if sys.argv[1] == "xmlrpc" else over_native(*sys.argv[2:])
print(json.dumps([as_json(answer) for answer in answers]))
