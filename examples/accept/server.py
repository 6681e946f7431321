# The server in Python. Python 2.7 and 3 run it as it is.
#
#   python3 server.py [KEYFILE [HOST PORT]]
#
# accept() has no time-out, and a client that connects and then does not log in
# holds it up. Only once a client is there can the server wait for so long and no
# longer, by poll.
import sys
from multiprocessing import AuthenticationError
from multiprocessing.connection import Listener

keyfile = sys.argv[1] if len(sys.argv) > 1 else "tutorial.key"
address = (sys.argv[2], int(sys.argv[3])) if len(sys.argv) > 3 else ("127.0.0.1", 16002)
with open(keyfile, "rb") as f:
    key = f.read().rstrip(b"\n")

listener = Listener(address, authkey=key)
print("accept listens on tcp://%s:%d" % listener.address)
sys.stdout.flush()
while True:
    try:
        c = listener.accept()
    except (AuthenticationError, EOFError, IOError) as e:  # of this client; another may come
        print("not logged in: %r" % e)
        continue
    try:
        if c.poll(5):
            name = c.recv()
            print("%s came" % name)
            c.send("Hello, " + name)
        else:
            print("said nothing within 5 s")
    except (EOFError, IOError) as e:
        print("went away: %r" % e)
    sys.stdout.flush()
    c.close()
