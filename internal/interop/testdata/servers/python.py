"""SimpleXMLRPCServer of Python's standard library, and with the argument "doc"
DocXMLRPCServer, which shows a page to browsers.

Its first line of output is its port. It ends when its standard input does."""

import datetime, os, sys, threading
from xmlrpc.client import Fault
from xmlrpc.server import DocXMLRPCServer, SimpleXMLRPCServer

kind = DocXMLRPCServer if sys.argv[1:] == ["doc"] else SimpleXMLRPCServer
server = kind(("127.0.0.1", 0), logRequests=False, allow_none=True, use_builtin_types=True)
server.register_introspection_functions()
server.register_multicall_functions()


def see(name, value):
    "Returns the value."
    return value


def nothing():
    return "nothing"


def refuse(text):
    raise Fault(42, "no <luck> & more")


def told(*args):
    "Tells what Python makes of its arguments."
    return repr(args)


class Validator:
    "The suite validator1."

    def arrayOfStructsTest(self, structs):
        return sum(s["curly"] for s in structs)

    def countTheEntities(self, text):
        names = {"<": "LeftAngleBrackets", ">": "RightAngleBrackets", "&": "Ampersands", "'": "Apostrophes", '"': "Quotes"}
        return {"ct" + name: text.count(c) for c, name in names.items()}

    def easyStructTest(self, struct):
        return struct["moe"] + struct["larry"] + struct["curly"]

    def echoStructTest(self, struct):
        return struct

    def manyTypesTest(self, *values):
        return values

    def moderateSizeArrayCheck(self, texts):
        return texts[0] + texts[-1]

    def nestedStructTest(self, calendar):
        return self.easyStructTest(calendar["2000"]["04"]["01"])

    def simpleStructReturnTest(self, number):
        return {"times10": number * 10, "times100": number * 100, "times1000": number * 1000}


class Shop:
    validator1 = Validator()

    def price(self, name):
        return {"tea": 2.5}[name]


server.register_function(see)
server.register_function(nothing)
server.register_function(refuse)
server.register_function(told)
server.register_function(lambda a, b: a / b, "divide")
server.register_function(lambda: 2**40, "large")
server.register_function(lambda: {1: 2}, "keys")
server.register_function(lambda: {1, 2}, "set")
server.register_function(lambda: float("inf"), "inf")
server.register_function(lambda: "\x01", "control")
server.register_function(lambda: datetime.datetime(2024, 2, 29, 13, 45, 6, 789), "fraction")
server.register_function(lambda: datetime.datetime(2024, 2, 29, tzinfo=datetime.timezone.utc), "zone")
server.register_function(lambda: None, "none")
server.register_instance(Shop(), allow_dotted_names=True)

print(server.server_address[1], flush=True)
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
server.serve_forever()
