# Both halves in Python use this module; Go has the same in chunks.go, which says
# what is sent.
import hashlib
import os
import sys

CHUNK = 256 * 1024
MAX_FILE = 4 << 30


def send_file(c, f, size):
    digest = hashlib.sha256()
    while size > 0:
        chunk = f.read(min(CHUNK, size))
        if not chunk:
            raise EOFError("%d bytes are missing that the file had" % size)
        digest.update(chunk)
        c.send_bytes(chunk)
        size -= len(chunk)
    c.send_bytes(digest.digest())
    return digest.hexdigest()


def receive_file(c, path, size):
    if size > MAX_FILE:
        raise ValueError("got a file of %d bytes; want at most %d" % (size, MAX_FILE))
    part = path + ".part-%d" % os.getpid()
    try:
        with open(part, "wb") as f:
            digest = hashlib.sha256()
            while size > 0:
                chunk = c.recv_bytes(CHUNK)  # a larger one is an OSError
                if not 0 < len(chunk) <= size:
                    raise ValueError("got a chunk of %d bytes; want 1 to %d" % (len(chunk), size))
                digest.update(chunk)
                f.write(chunk)
                size -= len(chunk)
            if c.recv_bytes(CHUNK) != digest.digest():
                raise ValueError("the SHA-256 of what arrived is another one")
        getattr(os, "replace", os.rename)(part, path)  # Python 2.7 has no replace
    finally:
        if os.path.exists(part):
            os.remove(part)
    return digest.hexdigest()


def expect_ok(c):
    answer = c.recv_bytes(CHUNK)
    if not answer.startswith(b"ok"):
        sys.exit("the server says: %r" % answer)
    return answer[2:]
