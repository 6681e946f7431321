# The client in Python. Python 2.7 and 3 run it as it is.
#
#   python3 client.py [KEYFILE [HOST PORT]]
import sys
from multiprocessing.connection import Client

keyfile = sys.argv[1] if len(sys.argv) > 1 else "tutorial.key"
address = (sys.argv[2], int(sys.argv[3])) if len(sys.argv) > 3 else ("127.0.0.1", 16002)
with open(keyfile, "rb") as f:
    key = f.read().rstrip(b"\n")

c = Client(address, authkey=key)  # waits as long as it takes
c.send("Monty")
for _ in range(5):
    if c.poll(1):
        print(c.recv())
        break
    print("no greeting within 1 s")
else:
    sys.exit("no greeting within 5 s")
c.close()
