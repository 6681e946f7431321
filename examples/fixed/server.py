# The server in Python. Python 2.7 and 3 run it as it is.
#
#   python3 server.py [KEYFILE [HOST PORT]]
import struct
import sys
from multiprocessing import AuthenticationError
from multiprocessing.connection import Listener

keyfile = sys.argv[1] if len(sys.argv) > 1 else "tutorial.key"
address = (sys.argv[2], int(sys.argv[3])) if len(sys.argv) > 3 else ("127.0.0.1", 16003)
with open(keyfile, "rb") as f:
    key = f.read().rstrip(b"\n")

listener = Listener(address, authkey=key)
print("fixed listens on tcp://%s:%d" % listener.address)
sys.stdout.flush()
while True:
    try:
        c = listener.accept()
    except (AuthenticationError, EOFError, IOError) as e:  # of this client; another may come
        print("not logged in: %r" % e)
        continue
    try:
        while True:
            x, y = struct.unpack(">ii", c.recv_bytes(8))  # 8: nothing longer
            c.send_bytes(struct.pack(">ii", x + y, x - y))
    except EOFError:
        pass
    except (IOError, struct.error) as e:
        print("closed: %r" % e)
    sys.stdout.flush()
    c.close()
