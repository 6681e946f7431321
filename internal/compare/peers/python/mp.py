
from multiprocessing.connection import Client, Listener


def answer(conn):
    try:
        while True:
            name, args = conn.recv()
            conn.send(args[0] + args[1] if name == "add" else args[0])
    except (EOFError, OSError):
        conn.close()


def accept(listener):
    while True:
        try:
            conn = listener.accept()
        except (EOFError, OSError):
            continue  # the client has gone
        threading.Thread(target=answer, args=(conn,), daemon=True).start()


def address(addr):
    network, _, where = addr.partition("://")
    if network == "unix":
        return where
    host, _, port = where.rpartition(":")
    return host, int(port)


def dial(addr):
    conn = Client(address(addr), authkey=key)

    def call(name, args):
        conn.send((name, args))
        return conn.recv()

    return call, conn.close


# server KEY ADDRESS, or client KEY
role, key = sys.argv[1], sys.argv[2].encode()
if role == "server":
    addr = sys.argv[3]
    listener = Listener(address(addr), backlog=512, authkey=key)
    if addr.startswith("tcp"):
        addr = "tcp://%s:%d" % listener.address
    threading.Thread(target=accept, args=(listener,), daemon=True).start()
    serve(addr)
else:
    measure(dial)
