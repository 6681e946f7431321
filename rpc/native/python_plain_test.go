package native

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/parley-rpc/parley/internal/peertest"
)

// pyPlain uses what the Connection of Python has besides send and recv. The first
// message of each connection is its name.
const pyPlain = pyCommon + `
import socket
from multiprocessing import BufferTooShort
try:
    from multiprocessing.connection import wait
except ImportError: # Python 2.7
    from select import select
    wait = lambda conns, timeout: select(conns, [], [], timeout)[0]
def dial(name):
    c = Client(address(url), authkey=key)
    c.send_bytes(name)
    return c
def ends(c):
    try:
        got = c.recv_bytes()
    except EOFError:
        return
    assert False, got
c = dial(b'echo')
def echo(data):
    c.send_bytes(data)
    return c.recv_bytes()
for data in (b'', b'\x00', b'\x80\x04N.', b'<x/>', b'\xff' * 4, b'x' * 100000):
    assert echo(data) == data, data
c.send_bytes(b'0123456789', 2, 5)
assert c.recv_bytes() == b'23456'
buf = bytearray(b'-' * 10)
c.send_bytes(b'abc')
assert c.recv_bytes_into(buf, 4) == 3 and buf == b'----abc---', buf
c.send_bytes(b'x' * 1000)
try:
    c.recv_bytes_into(buf)
except BufferTooShort as e:
    assert e.args == (b'x' * 1000,), e
else:
    assert False
assert echo(b'next') == b'next'
big = bytearray(300000)
c.send_bytes(b'y' * 300000)
assert c.recv_bytes_into(big) == 300000 and big == b'y' * 300000
c.send_bytes(b'four')
assert c.recv_bytes(4) == b'four'
assert not c.poll() and not c.poll(0.01)
c.send_bytes(b'z')
assert c.poll(30) and c.poll() and c.poll(0) and c.recv_bytes() == b'z' and not c.poll()
c.send_bytes(b'too long')
try:
    c.recv_bytes(7)
except IOError:
    pass
else:
    assert False
c.close()

# What the program sends on the last one has Go send on one of the others.
conns = [dial(('quiet%d' % i).encode('ascii')) for i in range(5)]
assert [c.recv_bytes() for c in conns] == [b'here'] * 5
order = dial(b'order')
assert wait(conns, 0.01) == [] and not any(c.poll() for c in conns)
for i in (3, 0, 4, 4):
    order.send_bytes(str(i).encode('ascii'))
    assert wait(conns + [order], 30) == [conns[i]]
    assert conns[i].recv_bytes() == b'later'
order.send_bytes(b'end')
ends(order)
left = list(conns)
while left:
    for c in wait(left, 30):
        ends(c)
        left.remove(c)

# This side has no more to say, and hears all that Go has.
c = dial(b'listen')
s = socket.fromfd(c.fileno(), socket.AF_UNIX if url.startswith('unix') else socket.AF_INET, socket.SOCK_STREAM)
s.shutdown(socket.SHUT_WR)
s.close()
assert [c.recv_bytes() for i in range(3)] == [b'a', b'b', b'c' * 200000]
ends(c)
# The end in the middle of a message is told from one between two.
c = dial(b'cut')
assert c.recv_bytes() == b'whole'
try:
    got = c.recv_bytes()
except (EOFError, IOError):
    pass
else:
    assert False, got
say('ok')
`

// TestLivePlainConnections serves what pyPlain does.
func TestLivePlainConnections(t *testing.T) {
	for _, v := range peertest.Pythons(t) {
		for _, network := range []string{"tcp", "unix"} {
			t.Run(v.String()+"/"+network, func(t *testing.T) {
				t.Parallel()
				ctx := testContext(t)
				l := testListener(t, testURL(t, network), ListenConfig{Auth: keyFor(t, v, testKey)})
				served := make(chan error, 1)
				go func() { served <- servePlain(ctx, l) }()
				if got := peertest.RunPython(t, ctx, v.Path, pyPlain, l.Addr(), testKey); got != "ok\n" {
					t.Errorf("got %q; want ok", got)
				}
				if err := <-served; err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// servePlain serves the connections of pyPlain one after another.
func servePlain(ctx context.Context, l *Listener) error {
	quiet := map[byte]*Conn{}
	for {
		c, err := l.Accept(ctx)
		if err != nil {
			return err
		}
		name, err := c.RecvBytes(ctx)
		if err != nil {
			return err
		}
		switch string(name) {
		case "quiet0", "quiet1", "quiet2", "quiet3", "quiet4":
			quiet[name[5]] = c
			if err := c.SendBytes(ctx, []byte("here")); err != nil {
				return err
			}
			continue
		case "echo":
			err = echoPlain(ctx, c)
		case "order":
			err = sendOrdered(ctx, c, quiet)
		case "listen":
			err = sendToListener(ctx, c)
		case "cut":
			if err = c.SendBytes(ctx, []byte("whole")); err == nil {
				_, err = c.nc.Write([]byte("\x00\x00\x00\x08half"))
			}
			return errors.Join(err, c.Close())
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		c.Close()
	}
}

// echoPlain ends with the message that Python does not take.
func echoPlain(ctx context.Context, c *Conn) error {
	for {
		data, err := c.RecvBytes(ctx)
		if err != nil {
			return err
		}
		if err := c.SendBytes(ctx, data); err != nil {
			return err
		}
		if string(data) == "too long" {
			if data, err = c.RecvBytes(ctx); err == nil {
				return fmt.Errorf("got %q; want the end", data)
			}
			return nil
		}
	}
}

func sendOrdered(ctx context.Context, order *Conn, quiet map[byte]*Conn) error {
	for {
		data, err := order.RecvBytes(ctx)
		if err != nil {
			return err
		}
		if string(data) == "end" {
			for _, c := range quiet {
				c.Close()
			}
			return nil
		}
		if err := quiet[data[0]].SendBytes(ctx, []byte("later")); err != nil {
			return err
		}
	}
}

// sendToListener sends to a peer that has closed its half.
func sendToListener(ctx context.Context, c *Conn) error {
	if data, err := c.RecvBytes(ctx); !errors.Is(err, io.EOF) {
		return fmt.Errorf("got %q, %w; want EOF", data, err)
	}
	for _, m := range []string{"a", "b", strings.Repeat("c", 200000)} {
		if err := c.SendBytes(ctx, []byte(m)); err != nil {
			return err
		}
	}
	return nil
}

// TestHeadersAroundTwoGiB: the form changes between 2^31-1 and 2^31 bytes, in both
// directions, and the limit holds before memory is taken.
func TestHeadersAroundTwoGiB(t *testing.T) {
	const most = 1<<31 - 1
	for _, test := range []struct {
		n    int
		want string
	}{
		{most, "\x7f\xff\xff\xff"},
		{most + 1, "\xff\xff\xff\xff\x00\x00\x00\x00\x80\x00\x00\x00"},
		{most + 2, "\xff\xff\xff\xff\x00\x00\x00\x00\x80\x00\x00\x01"},
	} {
		if got := string(appendFrameHeader(nil, test.n)); got != test.want {
			t.Errorf("%d bytes: got header %q; want %q", test.n, got, test.want)
		}
		// Accepted: the reader asks for the payload, of which nothing comes.
		f := newFrameReader(strings.NewReader(test.want), test.n, 0)
		if _, err := f.next(nil); !errors.Is(err, io.ErrUnexpectedEOF) || f.size != test.n || cap(f.body) > growStep {
			t.Errorf("%d bytes: got %v, size %d, memory %d; want %v, %d, at most %d", test.n, err, f.size, cap(f.body), io.ErrUnexpectedEOF, test.n, growStep)
		}
		f = newFrameReader(strings.NewReader(test.want), test.n-1, 0)
		if _, err := f.next(nil); !errors.Is(err, ErrTooLarge) || f.body != nil {
			t.Errorf("%d bytes with a limit of one less: got %v; want %v", test.n, err, ErrTooLarge)
		}
	}
	// The long form of a short message is a message: Python reads it so as well.
	got, err := readFrame(bytes.NewReader(append([]byte("\xff\xff\xff\xff\x00\x00\x00\x00\x00\x00\x00\x02"), "ab"...)), nil, 10)
	if err != nil || string(got) != "ab" {
		t.Errorf("the long form of 2 bytes: got %q, %v; want ab", got, err)
	}
	for _, header := range []string{"\x80\x00\x00\x00", "\xff\xff\xff\xfe", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "\xff\xff\xff\xff\x80\x00\x00\x00\x00\x00\x00\x00"} {
		if got, err := readFrame(strings.NewReader(header+"abcd"), nil, 1<<40); !errors.Is(err, ErrFrame) && !errors.Is(err, ErrTooLarge) {
			t.Errorf("%q: got %q, %v; want %v or %v", header, got, err, ErrFrame, ErrTooLarge)
		}
	}
}
