# A program that uses a BaseManager. Python 2.7 and 3 run it as it is.
#
#   python3 client.py [KEYFILE [HOST PORT]]
import sys
import threading
from multiprocessing.managers import BaseManager

keyfile = sys.argv[1] if len(sys.argv) > 1 else "manager.key"
address = (sys.argv[2], int(sys.argv[3])) if len(sys.argv) > 3 else ("127.0.0.1", 16000)
with open(keyfile, "rb") as f:
    key = f.read().rstrip(b"\n")

class Service(BaseManager):
    pass

Service.register("rpc")    # functions without a dot in their name
Service.register("stock")  # stock.count and stock.take

service = Service(address, authkey=key)
service.connect()

rpc = service.rpc()
print("3 and 5 is %r" % rpc.add(3, 5))
print("by name: %r" % rpc.add(b=[3], a=[1, 2]))
print("counting down: %r" % rpc.countdown(3))

stock = service.stock()

def take():
    for _ in range(3):
        stock.take("saw", 1)

threads = [threading.Thread(target=take) for _ in range(4)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("saws left: %r" % stock.count("saw"))

try:
    stock.take("hammer", 5)
except RuntimeError as e:
    print("RuntimeError: %s" % e)
try:
    rpc.add(1, "x")
except TypeError as e:
    print("TypeError: %s" % e)
