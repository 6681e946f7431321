# The server of the tutorial. Python 2.7 and 3 run it as it is.
#
#   python3 server.py [HOST PORT]
import pickle
import socket
import sys

HEADERSIZE = 10
address = (sys.argv[1], int(sys.argv[2])) if len(sys.argv) > 2 else ("127.0.0.1", 16001)

s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(address)
s.listen(5)
print("headersize listens on %s:%d" % s.getsockname())
sys.stdout.flush()

while True:
    client, _ = s.accept()
    message = pickle.dumps({1: "Hello", 2: "World"})
    header = "{:<{}}".format(len(message), HEADERSIZE).encode("ascii")
    try:
        client.sendall(header + message)
    except socket.error as e:  # this client has gone; the next one may come
        print(e)
    client.close()
