# The server in Python. Python 2.7 and 3 run it as it is.
#
#   python3 server.py [HOST PORT]
import io
import pickle
import sys

try:
    from xmlrpc.client import Binary
    from xmlrpc.server import SimpleXMLRPCRequestHandler, SimpleXMLRPCServer
except ImportError:  # Python 2
    from SimpleXMLRPCServer import SimpleXMLRPCRequestHandler, SimpleXMLRPCServer
    from xmlrpclib import Binary

address = (sys.argv[1], int(sys.argv[2])) if len(sys.argv) > 2 else ("127.0.0.1", 16005)


class PlainUnpickler(pickle.Unpickler):
    """Whoever can connect chooses the pickle: no class and no function is known."""

    def find_class(self, module, name):
        raise pickle.UnpicklingError("%s.%s is refused" % (module, name))


def loads(data):
    return PlainUnpickler(io.BytesIO(data)).load()


def add(a, b):
    return Binary(pickle.dumps(loads(a.data) + loads(b.data), 2))


class Handler(SimpleXMLRPCRequestHandler):
    rpc_paths = ("/RPC2",)


server = SimpleXMLRPCServer(address, requestHandler=Handler, logRequests=False)
server.register_function(add)
print("picklexml listens on http://%s:%d/RPC2" % server.server_address)
sys.stdout.flush()
server.serve_forever()
