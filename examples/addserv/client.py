# The client of the tutorial. Python 2.7 and 3 run it as it is.
#
#   python3 client.py [KEYFILE [HOST PORT]]
import sys
from multiprocessing.connection import Client

keyfile = sys.argv[1] if len(sys.argv) > 1 else "addserv.key"
address = (sys.argv[2], int(sys.argv[3])) if len(sys.argv) > 3 else ("127.0.0.1", 16000)
with open(keyfile, "rb") as f:
    key = f.read().rstrip(b"\n")

c = Client(address, authkey=key)
for pair in [(3, 5), ("Hello", "World"), ([1, 2, 3], [4, 5])]:
    c.send(pair)
    print("%r and %r is %r" % (pair[0], pair[1], c.recv()))
c.close()
