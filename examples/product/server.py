# The server in Python. Python 2.7 and 3 run it as it is.
#
#   python3 server.py [KEYFILE [HOST PORT [PAUSE]]]
import sys
import time
from multiprocessing import AuthenticationError
from multiprocessing.connection import Listener

from product import Product

keyfile = sys.argv[1] if len(sys.argv) > 1 else "tutorial.key"
address = (sys.argv[2], int(sys.argv[3])) if len(sys.argv) > 3 else ("127.0.0.1", 16006)
pause = float(sys.argv[4]) if len(sys.argv) > 4 else 0.1
with open(keyfile, "rb") as f:
    key = f.read().rstrip(b"\n")

products = [
    Product(1, "pen", 1.2),
    Product(2, "ruler", 2.5),
    Product(3, "notebook", 3.75),
    Product(4, "lamp", 24.9),
    Product(5, "chair", 89.0),
]

listener = Listener(address, authkey=key)
print("product listens on tcp://%s:%d" % listener.address)
sys.stdout.flush()
while True:
    try:
        c = listener.accept()
    except (AuthenticationError, EOFError, IOError) as e:  # of this client; another may come
        print("not logged in: %r" % e)
        continue
    try:
        c.send({"name": "Corner shop", "products": len(products)})
        for p in products:
            c.send(p)
            time.sleep(pause)
    except IOError as e:
        print("went away: %r" % e)
    sys.stdout.flush()
    c.close()
