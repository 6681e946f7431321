# The same function from Python, by what Python has.
#
#   python3 client.py http://127.0.0.1:8080/RPC2 127.0.0.1 16000 KEYFILE
import sys
import xmlrpc.client
from multiprocessing.connection import Client

url, host, port, keyfile = sys.argv[1:]
key = open(keyfile, "rb").read().rstrip(b"\n")

server = xmlrpc.client.ServerProxy(url)
print("xmlrpc:", server.add(3, 5))

with Client((host, int(port)), authkey=key) as c:
    c.send(("add", (3, 5)))
    print("native:", c.recv())
