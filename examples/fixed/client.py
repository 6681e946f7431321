# The client in Python. Python 2.7 and 3 run it as it is.
#
#   python3 client.py [KEYFILE [HOST PORT]]
import struct
import sys
from multiprocessing.connection import Client

keyfile = sys.argv[1] if len(sys.argv) > 1 else "tutorial.key"
address = (sys.argv[2], int(sys.argv[3])) if len(sys.argv) > 3 else ("127.0.0.1", 16003)
with open(keyfile, "rb") as f:
    key = f.read().rstrip(b"\n")

c = Client(address, authkey=key)
for x, y in [(3, 5), (-40, 2)]:
    c.send_bytes(struct.pack(">ii", x, y))
    print("%d and %d: sum %d, difference %d" % ((x, y) + struct.unpack(">ii", c.recv_bytes(8))))
c.close()
