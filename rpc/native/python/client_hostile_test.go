package python

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
	"github.com/parley-rpc/parley/rpc/native/pickle"
)

// memoBomb is a pickle of a few bytes that describes 2^60 values.
func memoBomb() []byte {
	b := []byte("\x80\x02]q\x00")
	for i := range byte(60) {
		b = append(b, ']', 'q', i+1, '(', 'h', i, 'h', i, 'e')
	}
	return append(b, '.')
}

// hostileAnswers are answers that a manager must survive, whatever was asked.
func hostileAnswers(t testing.TB) map[string][]byte {
	many := make(tuple, maxMethods+1)
	for i := range many {
		many[i] = "f"
	}
	return map[string][]byte{
		"no pickle":              []byte("world"),
		"empty pickle":           []byte("\x80\x02."),
		"half of a pickle":       dumps(t, tuple{"#RETURN", "some text"}, 2)[:12],
		"two pickles":            append(dumps(t, tuple{"#RETURN", nil}, 2), dumps(t, nil, 2)...),
		"XML":                    []byte("<params><param><value>x</value></param></params>"),
		"None":                   dumps(t, nil, 2),
		"a tuple of one":         dumps(t, tuple{"#RETURN"}, 2),
		"a tuple of three":       dumps(t, tuple{"#RETURN", nil, nil}, 2),
		"a kind that is no text": dumps(t, tuple{5, nil}, 2),
		"another kind":           dumps(t, tuple{"#RETURNED", nil}, 2),
		"#TRACEBACK without":     dumps(t, tuple{"#TRACEBACK", nil}, 2),
		"#UNSERIALIZABLE of 5":   dumps(t, tuple{"#UNSERIALIZABLE", 5}, 2),
		"#ERROR of 5":            dumps(t, tuple{"#ERROR", 5}, 2),
		"#PROXY of None":         dumps(t, tuple{"#PROXY", nil}, 2),
		"#PROXY of pairs":        dumps(t, tuple{"#PROXY", tuple{tuple{"f"}, tuple{"a", "b"}}}, 2),
		"a list for create":      dumps(t, tuple{"#RETURN", []any{1, 2, 3}}, 2),
		"an id of 1 MB":          dumps(t, tuple{"#RETURN", tuple{strings.Repeat("f", 1<<20), tuple{}}}, 2),
		"no id":                  dumps(t, tuple{"#RETURN", tuple{"", tuple{}}}, 2),
		"an id of 5":             dumps(t, tuple{"#RETURN", tuple{5, tuple{}}}, 2),
		"methods of 5":           dumps(t, tuple{"#RETURN", tuple{"7f", tuple{5}}}, 2),
		"methods without end":    dumps(t, tuple{"#RETURN", tuple{"7f", many}}, 2),
		"a command":              []byte("\x80\x02(cos\nsystem\nX\x04\x00\x00\x00trueo."),
		"memo bomb":              memoBomb(),
		"2^62 elements":          []byte("\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x3f\x8d\xff\xff\xff\xff\xff\xff\xff\x3fx."),
	}
}

// TestManagerSurvivesAnyAnswer: whatever the server answers, in any place, is an
// error in time, and the next call gets its own answer.
func TestManagerSurvivesAnyAnswer(t *testing.T) {
	for name, bad := range hostileAnswers(t) {
		for _, place := range []string{"dummy", "create", "accept_connection", "f", "decref"} {
			var armed atomic.Bool
			armed.Store(true)
			s := fakeManager(t, func(method string, _ []any) []byte {
				if method == place && armed.Load() {
					return bad
				}
				return nil
			})
			ctx := testContext(t)
			m, err := DialManager(ctx, s.url, ManagerConfig{DangerouslyWithoutAuth: true})
			// What one place takes for a result another has no use for.
			isResult := strings.HasPrefix(string(bad), string(dumps(t, tuple{"#RETURN", nil}, 2)[:14])) && !strings.HasPrefix(name, "two") && !strings.HasPrefix(name, "a tuple")
			harmless := isResult && (place == "dummy" || place == "f" || place == "decref")
			if place == "dummy" {
				if (err == nil) != harmless {
					t.Errorf("%s as the answer to %s: got %v; want an error", name, place, err)
				}
				if m != nil {
					m.Close()
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			p, err := m.Create(ctx, "T")
			if place == "create" {
				if err == nil {
					t.Errorf("%s as the answer to %s: got no error; want one", name, place)
				}
				armed.Store(false)
				p, err = m.Create(ctx, "T")
			}
			if err != nil {
				t.Fatal(err)
			}
			if place == "f" || place == "accept_connection" {
				_, err := rpc.Invoke[*Proxy](ctx, p, "f")
				if err == nil {
					t.Errorf("%s as the answer to %s: got no error; want one", name, place)
				}
				armed.Store(false)
				if got, err := rpc.Invoke[any](ctx, p, "f"); got != nil || err != nil {
					t.Errorf("the call behind %s: got %v, %v; want nil", name, got, err)
				}
			}
			if err := p.Close(); place == "decref" && (err == nil) != harmless {
				t.Errorf("%s as the answer to %s: got %v; want an error", name, place, err)
			}
			m.Close()
			if open, _, _ := s.connections(); open > 0 {
				within(t, "the connections to be closed", func() bool { open, _, _ := s.connections(); return open == 0 })
			}
		}
	}
}

// TestManagerDropsAConnectionOfWhichNothingIsRight: what is no answer ends the
// connection, an exception does not.
func TestManagerDropsAConnectionOfWhichNothingIsRight(t *testing.T) {
	for _, test := range []struct {
		name   string
		answer []byte
		kept   bool
	}{
		{"an exception", dumps(t, tuple{"#ERROR", pickle.NewException("ValueError", "x")}, 2), true},
		{"a class that is not known", []byte("\x80\x02X\x07\x00\x00\x00#RETURNcos\nsystem\n\x86."), true},
		{"no pickle", []byte("x"), false},
		{"no pair", dumps(t, 5, 2), false},
		{"#ERROR of 5", dumps(t, tuple{"#ERROR", 5}, 2), false},
	} {
		s := fakeManager(t, func(method string, _ []any) []byte {
			if method == "f" {
				return test.answer
			}
			return nil
		})
		m := fakeDial(t, s, ManagerConfig{})
		p, err := m.Create(testContext(t), "T")
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if _, err := rpc.Invoke[any](testContext(t), p, "f"); err == nil {
				t.Errorf("%s: got no error; want one", test.name)
			}
		}
		want := 3
		if test.kept {
			want = 1
		}
		if got := s.times("accept_connection"); got != want {
			t.Errorf("%s: got %d connections for calls; want %d", test.name, got, want)
		}
	}
}

// TestManagerAndAnswersCutAtEveryByte: a server that goes in the middle.
func TestManagerAndAnswersCutAtEveryByte(t *testing.T) {
	full := frame(dumps(t, tuple{"#RETURN", "some text"}, 2))
	for at := range len(full) {
		var calls atomic.Int32
		s := startFake(t, func(c net.Conn, n int, message []byte) bool {
			if !strings.Contains(string(message), "#GETVALUE") {
				return say(c, dumps(t, tuple{"#RETURN", map[bool]any{true: tuple{"7f", tuple{}}}[strings.Contains(string(message), "create")]}, 2))
			}
			if calls.Add(1) == 1 {
				_, _ = c.Write(full[:at])
				return false
			}
			_, err := c.Write(full)
			return err == nil
		})
		m := fakeDial(t, s, ManagerConfig{})
		ctx := testContext(t)
		p, err := m.Create(ctx, "T")
		if err != nil {
			t.Fatal(err)
		}
		var link *rpc.LinkError
		if got, err := rpc.Invoke[string](ctx, p, GetValue); !errors.As(err, &link) || link.Sent != rpc.Unknown {
			t.Errorf("cut at byte %d: got %q, %v; want a LinkError, outcome unknown", at, got, err)
		}
		if got, err := rpc.Invoke[string](ctx, p, GetValue); got != "some text" || err != nil {
			t.Errorf("cut at byte %d, the next call: got %q, %v; want some text", at, got, err)
		}
		m.Close()
	}
}

// TestManagerAndASlowDrip: bytes that keep coming one by one are no reason to
// wait for longer, with or without a deadline of the caller's.
func TestManagerAndASlowDrip(t *testing.T) {
	s := startFake(t, func(c net.Conn, _ int, message []byte) bool {
		if strings.Contains(string(message), "create") {
			return say(c, dumps(t, tuple{"#RETURN", tuple{"7f", tuple{}}}, 2))
		}
		if !strings.Contains(string(message), GetValue) {
			return say(c, dumps(t, tuple{"#RETURN", nil}, 2))
		}
		answer := frame(make([]byte, 1<<20))
		for len(answer) > 0 {
			if _, err := c.Write(answer[:1]); err != nil {
				return false
			}
			answer = answer[1:]
			time.Sleep(2 * time.Millisecond)
		}
		return true
	})
	m := fakeDial(t, s, ManagerConfig{CallTimeout: 100 * time.Millisecond})
	p, err := m.Create(testContext(t), "T")
	if err != nil {
		t.Fatal(err)
	}
	for _, own := range []bool{true, false} {
		ctx, cancel := context.WithCancel(context.Background())
		if own {
			ctx, cancel = context.WithTimeout(ctx, 100*time.Millisecond)
		}
		var link *rpc.LinkError
		if _, err := rpc.Invoke[any](ctx, p, GetValue); !errors.As(err, &link) || link.Sent != rpc.Unknown || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v; want a LinkError, outcome unknown, that is context.DeadlineExceeded", err)
		}
		cancel()
	}
}

// TestManagerAndAHugeAnswer: a length is believed by nobody.
func TestManagerAndAHugeAnswer(t *testing.T) {
	for name, header := range map[string]string{"a length of 2 GiB": "\x7f\xff\xff\xff", "a length of 2^62": "\xff\xff\xff\xff\x40\x00\x00\x00\x00\x00\x00\x00", "a negative length": "\x80\x00\x00\x00"} {
		s := startFake(t, func(c net.Conn, _ int, _ []byte) bool {
			_, err := c.Write([]byte(header + "xyz"))
			return err == nil
		})
		_, err := DialManager(testContext(t), s.url, ManagerConfig{DangerouslyWithoutAuth: true, CallTimeout: 20 * time.Second})
		if !errors.Is(err, native.ErrTooLarge) && !errors.Is(err, native.ErrFrame) {
			t.Errorf("%s: got %v; want ErrTooLarge or ErrFrame", name, err)
		}
	}
}

// TestManagerTakesNoAnswerToNoCall: of two answers to one call the second is not
// that to the next call.
func TestManagerTakesNoAnswerToNoCall(t *testing.T) {
	var calls atomic.Int32
	s := startFake(t, func(c net.Conn, _ int, message []byte) bool {
		if strings.Contains(string(message), "create") {
			return say(c, dumps(t, tuple{"#RETURN", tuple{"7f", tuple{}}}, 2))
		}
		if !strings.Contains(string(message), GetValue) {
			return say(c, dumps(t, tuple{"#RETURN", nil}, 2))
		}
		answer := frame(dumps(t, tuple{"#RETURN", int(calls.Add(1))}, 2))
		_, err := c.Write(slices.Concat(answer, frame(dumps(t, tuple{"#RETURN", "stale"}, 2))))
		return err == nil
	})
	m := fakeDial(t, s, ManagerConfig{})
	p, err := m.Create(testContext(t), "T")
	if err != nil {
		t.Fatal(err)
	}
	for i := 1; i <= 5; i++ {
		if got, err := rpc.Invoke[int](testContext(t), p, GetValue); got != i || err != nil {
			t.Errorf("call %d: got %d, %v; want %d", i, got, err, i)
		}
	}
}
