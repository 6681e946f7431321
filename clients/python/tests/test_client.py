"""Calls, faults, time-outs, threads, and the end of connections."""

import copy
import multiprocessing
import os
import pickle
import socket
import struct
import threading
import time

import parley

from .fake import KEY, Case


def answers(*values):
    """A server that logs a client in and answers each call with the next value."""
    def serve(p):
        p.login()
        for v in values:
            p.calls = getattr(p, "calls", []) + [pickle.loads(p.receive())]
            p.send(v if isinstance(v, bytes) else pickle.dumps(v))
        p.receive()
    return serve


def echo(p):
    """A server that answers each call with the call."""
    p.login()
    while True:
        p.send(p.receive())


class TestCalls(Case):
    def test_forms(self):
        c = self.client(self.server(echo))
        self.assertEqual(c.add(3, 5), ("add", (3, 5)))
        self.assertEqual(c.add(a=1, b=2), ("add", (), {"a": 1, "b": 2}))
        self.assertEqual(c.catalog.get(1), ("catalog.get", (1,)))
        self.assertEqual(c.a.b._c.d(), ("a.b._c.d", ()))
        self.assertEqual(c.call("close"), ("close", ()))
        self.assertEqual(c.call("odd name!", [1], {"k": 2}, timeout=3), ("odd name!", (1,), {"k": 2}))
        self.assertEqual(c.call("x", iter([1, 2])), ("x", (1, 2)))
        get = c.catalog.get
        self.assertEqual([get(i)[1][0] for i in range(3)], [0, 1, 2])

    def test_wrong_use(self):
        c = self.client(self.server(echo))
        for wrong in [lambda: c.call(1), lambda: c.call("x", "abc"), lambda: c.call("x", b"abc"), lambda: c.call("x", timeout="1")]:
            self.assertRaises(TypeError, wrong)
        for timeout in (0, -1, float("nan"), float("inf")):
            self.assertRaises(ValueError, c.call, "x", timeout=timeout)
        deep = []
        for _ in range(100000):
            deep = [deep]

        class Odd:
            def __reduce__(self):
                raise KeyError("odd")
        for text, args, kwargs in [  # nothing was sent
            (r"add: args\[1\], of type function, cannot be sent: .*lambda", (1, lambda: 0), {}),
            ("add: b, of type generator, cannot be sent", (1,), {"b": (i for i in ())}),
            (r"add: args\[0\], of type lock, cannot be sent", (threading.Lock(),), {}),
            (r"add: args\[0\], of type Odd, cannot be sent: KeyError: 'odd'", (Odd(),), {}),
            (r"add: args\[0\], of type list, cannot be sent: RecursionError", (deep,), {}),
        ]:
            with self.assertRaisesRegex(TypeError, text):
                c.add(*args, **kwargs)
        self.assertEqual(c.add(), ("add", ()))

    def test_names_of_python_are_no_functions(self):
        c = self.client(self.server(echo))
        for wrong in [lambda: c._private, lambda: c.__len__, lambda: c.catalog.__iter__, lambda: copy.deepcopy(c),
                      lambda: pickle.dumps(c), lambda: copy.copy(c), lambda: 1 in c, lambda: list(c)]:
            self.assertRaises((AttributeError, TypeError), wrong)

    def test_no_key_in_what_a_traceback_shows(self):
        c = self.client(self.server(echo))
        self.assertNotIn(KEY.decode(), repr(vars(c)))

    def test_faults(self):
        c = self.client(self.server(answers(
            AttributeError("fault -32601: method not found: x"), TypeError("fault -32602: add: expected 2"),
            RuntimeError("fault 7: no\nsuch"), ValueError("a", 1), KeyError(), SystemExit("fault 1: "), [ValueError("x")])))
        with self.assertRaisesRegex(parley.FunctionNotFound, "^fault -32601: method not found: x$") as e:
            c.x()
        self.assertIsInstance(e.exception, AttributeError)
        with self.assertRaises(parley.ArgumentsFault) as e:
            c.x()
        self.assertIsInstance(e.exception, TypeError)
        for code, message, exception in [(7, "no\nsuch", None), (-32500, "ValueError: a, 1", ValueError), (-32500, "KeyError", KeyError), (1, "", None)]:
            with self.assertRaises(parley.Fault) as e:
                c.x()
            f = e.exception
            self.assertEqual((f.code, f.message, f.exception and type(f.exception)), (code, message, exception))
            again = pickle.loads(pickle.dumps(f))
            self.assertEqual((type(again), again.code, again.message), (type(f), code, message))
        self.assertIsInstance(c.x()[0], ValueError)  # a value among others

    def test_os_system_is_refused(self):
        marker = os.path.join(os.path.dirname(os.path.abspath(__file__)), "nobody-makes-this")

        class Evil:
            def __reduce__(self):
                return os.system, ("touch '%s'" % marker,)
        server = self.server(answers(Evil(), [1, {"x": Evil()}], 8))
        c = self.client(server)
        for _ in range(2):
            with self.assertRaisesRegex(parley.AnswerError, "(posix|nt).system is not known here"):
                c.add(3, 5)
        self.assertFalse(os.path.exists(marker))
        self.assertEqual(c.add(3, 5), 8)  # on the same connection
        self.assertEqual(server.count, 1)

    def test_large_messages(self):
        c = self.client(self.server(echo), max_message=3 << 20)
        for n in (0, 1, 16370, 16384, 16385, 70000, 1 << 20, (3 << 20) - 100):
            self.assertEqual(c.x(b"x" * n)[1][0], b"x" * n)

    def test_answer_above_the_limit(self):
        server = self.server(echo)
        c = self.client(server, max_message=1000)
        with self.assertRaisesRegex(parley.AnswerError, "at most 1000 are taken"):
            c.x(b"x" * 1001)
        self.assertEqual(c.x(1), ("x", (1,)))  # on a new connection
        self.assertEqual(server.count, 2)

    def test_hostile_lengths(self):
        def serve(p):
            p.login()
            p.receive()
            p.sock.sendall(headers.pop())
            p.sock.shutdown(socket.SHUT_WR)
            p.receive()
        headers = [struct.pack("!i", -3), struct.pack("!iQ", -1, 5), b"\0\0\1\0abc", b"\0\0"]
        c = self.client(self.server(serve))
        while headers:
            with self.subTest(headers[-1]), self.assertRaises(parley.LinkError) as e:
                c.x()
            self.assertTrue(e.exception.sent)
        # The long form, as it is meant: no memory is taken for what is not coming.
        headers = [struct.pack("!iQ", -1, 1 << 40)]
        with self.assertRaisesRegex(parley.AnswerError, "at most"):
            c.x()


class TestTimeouts(Case):
    def test_late_answer_is_not_that_of_the_next_call(self):
        def late(p):
            p.login()
            p.receive()
            gone.append(p.sock.recv(1))
            p.send(pickle.dumps("late"))
        gone = []
        server = self.server(late, echo)
        c = self.client(server)
        with self.assertRaises(parley.Timeout) as e:
            c.call("slow", timeout=0.5)
        self.assertTrue(e.exception.sent)
        self.assertIsInstance(e.exception, TimeoutError)
        self.assertEqual(c.add(1), ("add", (1,)))
        self.assertEqual(server.count, 2)
        self.doCleanups()
        self.assertEqual(gone, [b""], "the server learns that nobody waits")

    def test_default(self):
        c = self.client(self.server(lambda p: (p.login(), p.receive(), p.receive())))
        self.assertEqual((c._timeout, c._connect_timeout), (30, 10))
        c._timeout = 0.2  # from here on: the login may take longer on a busy machine
        with self.assertRaisesRegex(parley.Timeout, r"no answer within 0.2 s \(timeout=\)$"):
            c.x()
        with self.assertRaisesRegex(parley.Timeout, r"within 0.1 s \(timeout=\)$"):
            c.call("x", timeout=0.1)

    def test_slow_drip(self):
        def drip(p):
            p.login()
            p.receive()
            p.sock.sendall(struct.pack("!i", 1000))
            while not left.wait(0.02):
                p.sock.sendall(b"x")
        left = threading.Event()
        self.addCleanup(left.set)
        c = self.client(self.server(drip))
        start = time.monotonic()
        with self.assertRaises(parley.Timeout):
            c.call("x", timeout=0.3)
        self.assertLess(time.monotonic() - start, 15)  # all of it would take 20 s

    def test_server_that_does_not_read(self):
        def deaf(p):
            p.login()
            left.wait(20)
        left = threading.Event()
        c = self.client(self.server(deaf))
        self.addCleanup(left.set)
        with self.assertRaises(parley.Timeout) as e:
            c.call("x", [bytes(64 << 20)], timeout=0.3)
        self.assertFalse(e.exception.sent)  # not all of it, so it was not called

    def test_wait_for_other_threads(self):
        def serve(p):
            p.login()
            p.receive()
            begun.set()
            go.wait(20)
            p.send(pickle.dumps("first"))
            p.send(p.receive())
        begun, go = threading.Event(), threading.Event()
        server = self.server(serve)
        self.addCleanup(go.set)
        c = self.client(server)
        got = []
        t = threading.Thread(target=lambda: got.append(c.first()))
        t.start()
        begun.wait(20)
        with self.assertRaises(parley.Timeout) as e:
            c.call("second", timeout=0.1)
        self.assertFalse(e.exception.sent)
        go.set()
        t.join(20)
        self.assertEqual(got, ["first"])  # the other call did not suffer
        self.assertEqual(c.third(), ("third", ()))
        self.assertEqual(server.count, 1)


class TestThreads(Case):
    def test_answers_go_to_their_callers(self):
        c = self.client(self.server(echo))
        wrong = []

        def run(i):
            for j in range(50):
                if c.x(i, j) != ("x", (i, j)):
                    wrong.append((i, j))
        threads = [threading.Thread(target=run, args=(i,)) for i in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(30)
        self.assertEqual(wrong, [])

    def test_close_breaks_off_a_call(self):
        begun = threading.Event()

        def serve(p):
            p.login()
            p.receive()
            begun.set()
            p.receive()
        c = self.client(self.server(serve))
        got = []

        def run():
            try:
                c.x()
            except parley.LinkError as e:
                got.append(e)
        t = threading.Thread(target=run)
        t.start()
        begun.wait(20)
        c.close()
        t.join(20)
        self.assertIn("the client was closed", str(got[0]))
        self.assertTrue(got[0].sent)


    def test_close_as_the_answer_comes(self):
        c = self.client(self.server(echo))
        link = c._link
        receive = link.receive

        def late(*args):
            answer = receive(*args)
            c.close()
            return answer
        link.receive = late
        self.assertEqual(c.x(), ("x", ()))
        self.assertIsNone(c._link)
        self.assertEqual(link.sock.fileno(), -1)


class TestConnections(Case):
    def test_made_anew_when_the_server_left(self):
        def once(p):
            p.login()
            p.send(p.receive())
        server = self.server(once)
        c = self.client(server)
        for i in range(3):
            self.assertEqual(c.x(i), ("x", (i,)))
            for t in server.threads:
                t.join(20)
        self.assertEqual(server.count, 3)

    def test_unasked_answer(self):
        """What comes before a call is not its answer."""
        def eager(p):
            p.login()
            p.send(pickle.dumps("unasked"))
            came.set()
            p.receive()
        came = threading.Event()
        server = self.server(eager, echo)
        c = self.client(server)
        came.wait(20)
        for _ in range(200):  # until it has come
            if not c._link.idle():
                break
            time.sleep(0.01)
        self.assertEqual(c.x(), ("x", ()))
        self.assertEqual(server.count, 2)

    def test_unasked_answer_in_the_same_read(self):
        def eager(p):
            p.login()
            p.receive()
            one = pickle.dumps(1)
            p.sock.sendall((struct.pack("!i", len(one)) + one) * 2)
            p.receive()
        server = self.server(eager, echo)
        c = self.client(server)
        self.assertEqual(c.x(), 1)
        self.assertEqual(c.x(), ("x", ()))
        self.assertEqual(server.count, 2)

    def test_time_of_a_new_connection(self):
        """connect_timeout bounds it, also within a call that may take longer."""
        server = self.server(lambda p: (p.login(), p.send(p.receive())), lambda p: p.receive())
        c = self.client(server)
        c.x()
        c._connect_timeout = 0.3
        server.threads[0].join(20)
        start = time.monotonic()
        with self.assertRaisesRegex(parley.Timeout, "no login within") as e:
            c.x()
        self.assertFalse(e.exception.sent)
        self.assertLess(time.monotonic() - start, 15)

    def test_broken_in_a_call(self):
        c = self.client(self.server(lambda p: (p.login(), p.receive())))
        with self.assertRaises(parley.LinkError) as e:
            c.x()
        self.assertTrue(e.exception.sent)
        self.assertNotIsInstance(e.exception, parley.Timeout)

    def test_broken_by_a_large_message(self):
        c = self.client(self.server(lambda p: (p.login(), p.read(4))))
        with self.assertRaisesRegex(parley.LinkError, "the message had 169[0-9]{5} bytes, and servers take 16777216 unless"):
            c.x(b"x" * 16900000)

    def test_last_words(self):
        """A server that takes no more of a message may say why."""
        def serve(p):
            p.login()
            p.read(4)
            if answer:
                p.send(answer)
            p.read(1)

        def send(message, deadline):
            link.sock.sendall(struct.pack("!i", len(message)))
            raise BrokenPipeError("broken pipe")
        answer = pickle.dumps(RuntimeError("fault -32003: too large"))
        c = self.client(self.server(serve))
        for kind in (parley.Fault, parley.LinkError):
            c._open()
            link = c._link
            link.send = send
            with self.assertRaises(kind) as e:
                c.x()
            self.assertEqual(e.exception.code if answer else e.exception.sent, -32003 if answer else False)
            self.assertIsNone(c._link)
            answer = None

    def test_close(self):
        server = self.server(echo)
        with self.client(server) as c:
            f = c.add
            f()
        self.assertTrue(c.closed)
        c.close()
        for call in (f, c.add):
            with self.assertRaisesRegex(parley.LinkError, "is closed") as e:
                call()
            self.assertFalse(e.exception.sent)
        self.assertEqual(server.count, 1)
        self.assertIn("closed", repr(c))

    def test_nobody_there(self):
        s = socket.create_server(("127.0.0.1", 0))
        port = s.getsockname()[1]
        s.close()
        with self.assertRaisesRegex(parley.LinkError, "cannot connect"):
            parley.connect("tcp://127.0.0.1:%d" % port, authkey=b"k" * 32)

    def test_interrupt(self):
        """Ctrl-C in a call closes its connection."""
        def serve(p):
            p.login()
            p.receive()
            p.receive()
        server = self.server(serve, echo)
        c = self.client(server)
        link = c._link
        link.receive = lambda *_: (_ for _ in ()).throw(KeyboardInterrupt)
        self.assertRaises(KeyboardInterrupt, c.x)
        self.assertEqual(link.sock.fileno(), -1)
        self.assertEqual(c.x(), ("x", ()))

    def test_threat_faults_without_end(self):
        # Each list holds the one before twice: its text would have 2**60 parts.
        x = b"]\x940" + b"".join(b"](h%ch%ce\x940" % (n, n) for n in range(60)) + b"h\x3c"
        deep = b"]" * 50000 + b"a" * 49999
        ordered = b"ccollections\nOrderedDict\n)RK\x01" + x + b"s"
        number = b"\x8b" + (4000).to_bytes(4, "little") + b"\x7f" * 4000
        for args in [x, deep, ordered, number]:
            c = self.client(self.server(answers(b"\x80\x04cbuiltins\nValueError\n" + args + b"\x85R.")))
            with self.assertRaises(parley.Fault) as e:
                c.x()
            self.assertLess(len(str(e.exception)), 1000)

    def test_fork_during_a_call(self):
        if "fork" not in multiprocessing.get_all_start_methods():
            self.skipTest("no fork here")
        called, go = threading.Event(), threading.Event()

        def slow(p):
            p.login()
            p.receive()
            called.set()
            go.wait(30)
            p.send(pickle.dumps("done"))
            p.receive()
        c = self.client(self.server(slow), timeout=60)
        results = []
        t = threading.Thread(target=lambda: results.append(c.x()))
        t.start()
        called.wait(30)
        pid = os.fork()
        if pid == 0:
            try:
                c.close()  # leaves the connection to the parent
                os._exit(0)
            finally:
                os._exit(1)
        status = os.waitpid(pid, 0)[1]
        go.set()
        t.join(30)
        self.assertEqual((status, results), (0, ["done"]))

    def test_fork(self):
        """A child process makes a connection of its own."""
        if "fork" not in multiprocessing.get_all_start_methods():
            return
        server = self.server(echo)
        c = self.client(server)
        c.x()
        parent, child = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                os.write(child, repr(c.x(1)).encode())
            finally:
                os._exit(0)
        os.close(child)
        os.waitpid(pid, 0)
        with open(parent) as f:
            self.assertEqual(f.read(), "('x', (1,))")
        self.assertEqual(c.x(2), ("x", (2,)))
        self.assertEqual(server.count, 2)
