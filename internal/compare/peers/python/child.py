# What the Python peers have in common: the protocol of package harness on
# standard input and output, the inputs of package work, and the loop that
# measures. A peer's script follows, and ends with serve(...) or measure(...).
# It runs on Python 3.6 and later.

import gc
import json
import os
import random
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

# Ctrl-C is for the harness, which ends its children.
signal.signal(signal.SIGINT, signal.SIG_IGN)

# A connection for each caller of each work takes more files than some systems grant
# at first. Go takes what there is by itself.
try:
    import resource
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = 4096 if hard == resource.RLIM_INFINITY else min(hard, 4096)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
except (ImportError, ValueError, OSError):
    pass


def say(**report):
    sys.stdout.write(json.dumps(report) + "\n")
    sys.stdout.flush()


def now_ns():
    return int(time.perf_counter() * 1e9)


def cpu_ns():
    return int(time.process_time() * 1e9)


def resident():
    """The memory of this process that is in RAM; 0 where it is not known."""
    try:
        with open("/proc/self/statm") as f:
            return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):
        return 0


def serve(addr):
    """Tells where the server listens, and answers the harness until it ends."""
    say(addr=addr)
    for line in sys.stdin:
        do = json.loads(line)["do"]
        if do in ("begin", "memory"):
            gc.collect()
        say(cpu_ns=cpu_ns(), rss=resident() if do == "memory" else 0)
    os._exit(0)


def make_input(work, seed):
    """The arguments of the call, and what has to come back."""
    form, size = work["form"], work["size"]
    if form == "add":
        a, b = (3, 5) if seed == 0 else (1000 * seed, seed + 7)
        return (a, b), a + b
    if form == "list":
        value = [i * 37 + seed for i in range(size)]
    elif form == "records":
        value = [{"pid": i + seed, "pname": "product %d" % (i + seed), "pprice": i + 0.25} for i in range(size)]
    else:
        value = random.Random(seed).getrandbits(8 * size).to_bytes(size, "little") if size else b""
    return (value,), value


class WrongAnswer(Exception):
    pass


def check(form, got, want, full):
    """Compares an answer: all of it, or its length, its ends and some between."""
    if form == "add" or full:
        right = got == want
    elif form == "blob":
        middle = len(want) // 2
        right = (len(got) == len(want) and got[:64] == want[:64] and got[-64:] == want[-64:]
                 and got[middle:middle + 64] == want[middle:middle + 64])
    else:
        right = len(got) == len(want) and got[::101] == want[::101] and got[-1:] == want[-1:]
    if not right:
        raise WrongAnswer("wrong answer: got %.100r; want %.100r" % (got, want))


LATE_AFTER = 1000000  # ns behind its time, from which a call is late


class Schedule:
    """Numbers calls that are due at a fixed rate. Whoever is free takes the next."""

    def __init__(self, rate, begin):
        self.rate, self.begin, self.taken, self.lock = rate, begin, 0, threading.Lock()

    def next(self):
        with self.lock:
            self.taken += 1
            return self.begin + int((self.taken - 1) * 1e9 / self.rate)

    def unsent(self, made, elapsed):
        """How long those calls have waited that were due and not made."""
        return [elapsed - int(k * 1e9 / self.rate) for k in range(made, int(elapsed * self.rate / 1e9))]


class Run:
    """Calls until the time is over or each caller has made all its calls."""

    def __init__(self, ns, limit, rate):
        self.ns, self.limit, self.rate, self.go = ns, limit, rate, threading.Event()
        self.begin = self.until = self.schedule = None

    def start(self):
        self.begin = now_ns()
        self.until = self.begin + self.ns if self.ns else None
        self.schedule = Schedule(self.rate, self.begin) if self.rate else None
        self.go.set()


class Caller(threading.Thread):
    """Calls on one connection."""

    def __init__(self, call, form, value, full, run):
        super().__init__(daemon=True)
        self.call, self.form, self.full, self.of = call, form, full, run
        self.args, self.want = value
        self.latencies, self.late, self.error = [], 0, None

    def run(self):
        self.of.go.wait()
        try:
            self.repeat()
        except Exception as e:
            self.error = e

    def repeat(self):
        form, until, schedule = self.form, self.of.until, self.of.schedule
        at = self.of.begin
        while True:  # without a schedule, one call is made by everybody
            if schedule:
                at = schedule.next()
                if until and at >= until:
                    return
                wait = at - now_ns()
                if wait > 0:
                    time.sleep(wait / 1e9)
                elif until and at - wait >= until:
                    return
                self.late += now_ns() - at > LATE_AFTER
            check(form, self.call(form, self.args), self.want, self.full)
            now = now_ns()
            self.latencies.append(now - at)
            at = now
            if until and at >= until or len(self.latencies) == self.of.limit:
                return


def repeat(calls, form, values, full, ns, limit, rate):
    run = Run(ns, limit, rate)
    callers = [Caller(call, form, value, full, run) for call, value in zip(calls, values)]
    if len(callers) > 1:
        for caller in callers:
            caller.start()
    gc.collect()
    cpu = cpu_ns()
    run.start()
    if len(callers) == 1:
        callers[0].run()
    else:
        for caller in callers:
            caller.join()
    wall, cpu = now_ns() - run.begin, cpu_ns() - cpu
    for caller in callers:
        if caller.error:
            raise caller.error
    latencies = [n for caller in callers for n in caller.latencies]
    unsent = run.schedule.unsent(len(latencies), min(wall, ns or wall)) if run.schedule else []
    if run.schedule:
        wall = max(wall, ns)  # the time of a schedule is over with its end
    return dict(calls=len(latencies), wall_ns=wall, cpu_ns=cpu, latencies=count(latencies + unsent),
                late=sum(caller.late for caller in callers), unsent=len(unsent))


def count(latencies):
    """How many there are of each, with three digits as the histograms of others."""
    counts = {}
    for n in latencies:
        unit = 10 ** max(0, len(str(n)) - 4)
        n = (n + unit // 2) // unit * unit
        counts[n] = counts.get(n, 0) + 1
    return sorted(counts.items())


class Works:
    """The orders of a client: dial(addr) returns a call(name, args) and a close()."""

    def __init__(self, dial):
        self.dial, self.works, self.held = dial, {}, []

    def obey(self, order):
        return getattr(self, order["do"].replace("-", "_"))(order) or {}

    def open(self, order):
        work = order["work"]
        conns = [self.dial(order["addr"]) for _ in range(work["callers"])]
        try:
            values = (make_input(work, i + 1) for i in range(len(conns)))
            repeat([call for call, _ in conns], work["form"], values, True, order.get("ns", 0), order.get("calls", 0), 0)
        except WrongAnswer:
            raise
        except Exception as e:
            for _, close in conns:
                close()
            return dict(refused="%s: %s" % (type(e).__name__, e))
        self.works[work["name"]] = conns, make_input(work, 0)

    def run(self, order):
        work = order["work"]
        conns, value = self.works[work["name"]]
        calls = [call for call, _ in conns]
        return repeat(calls, work["form"], [value] * len(calls), False, order.get("ns", 0), order.get("calls", 0), order.get("rate", 0))

    def close(self, order):
        conns, _ = self.works.pop(order["work"]["name"], ([], None))
        for _, close in conns:
            close()

    def connect(self, addr):
        call, close = self.dial(addr)
        args, want = make_input({"form": "add", "size": 0}, 0)
        check("add", call("add", args), want, True)
        return close

    def set_up(self, order):
        times = []
        for _ in range(order["calls"]):
            begin = now_ns()
            close = self.connect(order["addr"])
            times.append(now_ns() - begin)
            close()
        return dict(set_ups=times)

    def hold(self, order):
        with ThreadPoolExecutor(16) as pool:
            self.held += pool.map(self.connect, [order["addr"]] * order["conns"])

    def release(self, order):
        for close in self.held:
            close()
        self.held = []


def measure(dial):
    """Is the client."""
    works = Works(dial)
    for line in sys.stdin:
        try:
            say(**works.obey(json.loads(line)))
        except Exception as e:
            say(error="%s: %s" % (type(e).__name__, e))
    os._exit(0)
