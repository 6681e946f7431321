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
	{"beyond a limit", strings.Repeat("]", 100) + strings.Repeat("a", 99) + ".", "RuntimeError", "fault -32003: the message cannot be read: pickle: byte 199: more than 64 containers within each other: beyond the limit", false},
	{"a length of 2^62", "\x80\x05\x8e\x00\x00\x00\x00\x00\x00\x00\x40.", "RuntimeError", "fault -32700", false},
	{"a persistent id", "\x80\x04K\x01Q.", "RuntimeError", "persistent id", false},
	{"an extension code", "\x80\x02\x82\x01.", "RuntimeError", "extension code", false},
	{"a function of Python's own", "\x80\x02cbuiltins\neval\nX\x01\x00\x00\x001\x85R.", "TypeError", "builtins.eval", false},
	{"recipe of nothing", "\x80\x04C\x00.", "RuntimeError", "fault -32700: the message cannot be read: bytes that hold no pickled call: pickle: byte 0: the message ends before its STOP", true},
	{"recipe of a command", "\x80\x04C\x17cos\nsystem\n(S'true'\ntR..", "TypeError", "os.system", true},
	{"text of Python 2 that is no pickle", "\x80\x02U\x05world.", "RuntimeError", "fault -32700: the message cannot be read: bytes that hold no pickled call: pickle: byte 0: expected a pickle opcode, got byte 0x77", true},
}

const nowClosed = "; the connection is closed now"

// A message that cannot be read is answered, and is the last one of its
// connection. The next peer is served.
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

// What a program sends by mistake costs nobody the connection: an instance of a
// class that is not known here, or one that does not fit its type, and text that is
// no call.
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
		{"unknown class", echo + "c__main__\nOdd\n)\x81}X\x01\x00\x00\x00xK\x01sb\x85\x86.", "TypeError", "fault -32602: the message cannot be read: pickle: byte 11: class __main__.Odd"},
		{"class of a module", echo + "cpathlib\nPurePosixPath\nX\x01\x00\x00\x00x\x85R\x85\x86.", "TypeError", "class pathlib.PurePosixPath"},
		{"attribute that does not fit", echo + "cshop\nProduct\n)\x81}X\x03\x00\x00\x00pidNsb\x85\x86.", "TypeError", "class shop.Product: pid: expected int, got nil"},
		{"text of Python 3", "\x80\x04\x8c\x05hello.", "RuntimeError", "fault -32600: expected a call"},
	} {
		e, ok := answered(t, c, test.send).(*pickle.Exception)
		if !ok || e.Class != test.class || !strings.Contains(e.Text(), test.text) || strings.HasSuffix(e.Text(), nowClosed) {
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
