"""Reads and writes pickles with CPython's own module, as ordered by lines."""

import gc
import pickle
import random
import sys
import time


def records():
    return [{"pid": i, "pname": "product %d" % i, "pprice": i / 4} for i in range(100)]


def integers():
    return list(range(100000))


def random64():
    numbers = random.Random(1)
    return [numbers.getrandbits(64) - 2**63 for _ in range(100000)]


def main():
    gc.disable()  # as timeit does
    for line in sys.stdin:
        order, name, protocol, loops = line.split()
        value, protocol, loops = globals()[name](), int(protocol), int(loops)
        data = pickle.dumps(value, protocol)
        if order == "make":
            print(data.hex(), flush=True)
            continue
        start = time.process_time()
        if order == "loads":
            for _ in range(loops):
                pickle.loads(data)
        else:
            for _ in range(loops):
                pickle.dumps(value, protocol)
        print(time.process_time() - start, flush=True)


main()
