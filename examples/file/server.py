# The server in Python. Python 2.7 and 3 run it as it is.
#
#   python3 server.py [KEYFILE [HOST PORT [STORE]]]
import os
import struct
import sys
from multiprocessing import AuthenticationError
from multiprocessing.connection import Listener

from chunks import CHUNK, MAX_FILE, receive_file, send_file

keyfile = sys.argv[1] if len(sys.argv) > 1 else "tutorial.key"
address = (sys.argv[2], int(sys.argv[3])) if len(sys.argv) > 3 else ("127.0.0.1", 16004)
store = sys.argv[4] if len(sys.argv) > 4 else "stored.bin"
with open(keyfile, "rb") as f:
    key = f.read().rstrip(b"\n")


def serve(c):
    while True:
        message = c.recv_bytes(CHUNK)
        if message == b"get" and os.path.exists(store):
            with open(store, "rb") as f:
                size = os.fstat(f.fileno()).st_size
                c.send_bytes(b"ok" + struct.pack(">Q", size))
                send_file(c, f, size)
        elif message == b"get":
            raise ValueError("nobody has put a file yet")
        elif message[:3] == b"put" and len(message) == 11:
            (size,) = struct.unpack(">Q", message[3:])
            if size > MAX_FILE:
                raise ValueError("got a file of %d bytes; want at most %d" % (size, MAX_FILE))
            c.send_bytes(b"ok")
            print("put %d bytes, sha256 %s" % (size, receive_file(c, store, size)))
            sys.stdout.flush()
            c.send_bytes(b"ok")
        else:
            raise ValueError("want put with a size, or get")


listener = Listener(address, authkey=key)
print("file listens on tcp://%s:%d" % listener.address)
sys.stdout.flush()
while True:
    try:
        c = listener.accept()
    except (AuthenticationError, EOFError, IOError) as e:  # of this client; another may come
        print("not logged in: %r" % e)
        continue
    try:
        try:
            serve(c)
        except ValueError as e:  # tell the client why
            print("refused: %s" % e)
            c.send_bytes(str(e).encode("ascii"))
    except EOFError:
        pass
    except IOError as e:
        print("closed: %r" % e)
    sys.stdout.flush()
    c.close()
