
from socketserver import ThreadingMixIn
from xmlrpc.client import Binary, ServerProxy
from xmlrpc.server import SimpleXMLRPCRequestHandler, SimpleXMLRPCServer


class Handler(SimpleXMLRPCRequestHandler):
    protocol_version = "HTTP/1.1"  # keeps connections
    disable_nagle_algorithm = True
    rpc_paths = ("/RPC2",)
    encode_threshold = None  # no gzip


class Server(ThreadingMixIn, SimpleXMLRPCServer):
    daemon_threads = True
    request_queue_size = 512


def dial(addr):
    proxy = ServerProxy("http://%s/RPC2" % addr.partition("://")[2], use_builtin_types=True)

    def call(name, args):
        return getattr(proxy, name)(*args)

    return call, proxy("close")


if sys.argv[1] == "server":
    server = Server(("127.0.0.1", 0), requestHandler=Handler, logRequests=False, use_builtin_types=True)
    server.register_function(lambda a, b: a + b, "add")
    for name in ("list", "records", "blob"):
        server.register_function(lambda value: value, name)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    serve("tcp://%s:%d" % server.server_address)
else:
    measure(dial)
