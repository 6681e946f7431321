# The client in Python. Python 2.7 and 3 run it as it is.
#
#   python3 client.py put FILE [KEYFILE [HOST PORT]]
#   python3 client.py get FILE [KEYFILE [HOST PORT]]
import os
import struct
import sys
from multiprocessing.connection import Client

from chunks import expect_ok, receive_file, send_file

command, path = sys.argv[1:3]
keyfile = sys.argv[3] if len(sys.argv) > 3 else "tutorial.key"
address = (sys.argv[4], int(sys.argv[5])) if len(sys.argv) > 5 else ("127.0.0.1", 16004)
with open(keyfile, "rb") as f:
    key = f.read().rstrip(b"\n")

c = Client(address, authkey=key)
if command == "put":
    with open(path, "rb") as f:
        size = os.fstat(f.fileno()).st_size
        c.send_bytes(b"put" + struct.pack(">Q", size))
        expect_ok(c)
        digest = send_file(c, f, size)
    expect_ok(c)
elif command == "get":
    c.send_bytes(b"get")
    (size,) = struct.unpack(">Q", expect_ok(c))
    digest = receive_file(c, path, size)
else:
    sys.exit("usage: client.py put|get FILE [KEYFILE [HOST PORT]]")
print("%s %s: sha256 %s" % (command, path, digest))
c.close()
