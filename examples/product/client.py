# The client in Python. Python 2.7 and 3 run it as it is.
#
#   python3 client.py [KEYFILE [HOST PORT]]
import sys
from multiprocessing.connection import Client

import product  # has to be there: what arrives is an instance of its class

keyfile = sys.argv[1] if len(sys.argv) > 1 else "tutorial.key"
address = (sys.argv[2], int(sys.argv[3])) if len(sys.argv) > 3 else ("127.0.0.1", 16006)
with open(keyfile, "rb") as f:
    key = f.read().rstrip(b"\n")

c = Client(address, authkey=key)
shop = c.recv()
print("%s has %d products" % (shop["name"], shop["products"]))
total = 0
while True:
    try:
        p = c.recv()
    except EOFError:  # the server has closed the connection: that was all
        break
    assert isinstance(p, product.Product)
    print(p.label())
    total += p.pprice
print("all of them cost %.2f" % total)
c.close()
