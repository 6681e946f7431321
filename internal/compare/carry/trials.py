# The trials of the columns of Python: what its standard library can do with the servers
# of the parent of this process. clients.py stands before it in the same program.

# What arrives.

def minutes(n):
    return datetime.timezone(datetime.timedelta(minutes=n))


class Product:
    def __init__(self):
        self.name = "tea"


NOON = datetime.datetime(2024, 2, 29, 12, 30, 15)
LIST = [1, "a", 2.5]
VALUES = {
    "nil": None,
    "a boolean": [True, False],
    "an integer of 32 bits": [0, -1, 2**31 - 1, -2**31],
    "an integer of 64 bits": [2**40, 2**63 - 1, -2**63],
    "an integer of 101 bits": -2**100,
    "a float": [0.1, 1e300, 5e-324, 3.0],
    "-0.0": -0.0,
    "NaN and the infinities": [float("nan"), float("inf"), float("-inf")],
    "a text": "Gr\u00fc\u00dfe \u4e16\u754c \U0001F30D <&> ]]> \t\"'",
    "a text with CR and LF": " a\r\nb\nc\r ",
    "a text with control characters": "a\x00b\x1bc",
    "an empty text": "",
    "bytes": b"\x00\xff<a>",
    "a bytearray": bytearray(b"\x00\xff"),
    "a time with its zone": NOON.replace(tzinfo=minutes(330)),
    "a time in UTC": NOON.replace(tzinfo=datetime.timezone.utc),
    "a time without a zone": NOON,
    "parts of a second": NOON.replace(microsecond=123456, tzinfo=datetime.timezone.utc),
    "a duration": datetime.timedelta(seconds=90),
    "a list": LIST,
    "an empty list": [],
    "lists and maps in one another": {"a": [{"b": LIST}, []]},
    "a map with text keys": {"a": 1, "\u0434\u0432\u0430 \u0441\u043b\u043e\u0432\u0430": 2},
    "a map with integer keys": {1: "a", -2: "b"},
    "a map with tuples as keys": {(1, "a"): 2},
    "a record": {"item": "tea", "qty": 2, "price": 1.5, "tags": ["a"]},
    "a list of records": [{"item": "tea", "qty": 2, "price": 1.5, "tags": ["a"]}, {"item": "salt", "qty": 1, "price": 0.5, "tags": []}],
    "an instance of a class that is not registered": Product(),
    "a tuple": (1, "a"),
    "a set": {1, "a"},
    "a frozenset": frozenset([1, "a"]),
    "a decimal": decimal.Decimal("1.50"),
    "a fraction": fractions.Fraction(1, 3),
    "a complex number": 1.5 - 2j,
    "a UUID": uuid.UUID(bytes=b"\x12\x34" + bytes(13) + b"\x56"),
    "a range": range(0, 9, 2),
}


def value(call, name):
    v = VALUES[name]
    try:
        seen_kind, seen = call("seen", v)
    except Exception as e:
        return refused(call, e)
    want = order["seen"].get(name)  # what the function of Go sees of the same value of Go
    if want and seen != want[1]:
        return changed(seen_kind if seen_kind != want[0] else seen)
    try:
        back = call("echo", v)
    except Exception as e:
        verdict, why = refused(call, e)
        return verdict, "arrives, and does not come back: " + why
    if not same(back, v):
        return changed("comes back as " + (kind(back) if kind(back) != kind(v) else str(back)))
    return yes("" if want else "%s for a function of Go" % seen_kind)


def record(call, sent, want):
    got = call("line", sent)
    return yes() if got == want else changed(got)


# How much.

def size(v):
    def trial(call):
        try:
            back = call("echo", v())
        except Broken:
            if not works(connect()):
                raise
            return no("the connection is closed" if lane == "py-mp" else order["by_length"])
        except xmlrpc.client.ProtocolError as e:
            if e.errcode != 413 or not works(call):
                raise
            return no(order["by_length"])
        except Exception as e:
            return refused(call, e)
        if back != v():
            raise ValueError("what came back is not what was sent")
        return yes()
    return trial


def deep(n):
    v = []
    for _ in range(n - 1):
        v = [v]
    return v


def length(name, args, n):
    def trial(call):
        try:
            got = call(name, *args)
        except Exception as e:
            return refused(call, e)
        if len(got) != n:
            raise ValueError("got %d bytes" % len(got))
        return yes()
    return trial


# Streams.

def expect(got, want, outcome):
    if got != want:
        raise ValueError("got %r" % (got,))
    return outcome


def endless(call):
    try:
        call("endless", call("gate.new", True))
    except Exception as e:
        return refused(call, e)
    raise ValueError("an endless list has come")


HALVES = b"a" * 65536 + b"b" * 65536

# Calls.


def many(call):
    n = 8
    gate = call("gate.new", False)
    met = []

    def one():
        own = connect()
        met.append(own("meet", gate, n))
        own.close()
    threads = [threading.Thread(target=one) for _ in range(n)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    most, connections = call("gate.met", gate)
    if most != n or connections != n or met != [True] * n:
        raise ValueError("%d met on %d connections" % (most, connections))
    return changed("on a connection for each")


class Impatient(xmlrpc.client.Transport):
    seconds = 0.5

    def make_connection(self, host):
        conn = super().make_connection(host)
        conn.timeout = self.seconds
        return conn


def cancel(call):
    gate = call("gate.new", False)
    if lane == "py-mp":
        own = connect()
        own.conn.send(("wait", (gate,)))
        if not call("gate.begun", gate):
            raise ValueError("the function does not begin")
        own.close()
        if call("gate.ended", gate):
            return changed("by closing the connection")
    for seconds in (0.3, 2, 8):
        transport = Impatient(use_builtin_types=True)
        transport.seconds = seconds
        own = Web(transport=transport)
        try:
            own("wait", gate)
        except socket.timeout:
            pass
        if call("gate.ended", gate):
            return changed("by a time-out of the connection")
    return no("the function goes on")


def deadline(call):
    left = call("left")
    if left <= 7000:
        raise ValueError("the function sees %d ms" % left)
    return no("it has the server's own, %d s" % ((left + 4999) // 5000 * 5))  # a busy machine may have used some


def back(call):
    try:
        call("ask")
    except Exception as e:
        return refused(call, e)
    raise ValueError("the caller was called")


def multicall(call):
    if lane == "py-mp":
        calls = [{"methodName": "add", "params": [3, 5]}, {"methodName": "buy", "params": []}, {"methodName": "add", "params": [1, 1]}]
        got = call("system.multicall", calls)
        return expect(got, [[8], {"faultCode": 404, "faultString": "sold out"}, [2]], changed("as a list, made and read by the caller"))
    m = xmlrpc.client.MultiCall(call.proxy)
    m.add(3, 5)
    m.buy()
    m.add(1, 1)
    got = m()
    try:
        got[1]
    except xmlrpc.client.Fault as e:
        return expect((got[0], e.faultCode, got[2]), (8, 404, 2), yes())
    raise ValueError("no fault")


def by_name(call):
    try:
        return expect(call("add", a=3, b=5), 8, yes())
    except TypeError as e:
        return refused(call, TypeError("its calls take none"))


def fault(code, name, *args):
    def trial(call):
        try:
            call(name, *args)
        except xmlrpc.client.Fault as e:
            return expect(e.faultCode, code, yes("by faultCode"))
        except TypeError as e:
            return expect(code, -32602, yes("a TypeError"))
        except RuntimeError as e:
            return expect(str(e).startswith("fault %d: " % code), True, changed("in the text of a RuntimeError: fault %d: \u2026" % code))
        raise ValueError("no fault")
    return trial


class WithHeader(xmlrpc.client.Transport):
    def send_headers(self, connection, headers):
        super().send_headers(connection, headers + [("Parley-Meta-Tenant", "acme")])


def meta(call):
    if lane == "py-mp":
        return expect(call("meta"), "", no("a call has no place for it"))
    own = Web(transport=WithHeader(use_builtin_types=True))
    return expect(own("meta"), "acme", changed("as a header, the same for all calls of a client"))


def introspection(call):
    if "add" not in call("system.listMethods"):
        raise ValueError("add is missing")
    return expect(call("system.methodSignature", "add"), [["int", "int", "int"]], yes())


def through_proxy():
    return Native(order["proxy"]) if lane == "py-mp" else Web("http://%s:%d/RPC2" % tuple(order["proxy"]))


def after_break(call):
    own = through_proxy()
    works(own)
    call("cut", lane)
    try:
        return expect(own("add", 3, 5), 8, yes())
    except Broken:
        return expect(works(connect()), True, no("the program has to make a new connection"))


def again(call):
    gate = call("gate.new", False)
    got = []

    def one():
        own = through_proxy()
        try:
            got.append(own("again", gate))
        except Broken:
            got.append("broken")
    t = threading.Thread(target=one)
    t.start()
    if not call("gate.begun", gate):
        raise ValueError("the function does not begin")
    call("cut", lane)
    t.join()
    runs = call("gate.runs", gate)
    if got == ["broken"] and runs == 1:
        return no("nothing is made again")
    return expect((got, runs), ([2], 2), changed("made again without being asked, whether or not it does harm"))


def drain(call):
    gate, url = call("mortal", lane)
    if lane == "py-mp":
        host, port = url.split("://")[1].split(":")
        own = Native((host, int(port)))
    else:
        own = Web(url)
    return expect((own("drain", gate), call("gate.drained", gate)), (True, True), yes())


# Who can call.

def user(url, name, password, **options):
    scheme, rest = url.split("://")
    return Web("%s://%s:%s@%s" % (scheme, name, password.replace(" ", "%20"), rest), **options)


def whoami(call):
    while True:  # while there is no room to look at one more password
        try:
            return call("whoami")
        except xmlrpc.client.ProtocolError as e:
            if e.errcode != 503:
                raise
        time.sleep(0.05)


def login(own, want):
    """Is the outcome of a login that may be refused."""
    try:
        who = whoami(own())
    except AuthenticationError:
        return no("AuthenticationError")
    except xmlrpc.client.ProtocolError as e:
        if e.errcode != 401:
            raise
        return no(refusal(e))
    if who == "":
        return changed("let in, and the function is not told who it is")
    return expect(who, want, yes("as " + want))


def must_refuse(own):
    if login(own, "nobody")[0] != "no":
        raise ValueError("a wrong login was let in")


def no_login(call):
    if lane == "py-xmlrpc":
        return expect(call("add", 3, 5), 8, yes())
    conn = Client((order["host"], order["port"]))
    try:
        conn.recv()
    except pickle.UnpicklingError:
        return no("the server asks for the key first")
    finally:
        conn.close()
    raise ValueError("an object has come")


def by_authkey(call):
    if lane == "py-mp":
        must_refuse(lambda: Native(authkey=b"another key"))
        return login(Native, "neighbour")
    return login(lambda: user(order["web"], "neighbour.k1", order["auth_text"]), "neighbour")


def by_password(call):
    if lane == "py-mp":
        return login(lambda: Native(authkey=order["password"].encode()), "guest")
    must_refuse(lambda: user(order["web"], "guest", "another"))
    return login(lambda: user(order["web"], "guest", order["password"]), "guest")


def by_key(call):
    if lane == "py-mp":
        return login(lambda: Native(authkey=order["key"].encode()), "bot")
    must_refuse(lambda: user(order["web"], "bot.web", "parley1_another"))
    return login(lambda: user(order["web"], "bot.web", order["key"]), "bot")


def no_tls(address):
    conn = Client(tuple(address))
    try:
        conn.send(("add", (3, 5)))
        conn.recv()
    except (EOFError, OSError):
        return no("Client knows no TLS")
    finally:
        conn.close()
    raise ValueError("an object has come")


def by_certificate(call):
    if lane == "py-mp":
        return no_tls(order["mutual"])
    stranger = Web(order["https_open"], context=ssl.create_default_context(cafile=order["ca"]))
    try:
        stranger("whoami")
    except (OSError, Broken):
        pass
    else:
        raise ValueError("a client without a certificate was let in")
    context = ssl.create_default_context(cafile=order["ca"])
    context.load_cert_chain(order["cert"])
    return login(lambda: Web(order["https_open"], context=context), "urn:client")


def by_tls(call):
    if lane == "py-mp":
        return no_tls(order["tls"])
    return login(lambda: user(order["https"], "bot.web", order["key"], context=ssl.create_default_context(cafile=order["ca"])), "bot")


def no_authority(call):
    if lane == "py-mp":
        return no_tls(order["tls"])
    try:
        user(order["https"], "bot.web", order["key"], context=ssl.create_default_context())("whoami")
    except ssl.SSLError as e:
        if "certificate verify failed" not in str(e):
            raise
        return no("certificate verify failed")
    raise ValueError("a certificate that nobody has signed was trusted")


class Dials(xmlrpc.client.Transport):
    def make_connection(self, host):
        conn = http.client.HTTPConnection("localhost")
        conn.sock = socket.socket(socket.AF_UNIX)
        conn.sock.connect(order["web_unix"])
        return conn


def over_unix(call):
    if lane == "py-mp":
        own = Native(order["unix"], "AF_UNIX")
        return expect(own("add", 3, 5), 8, yes())
    own = Web("http://localhost/RPC2", transport=Dials(use_builtin_types=True))
    return expect(own("add", 3, 5), 8, changed("by a transport that dials it"))


def policy(call):
    own = Native(order["unix"], "AF_UNIX") if lane == "py-mp" else user(order["web"], "bot.web", order["key"])
    errors = []
    for name in ("echo", "ohce"):
        try:
            own(name, 1)
        except (AttributeError, xmlrpc.client.Fault) as e:
            errors.append(str(e).replace("ohce", "echo"))
    if len(errors) != 2 or errors[0] != errors[1]:
        raise ValueError("denied and unknown: %r" % errors)
    return expect(own("add", 3, 5), 8, yes("others do not exist for it"))


TRIALS = {
    "a record with a field less": lambda c: record(c, {"item": "tea"}, order["lines"][0]),
    "a record with a field more": lambda c: record(c, {"item": "tea", "qty": 2, "colour": "green"}, order["lines"][1]),
    "16 MiB of bytes as a result": length("blob", (16 << 20,), 16 << 20),
    "a result, item by item": lambda c: expect(c("numbers", c("gate.new", True)), [1, 2, 3], changed("a list, when all of it is there")),
    "a result without an end, which the caller stops": endless,
    "an argument, item by item": lambda c: expect(c("sum", c("gate.new", True), [1, 2, 3]), 6, changed("a list, made by the caller")),
    "both in one call, each item answered before the next": lambda c: expect(c("double", [1, 2, 3]), [2, 4, 6], changed("lists, made by the caller")),
    "a result of bytes, as they come": lambda c: expect(c("download", c("gate.new", True)), HALVES, changed("bytes, when all of them are there")),
    "an argument of bytes, as they come": lambda c: expect(c("upload", c("gate.new", True), HALVES), len(HALVES), changed("bytes, when all of them are there")),
    "8 calls at once of one client": many,
    "a call that is cancelled ends its function": cancel,
    "the deadline of the caller reaches the function": deadline,
    "a function calls its caller": back,
    "many calls in one request, each with its result or fault": multicall,
    "arguments by name": by_name,
    "a fault with its code": fault(404, "buy"),
    "arguments that do not fit are told from other faults": fault(-32602, "add", "three", 5),
    "metadata beside the arguments": meta,
    "what there is to call, and how": introspection,
    "the next call, after the connection broke": after_break,
    "a call whose connection breaks is made again, if it is marked as idempotent": again,
    "a server that shuts down answers what it has begun": drain,
    "without a login, from loopback": no_login,
    "with an authkey, that of Python's multiprocessing": by_authkey,
    "with a name and a password": by_password,
    "with a generated key": by_key,
    "with a certificate of the client": by_certificate,
    "inside TLS, with a certificate authority": by_tls,
    "inside TLS, without a certificate authority": no_authority,
    "over a unix socket": over_unix,
    "each caller may call what the policy says": policy,
}
for mib in order["blobs"]:
    TRIALS["%d MiB of bytes" % mib] = size(lambda mib=mib: bytes(range(256)) * (mib << 12))
for n in order["lengths"]:
    TRIALS["a list of %d integers" % n] = size(lambda n=n: list(range(n)))
for n in order["depths"]:
    TRIALS["lists in one another, %d deep" % n] = size(lambda n=n: deep(n))
for name in VALUES:
    TRIALS[name] = lambda c, name=name: value(c, name)

for name, trial in TRIALS.items():
    try:
        call = connect()
        verdict, note = trial(call)
        call.close()
    except Exception as e:
        verdict, note = "broke", "%s: %s" % (type(e).__name__, e)
    print(json.dumps({"name": name, "verdict": verdict, "note": note}), flush=True)
