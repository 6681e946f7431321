
from multiprocessing.connection import Client, Listener


def answer(conn):
    try:
        while True:
            name, args = conn.recv()
            conn.send(args[0] + args[1] if name == "add" else args[0])
    except EOFError:
        conn.close()


def accept(listener):
    while True:
        threading.Thread(target=answer, args=(listener.accept(),), daemon=True).start()


def dial(addr):
    network, _, where = addr.partition("://")
    if network == "tcp":
        host, _, port = where.rpartition(":")
        where = (host, int(port))
    conn = Client(where, authkey=key)

    def call(name, args):
        conn.send((name, args))
        return conn.recv()

    return call, conn.close


# server KEY [unix://PATH], or client KEY
role, key = sys.argv[1], sys.argv[2].encode()
if role == "server":
    if len(sys.argv) > 3:
        addr = sys.argv[3]
        listener = Listener(addr.partition("://")[2], "AF_UNIX", backlog=512, authkey=key)
    else:
        listener = Listener(("127.0.0.1", 0), backlog=512, authkey=key)
        addr = "tcp://%s:%d" % listener.address
    threading.Thread(target=accept, args=(listener,), daemon=True).start()
    serve(addr)
else:
    measure(dial)
