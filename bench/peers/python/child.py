# What the Python peers have in common: the protocol of package harness on
# standard input and output, the inputs of package work, and the loop that
# measures. A peer's script follows, and ends with serve(...) or measure(...).

import gc
import json
import os
import random
import resource
import signal
import sys
import threading
import time

# Ctrl-C is for the harness, which ends its children.
signal.signal(signal.SIGINT, signal.SIG_IGN)

FORMS = {"add-serial": "add", "add-64": "add", "add-256c": "add",
         "list-1k": "list", "struct-100": "struct", "blob-1M": "blob"}


def say(**report):
    sys.stdout.write(json.dumps(report) + "\n")
    sys.stdout.flush()


def cpu_ns():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return int((usage.ru_utime + usage.ru_stime) * 1e9)


def serve(addr):
    """Tells where the server listens, and answers the harness until it ends."""
    say(addr=addr)
    for line in sys.stdin:
        if json.loads(line)["do"] == "begin":
            gc.collect()
        say(cpu_ns=cpu_ns())
    os._exit(0)


def make_input(form, seed):
    """The arguments of the call, and what has to come back."""
    if form == "add":
        a, b = (3, 5) if seed == 0 else (1000 * seed, seed + 7)
        return (a, b), a + b
    if form == "list":
        value = [i * 37 + seed for i in range(1000)]
    elif form == "struct":
        value = [{"pid": i + seed, "pname": "product %d" % (i + seed), "pprice": i + 0.25} for i in range(100)]
    else:
        value = random.Random(seed).randbytes(1 << 20)
    return (value,), value


def check(form, got, want, full):
    """Compares an answer: all of it, or its length, its ends and some between."""
    if form == "add" or full:
        right = got == want
    elif form == "blob":
        middle = len(want) // 2
        right = (len(got) == len(want) and got[:64] == want[:64] and got[-64:] == want[-64:]
                 and got[middle:middle + 64] == want[middle:middle + 64])
    else:
        right = len(got) == len(want) and got[::101] == want[::101] and got[-1] == want[-1]
    if not right:
        raise ValueError("wrong answer: got %.100r; want %.100r" % (got, want))


class Caller(threading.Thread):
    """Calls on one connection until the time is over or all calls are made."""

    def __init__(self, call, form, seed, full, start):
        super().__init__(daemon=True)
        self.call, self.form, self.full, self.start_event = call, form, full, start
        self.args, self.want = make_input(form, seed)
        self.until, self.calls, self.latencies, self.error = None, None, [], None

    def run(self):
        self.start_event.wait()
        try:
            name = self.form
            at = time.perf_counter_ns()
            while True:  # one call is made by everybody
                check(name, self.call(name, self.args), self.want, self.full)
                now = time.perf_counter_ns()
                self.latencies.append(now - at)
                at = now
                if self.until and at >= self.until or len(self.latencies) == self.calls:
                    return
        except Exception as e:
            self.error = "%s: %s" % (type(e).__name__, e)


def run(calls, form, full, ns, limit):
    start = threading.Event()
    callers = [Caller(call, form, i + 1 if full else 0, full, start) for i, call in enumerate(calls)]
    if len(callers) > 1:
        for caller in callers:
            caller.start()
    gc.collect()
    cpu, begin = cpu_ns(), time.perf_counter_ns()
    for caller in callers:
        caller.until, caller.calls = begin + ns if ns else None, limit or None
    start.set()
    if len(callers) == 1:
        callers[0].run()
    else:
        for caller in callers:
            caller.join()
    wall, cpu = time.perf_counter_ns() - begin, cpu_ns() - cpu
    for caller in callers:
        if caller.error:
            raise RuntimeError(caller.error)
    latencies = sorted(n for caller in callers for n in caller.latencies)
    return dict(calls=len(latencies), wall_ns=wall, cpu_ns=cpu,
                p50_ns=latencies[len(latencies) // 2], p99_ns=latencies[min(len(latencies) * 99 // 100, len(latencies) - 1)])


def measure(dial):
    """Is the client: dial(addr) returns a call(name, args) and a close()."""
    conns, form = [], None
    for line in sys.stdin:
        order = json.loads(line)
        try:
            if order["do"] == "open":
                form = FORMS[order["work"]]
                conns = [dial(order["addr"]) for _ in range(order["callers"])]
                run([call for call, _ in conns], form, True, 0, 3)
                say()
            elif order["do"] == "run":
                say(**run([call for call, _ in conns], form, False, order.get("ns", 0), order.get("calls", 0)))
            else:
                for _, close in conns:
                    close()
                conns = []
                say()
        except Exception as e:
            say(error="%s: %s" % (type(e).__name__, e))
    os._exit(0)
