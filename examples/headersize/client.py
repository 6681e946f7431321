# The client of the tutorial. Python 2.7 and 3 run it as it is.
#
#   python3 client.py [HOST PORT]
#
# pickle.loads runs what the server says: use it with servers of your own alone.
import pickle
import socket
import sys

HEADERSIZE = 10
address = (sys.argv[1], int(sys.argv[2])) if len(sys.argv) > 2 else ("127.0.0.1", 16001)


def receive(s, n):
    data = b""
    while len(data) < n:
        part = s.recv(min(n - len(data), 4096))
        if not part:
            raise EOFError("got %d bytes of %d" % (len(data), n))
        data += part
    return data


s = socket.create_connection(address, timeout=10)
length = int(receive(s, HEADERSIZE))
greeting = pickle.loads(receive(s, length))
for n in sorted(greeting):
    print("%d: %s" % (n, greeting[n]))
s.close()
