package python

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-rpc/parley/internal/peertest"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
	"github.com/parley-rpc/parley/rpc/native/pickle"
)

// unreadMessages cannot be read; each has the class and the text of its answer,
// which has the form of the recipe if within is set.
var unreadMessages = []struct {
	name, send, class, text string
	within                  bool
}{
	{"nothing", "", "RuntimeError", "fault -32700: the message cannot be read: pickle: byte 0: the message ends before its STOP", false},
	{"no pickle", "world", "RuntimeError", "fault -32700: the message cannot be read: pickle: byte 0: expected a pickle opcode, got byte 0x77", false},
	{"a command", "cos\nsystem\n(S'true'\ntR.", "TypeError", "fault -32602: the message cannot be read: pickle: byte 0: " + (&pickle.ClassError{Class: "os.system"}).Error(), false},
	{"a command as an argument", "\x80\x04\x8c\x04echo\x8c\x05posix\x8c\x06system\x93\x8c\x04true\x85R\x85\x86.", "TypeError", "posix.system", false},
	{"protocol 9", "\x80\x09N.", "RuntimeError", "fault -32700: the message cannot be read: pickle: byte 0: expected protocol 5 or below, got 9", false},
	{"2^60 values in 500 bytes", inflated, "RuntimeError", "fault -32003: the message cannot be read: pickle: byte 483: more than 262144 values: beyond the limit", false},
	{"64 MiB in 100 kB", "X\x00\x80\x01\x00" + strings.Repeat("x", 98304) + "q\x00(" + strings.Repeat("h\x00", 1000) + "l.", "RuntimeError", "beyond the limit", false},
	{"a length of 2^62", "\x80\x05\x8e\x00\x00\x00\x00\x00\x00\x00\x40.", "RuntimeError", "fault -32700", true},
	{"a persistent id", "\x80\x04K\x01Q.", "RuntimeError", "persistent id", false},
	{"an extension code", "\x80\x02\x82\x01.", "RuntimeError", "extension code", false},
	{"a function of Python's own", "\x80\x02cbuiltins\neval\nX\x01\x00\x00\x001\x85R.", "TypeError", "builtins.eval", false},
	{"recipe of nothing", "\x80\x04C\x00.", "RuntimeError", "fault -32700: the message cannot be read: bytes that hold no pickled call: pickle: byte 0: the message ends before its STOP", true},
	{"recipe of a command", "\x80\x04C\x17cos\nsystem\n(S'true'\ntR..", "TypeError", "os.system", true},
	{"text of Python 2 that is no pickle", "\x80\x02U\x05world.", "RuntimeError", "fault -32700: the message cannot be read: bytes that hold no pickled call: pickle: byte 0: expected a pickle opcode, got byte 0x77", true},
}

// inflated is a pair of pairs of pairs, each of one that is there twice.
var inflated = func() string {
	var b strings.Builder
	b.WriteString("]q\x00")
	for i := range 60 {
		b.WriteString("0h" + string([]byte{byte(i), 'h', byte(i), 0x86, 'q', byte(i + 1)}))
	}
	return b.String() + "."
}()

const nowClosed = "; the connection is closed now"

// A message that is none, names what runs something or stands for far more than it
// has bytes is answered, and is the last one of its connection. The next peer is
// served.
func TestUnreadMessageEndsTheConnection(t *testing.T) {
	var log syncBuffer
	h, err := NewHandler(testRegistry(t), Config{Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	s := &native.Server{Objects: h, Auth: key(t, false), Logger: slog.New(slog.NewTextHandler(&log, nil))}
	url := serveServer(t, s)
	for _, test := range unreadMessages {
		c := dial(t, url)
		e, ok := unwrapped(t, answered(t, c, test.send), test.within).(*pickle.Exception)
		if !ok || e.Class != test.class || !strings.Contains(e.Text(), test.text) || !strings.HasSuffix(e.Text(), nowClosed) {
			t.Errorf("%s: got %v; want %s with %q and %q", test.name, e, test.class, test.text, nowClosed)
		}
		wantEOF(t, c)
		if got := exchange(t, dial(t, url), tuple{"add", tuple{3, 5}}); got != int64(8) {
			t.Errorf("after %s: got %v; want 8", test.name, got)
		}
	}
	s.Close()
	for _, want := range []string{"level=WARN", "msg=objects_end", "os.system"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log: got %q; want it to hold %q", log.String(), want)
		}
	}
}

// unwrapped is what the recipe has within its bytes.
func unwrapped(t testing.TB, v any, within bool) any {
	t.Helper()
	if data, ok := v.([]byte); ok && within {
		v, _, err := pickle.Decode(data, pickle.Options{})
		if err != nil {
			t.Fatalf("within the answer: %v", err)
		}
		return v
	}
	return v
}

// The answer arrives even if the peer has gone on to send: bytes that nobody read
// would make the system reset the connection, and drop the answer at the peer. The
// server reads them over for a moment, which may be too short on a busy machine.
func TestAnswerOutlivesTheConnection(t *testing.T) {
	var err error
	for range 5 {
		_, c := start(t, testRegistry(t), Config{})
		if err = sendsOn(t, c); err == nil {
			return
		}
	}
	t.Error(err)
}

// sendsOn sends what cannot be read and much behind it, and then looks for the
// answer.
func sendsOn(t *testing.T, c *native.Conn) error {
	ctx := testContext(t)
	for _, m := range [][]byte{[]byte("world"), bytes.Repeat([]byte("x"), 8<<20), []byte("last")} {
		if err := c.SendBytes(ctx, m); err != nil {
			return err
		}
	}
	var got any
	if err := c.Recv(ctx, &got); err != nil {
		return fmt.Errorf("the answer: %w", err)
	}
	if e, ok := got.(*pickle.Exception); !ok || !strings.HasSuffix(e.Text(), nowClosed) {
		t.Errorf("got %v; want an exception that tells of the end", got)
	}
	wantEOF(t, c)
	return nil
}

// A call that is merely wrong costs nobody the connection.
func TestWrongCallKeepsTheConnection(t *testing.T) {
	_, c := start(t, testRegistry(t), Config{})
	for _, test := range calls {
		if diff := cmp.Diff(test.want, exchange(t, c, test.send)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

// A message that is a pickle in order, and only holds what is not taken here, costs
// nobody the connection.
func TestArgumentThatIsNotReadKeepsTheConnection(t *testing.T) {
	type product struct {
		ID int `rpc:"pid"`
	}
	classes := pickle.NewRegistry()
	if err := classes.Name("shop.Product", product{}); err != nil {
		t.Fatal(err)
	}
	_, c := start(t, testRegistry(t), Config{Pickle: pickle.Options{Registry: classes}})
	const echo = "\x80\x02X\x04\x00\x00\x00echo"
	for _, test := range []struct{ name, send, class, text string }{
		{"unknown class", echo + "c__main__\nOdd\n)\x81}X\x01\x00\x00\x00xK\x01sb\x85\x86.", "TypeError", "or a class that is registered; send plain data, such as a dict of its attributes, or name the class in the Go program: docs/python.md#classes"},
		{"class of a module", echo + "cpathlib\nPurePosixPath\nX\x01\x00\x00\x00x\x85R\x85\x86.", "TypeError", "class pathlib.PurePosixPath"},
		{"attribute that does not fit", echo + "cshop\nProduct\n)\x81}X\x03\x00\x00\x00pidNsb\x85\x86.", "TypeError", "class shop.Product: pid: expected int, got nil"},
		{"instance within bytes", "\x80\x04C\x1c\x80\x02X\x04\x00\x00\x00echoc__main__\nt\n)\x81\x85\x86..", "TypeError", "fault -32602: the message cannot be read: pickle: byte 11: class __main__.t is not plain data"},
		{"type", echo + "c__builtin__\nint\n\x85\x86.", "TypeError", "class builtins.int is not plain data"},
		{"slice", "\x80\x04\x8c\x04echo\x8c\x08builtins\x8c\x05slice\x93NK\x01N\x87R\x85\x86.", "TypeError", "class builtins.slice"},
		{"object()", echo + "c__builtin__\nobject\n)\x81\x85\x86.", "TypeError", "class builtins.object"},
		{"iterator", echo + "c__builtin__\niter\n]K\x01a\x85RK\x00b\x85\x86.", "TypeError", "class builtins.iter"},
		{"file in memory", echo + "c_io\nBytesIO\n)\x81\x85\x86.", "TypeError", "class _io.BytesIO"},
		{"result of subprocess.run", echo + "csubprocess\nCompletedProcess\n)\x81\x85\x86.", "TypeError", "class subprocess.CompletedProcess"},
		{"too many values", echo + "](" + strings.Repeat("N", 300_000) + "e\x85\x86.", "RuntimeError", "fault -32003: the message cannot be read: pickle: byte 300016: more than 262144 values"},
		{"too deep", echo + strings.Repeat("]", 70) + strings.Repeat("a", 69) + "\x85\x86.", "RuntimeError", "more than 64 containers"},
		{"too large an integer", echo + "\x8b\x02\x04\x00\x00" + strings.Repeat("\x01", 1026) + "\x85\x86.", "RuntimeError", "fault -32003: the message cannot be read: pickle: byte 11: an integer of"},
		{"lone surrogate", echo + "X\x03\x00\x00\x00\xed\xa0\x80\x85\x86.", "TypeError", "got a str with a lone surrogate"},
		{"itself", echo + "]q\x00h\x00a\x85\x86.", "TypeError", "a value contains itself"},
		{"zone that is not known", echo + "czoneinfo\nZoneInfo._unpickle\nX\x06\x00\x00\x00Mars/AK\x01\x86R\x85\x86.", "TypeError", "time zone \"Mars/A\" is not known"},
		{"text of Python 3", "\x80\x04\x8c\x05hello.", "RuntimeError", "fault -32600: expected a call"},
	} {
		e, ok := unwrapped(t, answered(t, c, test.send), true).(*pickle.Exception)
		if !ok || e.Class != test.class || !strings.Contains(e.Text(), test.text) || strings.Contains(e.Text(), "bytes that hold") || strings.HasSuffix(e.Text(), nowClosed) {
			t.Errorf("%s: got %v; want %s with %q, and no end", test.name, e, test.class, test.text)
		}
		if got := exchange(t, c, tuple{"add", tuple{3, 5}}); got != int64(8) {
			t.Errorf("after %s: got %v; want 8", test.name, got)
		}
	}
}

// A lack of memory on the server is not the fault of who sends: see
// TestTreesOfAllConnectionsAreBounded, which goes on with the connection.
func TestUnreadTellsLackOfMemory(t *testing.T) {
	var m message
	m.unread(&rpc.Fault{Code: rpc.CodeOverLimit, Message: "no memory"})
	if m.closes || overLimit(m.err) == nil {
		t.Errorf("got %v, closes %v; want the fault alone", m.err, m.closes)
	}
	m.unread(io.ErrUnexpectedEOF)
	if !m.closes {
		t.Error("another error: got a connection that goes on")
	}
}

// pyUnread sends what cannot be read, and then is told that the connection ends.
const pyUnread = pyCommon + `
def unread(data, kind, text):
    c = Client(urls[0], authkey=key)
    c.send_bytes(data)
    got = c.recv()
    assert type(got) is kind and text in str(got) and 'closed now' in str(got), repr(got)
    try:
        c.send(('add', (3, 5)))
        got = c.recv()
    except (EOFError, IOError): # a reset, if the system has taken what was sent
        pass
    else:
        assert False, repr(got)
    c.close()
class Run(object):
    def __reduce__(self):
        import os
        return os.system, ('true',)
unread(pickle.dumps(('echo', (Run(),)), 2), TypeError, '.system')
unread(b'world', RuntimeError, '-32700')
unread(b'\x80\x02K\x01Q.', RuntimeError, 'persistent')
c = Client(urls[0], authkey=key)
c.send(('add', (3, 5)))
equal(c.recv(), 8)
say('ok')
`

func TestLiveUnreadMessage(t *testing.T) {
	for i, version := range peertest.Pythons(t) {
		t.Run(version.String(), func(t *testing.T) {
			t.Parallel()
			_, url := serve(t, liveURL(t, i%2 == 0), key(t, !version.AtLeast(3, 12)), Handler(testRegistry(t)))
			if got := peertest.RunPython(t, testContext(t), version.Path, pyUnread, testKey, url); got != "ok\n" {
				t.Errorf("got %q; want ok", got)
			}
		})
	}
}

// pyRefused sends what is not taken through the proxies of one manager and by one
// connection, which go on behind each.
const pyRefused = pyCommon + `
from multiprocessing.managers import BaseManager
class Service(BaseManager):
    pass
Service.register('rpc')
service = Service(urls[0], authkey=key)
service.connect()
rpc = service.rpc()
c = Client(urls[0], authkey=key)
def plain(v):
    c.send(('echo', (v,)))
    got = c.recv()
    if isinstance(got, Exception):
        raise got
def recipe(v):
    c.send(pickle.dumps(('echo', (v,), {}), 2))
    got = pickle.loads(c.recv())
    if isinstance(got, Exception):
        raise got
class Odd(object):
    pass
def deep(n):
    return [deep(n - 1)] if n else []
itself = []
itself.append(itself)
values = [(list(range(300000)), '-32003'), (b'x' * (20 << 20), 'at most 16777216 are taken'), (deep(70), '-32003'), (2**5000, '-32003'), (-2**40000, '-32003'), (u'\ud800', 'surrogate'), (itself, 'itself'),
    (int, '.int'), (object(), '.object'), (len, '.len'), (Odd(), '__main__.Odd'), (Odd, '__main__.Odd'), (deep, '__main__.deep')]
if sys.version_info[0] > 2:
    import io, os, subprocess
    values += [(slice(1), '.slice'), (iter([1]), '.iter'), (zip([1]), 'zip'), (map(len, [[]]), 'map'), (enumerate([1]), '.enumerate'), (Ellipsis, '.Ellipsis'),
        (io.BytesIO(b'x'), '_io.BytesIO'), (os.stat('.'), 'os.stat_result'), (subprocess.CompletedProcess([], 0), '.CompletedProcess')]
for v, text in values:
    for call in [rpc.echo, plain, recipe]:
        try:
            call(v)
        except (TypeError, RuntimeError) as e:
            assert text in str(e) and 'closed now' not in str(e), str(e)
        except (pickle.PicklingError, AttributeError): # not with this version, which has sent nothing
            continue
        else:
            assert False, repr(v)[:100]
        equal(rpc.add(3, 5), 8)
        c.send(('add', (3, 5)))
        equal(c.recv(), 8)
say('ok')
`

// TestLiveRefusedValues: the proxies of a manager are as good as before behind
// whatever an honest program may have sent.
func TestLiveRefusedValues(t *testing.T) {
	for i, version := range peertest.Pythons(t) {
		t.Run(version.String(), func(t *testing.T) {
			t.Parallel()
			_, url := serve(t, liveURL(t, i%2 == 0), key(t, !version.AtLeast(3, 12)), Handler(testRegistry(t)))
			if got := peertest.RunPython(t, testContext(t), version.Path, pyRefused, testKey, url); got != "ok\n" {
				t.Errorf("got %q; want ok", got)
			}
		})
	}
}
