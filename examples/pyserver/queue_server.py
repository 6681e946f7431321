# A manager that shares a queue and a dictionary, as programs in Python have it.
# Python 2.7 and 3 run it as it is.
#
#   python3 queue_server.py [KEYFILE [HOST PORT]]
#
# KEYFILE is pyserver.key unless said otherwise, which this makes:
#
#   parley auth keygen --authkey --out pyserver.key
import sys
from multiprocessing.managers import BaseManager, DictProxy

try:
    from queue import Queue
except ImportError:
    from Queue import Queue

keyfile = sys.argv[1] if len(sys.argv) > 1 else "pyserver.key"
address = (sys.argv[2], int(sys.argv[3])) if len(sys.argv) > 3 else ("127.0.0.1", 16010)
with open(keyfile, "rb") as f:
    key = f.read().rstrip(b"\n")

jobs = Queue()
done = {}


class Manager(BaseManager):
    pass


Manager.register("get_jobs", callable=lambda: jobs)
Manager.register("get_done", callable=lambda: done, proxytype=DictProxy)

server = Manager(address, key).get_server()
sys.stdout.write("tcp://%s:%d\n" % server.address)
sys.stdout.flush()
server.serve_forever()
