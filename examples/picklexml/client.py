# The client in Python. Python 2.7 and 3 run it as it is.
#
#   python3 client.py [URL]
#
# pickle.loads runs what the server says: use it with servers of your own alone.
import pickle
import sys

try:
    from xmlrpc.client import Binary, ServerProxy
except ImportError:  # Python 2
    from xmlrpclib import Binary, ServerProxy

server = ServerProxy(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:16005/RPC2")
for a, b in [(3, 5), ("Hello", "World"), ((1, 2), (3,)), (1 << 62, 1 << 62)]:
    answer = server.add(Binary(pickle.dumps(a)), Binary(pickle.dumps(b)))
    print("%r and %r is %r" % (a, b, pickle.loads(answer.data)))
