package native

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// tcpPair returns both ends of a TCP connection on loopback.
func tcpPair(t testing.TB) (a, b net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	a, err = net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	b, err = l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	for _, nc := range []net.Conn{a, b} {
		nc.SetDeadline(time.Now().Add(20 * time.Second))
	}
	return a, b
}

type handshakeOutcome struct {
	result handshakeResult
	err    error
}

// start runs one side of a handshake beside the test, and closes nc when it
// fails, as those who use it do.
func start(ctx context.Context, nc net.Conn, h handshake) <-chan handshakeOutcome {
	out := make(chan handshakeOutcome, 1)
	go func() {
		result, err := h.run(ctx, nc)
		if err != nil {
			nc.Close()
		}
		out <- handshakeOutcome{result, err}
	}()
	return out
}

// recorder counts and keeps the writes of a connection.
type recorder struct {
	net.Conn
	writes [][]byte
}

func (r *recorder) Write(p []byte) (int, error) {
	r.writes = append(r.writes, bytes.Clone(p))
	return r.Conn.Write(p)
}

func TestHandshakeOfTwoOfOurKind(t *testing.T) {
	for _, test := range []struct {
		name             string
		listener, dialer bool // offers
		session          bool
	}{
		{"both offer", true, true, true},
		{"listener offers", true, false, false},
		{"dialer offers", false, true, false},
		{"none offers", false, false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			a, b := tcpPair(t)
			ra, rb := &recorder{Conn: a}, &recorder{Conn: b}
			listener := start(t.Context(), ra, handshake{auth: oneKey(testKey), role: listenerRole, offer: test.listener})
			dialer := start(t.Context(), rb, handshake{auth: oneKey(testKey), role: dialerRole, offer: test.dialer})
			for side, out := range map[string]<-chan handshakeOutcome{"listener": listener, "dialer": dialer} {
				got := <-out
				want := handshakeResult{Session: test.session, Tagged: true, Dialect: dialectNamed}
				want.Identity.Name = "id0"
				if got.err != nil || got.result != want {
					t.Errorf("%s: got %+v, %v; want %+v", side, got.result, got.err, want)
				}
			}
			// challenge | response + challenge | welcome + response | welcome
			if len(ra.writes) != 2 || len(rb.writes) != 2 {
				t.Errorf("got %d writes of the listener and %d of the dialer; want 2 and 2", len(ra.writes), len(rb.writes))
			}
			if got := string(ra.writes[0][:15]); got != "\x00\x00\x00"+string(ra.writes[0][3])+"#CHALLENGE#" {
				t.Errorf("the listener begins with %q; want a challenge", got)
			}
			if want := frameOf(welcome); !bytes.HasPrefix(ra.writes[1], want) || !bytes.Equal(rb.writes[1], want) {
				t.Errorf("got %q and %q; want both to begin with a welcome", ra.writes[1], rb.writes[1])
			}
		})
	}
}

// The dialer's answer and challenge may come apart in any way.
func TestHandshakeInPieces(t *testing.T) {
	a, b := tcpPair(t)
	listener := start(t.Context(), &slowConn{a}, handshake{auth: oneKey(testKey), role: listenerRole})
	dialer := start(t.Context(), &slowConn{b}, handshake{auth: oneKey(testKey), role: dialerRole})
	if l, d := <-listener, <-dialer; l.err != nil || d.err != nil {
		t.Errorf("got %v and %v; want success", l.err, d.err)
	}
}

// slowConn writes a byte at a time.
type slowConn struct{ net.Conn }

func (c *slowConn) Write(p []byte) (int, error) {
	for i := range p {
		if _, err := c.Conn.Write(p[i : i+1]); err != nil {
			return i, err
		}
		if i%20 == 0 {
			time.Sleep(time.Millisecond)
		}
	}
	return len(p), nil
}

func TestHandshakeLeavesWhatFollows(t *testing.T) {
	a, b := tcpPair(t)
	listener := start(t.Context(), a, handshake{auth: oneKey(testKey), role: listenerRole})
	if _, err := clientHandshake(t.Context(), &appendConn{Conn: b, last: frameOf(welcome), more: frameOf("first request")}, oneKey(testKey), false); err != nil {
		t.Fatal(err)
	}
	if got := <-listener; got.err != nil {
		t.Fatal(got.err)
	}
	wantFrame(t, a, "first request")
}

// appendConn adds more to the write that is last.
type appendConn struct {
	net.Conn
	last, more []byte
}

func (c *appendConn) Write(p []byte) (int, error) {
	if bytes.Equal(p, c.last) {
		_, err := c.Conn.Write(append(bytes.Clone(p), c.more...))
		return len(p), err
	}
	return c.Conn.Write(p)
}

// A listener answers with the key that the dialer has proved, and names it.
func TestHandshakeWithSeveralKeys(t *testing.T) {
	ring := keys{texts: []string{"zero", "one", "two"}}
	for i, text := range ring.texts {
		a, b := tcpPair(t)
		listener := start(t.Context(), a, handshake{auth: ring, role: listenerRole})
		dialer := start(t.Context(), b, handshake{auth: oneKey(text), role: dialerRole})
		l, d := <-listener, <-dialer
		if want := "id" + string(rune('0'+i)); l.err != nil || d.err != nil || l.result.Identity.Name != want {
			t.Errorf("key %s: got %q, %v, %v; want %q", text, l.result.Identity.Name, l.err, d.err, want)
		}
	}
	// A dialer uses its first key only, in both directions.
	a, b := tcpPair(t)
	listener := start(t.Context(), a, handshake{auth: oneKey("one"), role: listenerRole})
	dialer := start(t.Context(), b, handshake{auth: ring, role: dialerRole})
	if l, d := <-listener, <-dialer; !errors.Is(l.err, ErrUnproven) || !errors.Is(d.err, ErrKeyRefused) {
		t.Errorf("got %v and %v; want ErrUnproven and ErrKeyRefused", l.err, d.err)
	}
}

// pyMessage is a challenge as Python makes it.
func pyMessage(modern bool) string {
	if modern {
		return "{sha256}" + string(counted(100, 40))
	}
	return string(counted(100, 20))
}

// Peers that are Python, word for word.
func TestListenerAndPythonDialer(t *testing.T) {
	for _, test := range []struct {
		name     string
		respond  func(message string) string // of the peer
		message  string                      // of the peer
		expect   func(message string) string // of us
		md5      bool
		dialect  dialect
		protocol int
	}{
		{
			"3.12", func(m string) string { return "{sha256}" + string(mac("sha256", []byte(testKey), []byte(m))) },
			pyMessage(true), func(m string) string { return "{sha256}" + string(mac("sha256", []byte(testKey), []byte(m))) },
			false, dialectNamed, 4,
		},
		{
			"3.11", func(m string) string { return string(mac("md5", []byte(testKey), []byte(m))) },
			pyMessage(false), func(m string) string { return string(mac("md5", []byte(testKey), []byte(m))) },
			true, dialectMD5, 2,
		},
		{
			"3.9 patched by Red Hat", func(m string) string { return string(mac("sha256", []byte(testKey), []byte(m))) },
			pyMessage(false), func(m string) string { return string(mac("sha256", []byte(testKey), []byte(m))) },
			false, dialectSHA256, 2,
		},
		{
			"the same, MD5 allowed", func(m string) string { return string(mac("sha256", []byte(testKey), []byte(m))) },
			pyMessage(false), func(m string) string { return string(mac("sha256", []byte(testKey), []byte(m))) },
			true, dialectSHA256, 2,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			a, py := tcpPair(t)
			ra := &recorder{Conn: a}
			out := start(t.Context(), ra, handshake{auth: keys{texts: []string{testKey}, md5: test.md5}, role: listenerRole, offer: true})
			challenge, err := readFrame(py, nil, maxHandshake)
			if err != nil {
				t.Fatal(err)
			}
			message, ok := strings.CutPrefix(string(challenge), challengePrefix)
			if !ok {
				t.Fatalf("got %q; want a challenge", challenge)
			}
			py.Write(frameOf(test.respond(message)))
			wantFrame(t, py, welcome) // before our challenge: Python waits for it
			py.Write(frameOf(challengePrefix + test.message))
			wantFrame(t, py, test.expect(test.message))
			py.Write(frameOf(welcome))
			got := <-out
			want := handshakeResult{Dialect: test.dialect}
			want.Identity.Name = "id0"
			if got.err != nil || got.result != want {
				t.Errorf("got %+v, %v; want %+v", got.result, got.err, want)
			}
			if p := firstProtocol(got.result); p != test.protocol {
				t.Errorf("pickle protocol: got %d; want %d", p, test.protocol)
			}
		})
	}
}

func TestDialerAndPythonListener(t *testing.T) {
	for _, test := range []struct {
		name    string
		message string
		expect  string // of us, "digest" or "{digest}"
		respond string // of the peer
		md5     bool
		dialect dialect
	}{
		{"3.12", pyMessage(true), "{sha256}", "{sha256}", false, dialectNamed},
		{"3.11", pyMessage(false), "md5", "md5", true, dialectMD5},
		{"3.9 patched by Red Hat", pyMessage(false), "sha256", "sha256", false, dialectSHA256},
	} {
		t.Run(test.name, func(t *testing.T) {
			a, py := tcpPair(t)
			made := func(how string, message []byte) string {
				digest := strings.Trim(how, "{}")
				response := string(mac(digest, []byte(testKey), message))
				if digest != how {
					response = how + response
				}
				return response
			}
			ra := &recorder{Conn: a}
			out := start(t.Context(), ra, handshake{auth: keys{texts: []string{testKey}, md5: test.md5}, role: dialerRole, offer: true})
			py.Write(frameOf(challengePrefix + test.message))
			wantFrame(t, py, made(test.expect, []byte(test.message)))
			py.Write(frameOf(welcome))
			challenge, err := readFrame(py, nil, maxHandshake)
			if err != nil {
				t.Fatal(err)
			}
			py.Write(frameOf(made(test.respond, bytes.TrimPrefix(challenge, []byte(challengePrefix)))))
			wantFrame(t, py, welcome)
			got := <-out
			want := handshakeResult{Dialect: test.dialect}
			want.Identity.Name = "id0"
			if got.err != nil || got.result != want {
				t.Errorf("got %+v, %v; want %+v", got.result, got.err, want)
			}
			// The answer alone: a challenge behind it would have Python's next
			// write wait for a delayed acknowledgement.
			if len(ra.writes) != 3 || len(ra.writes[0]) != headerSize+len(made(test.expect, nil)) {
				t.Errorf("got %d writes, the first of %d bytes; want 3, the first of the answer alone", len(ra.writes), len(ra.writes[0]))
			}
		})
	}
}

// The challenge below what the dialer allows is not answered with MD5, and the
// error says what to set.
func TestDowngradeIsRefused(t *testing.T) {
	for _, message := range []string{"{md5}" + string(counted(0, 40)), "{sha1}" + string(counted(0, 40)), "0123456789"} {
		a, peer := tcpPair(t)
		out := start(t.Context(), a, handshake{auth: oneKey(testKey), role: dialerRole})
		peer.Write(frameOf(challengePrefix + message))
		wantEOF(t, peer) // not a byte of an answer
		if got := <-out; !errors.Is(got.err, ErrPolicy) {
			t.Errorf("%q: got %v; want ErrPolicy", message, got.err)
		}
	}
	a, peer := tcpPair(t)
	out := start(t.Context(), a, handshake{auth: oneKey(testKey), role: dialerRole})
	peer.Write(frameOf(challengePrefix + pyMessage(false)))
	if answer, err := readFrame(peer, nil, maxHandshake); err != nil || len(answer) != bareSHA256Size {
		t.Fatalf("got %d bytes, %v; want SHA-256, as the patched versions understand it", len(answer), err)
	}
	peer.Write(frameOf(failure))
	// It is no wrong key that this side has to think of.
	const want = "the peer's challenge is below policy: it asks for HMAC-MD5, and was given SHA-256, which it has refused: Python 3.11 and older need AllowMD5"
	if got := <-out; !errors.Is(got.err, ErrPolicy) || got.err.Error() != want {
		t.Errorf("got %v; want ErrPolicy, %s", got.err, want)
	}
}

// Challenges that our own side has made are not answered.
func TestReflectionIsRefused(t *testing.T) {
	t.Run("a dialer's challenge to a dialer", func(t *testing.T) {
		a, peer := tcpPair(t)
		out := start(t.Context(), a, handshake{auth: oneKey(testKey), role: dialerRole, offer: true})
		peer.Write(frameOf(challengePrefix + string(appendChallenge(nil, dialerRole, true))))
		wantEOF(t, peer)
		if got := <-out; !errors.Is(got.err, ErrReflected) {
			t.Errorf("got %v; want ErrReflected", got.err)
		}
	})
	t.Run("a listener's challenge to a listener", func(t *testing.T) {
		// Somebody with the key, or it would not come that far.
		a, peer := tcpPair(t)
		out := start(t.Context(), a, handshake{auth: oneKey(testKey), role: listenerRole, offer: true})
		challenge, err := readFrame(peer, nil, maxHandshake)
		if err != nil {
			t.Fatal(err)
		}
		response, _, err := respond([]byte(testKey), challenge[len(challengePrefix):], dialectUnknown, false)
		if err != nil {
			t.Fatal(err)
		}
		peer.Write(frameOf(string(response)))
		wantFrame(t, peer, welcome)
		peer.Write(frameOf(string(challenge)))
		wantEOF(t, peer)
		if got := <-out; !errors.Is(got.err, ErrReflected) {
			t.Errorf("got %v; want ErrReflected", got.err)
		}
	})
	t.Run("two dialers joined", func(t *testing.T) {
		// A listener without the key passes what each of two dialers sends to
		// the other, and begins with a challenge of its own making.
		a, x := tcpPair(t)
		b, y := tcpPair(t)
		first := start(t.Context(), a, handshake{auth: oneKey(testKey), role: dialerRole})
		second := start(t.Context(), b, handshake{auth: oneKey(testKey), role: dialerRole})
		x.Write(frameOf(challengePrefix + pyMessage(true)))
		if _, err := readFrame(x, nil, maxHandshake); err != nil {
			t.Fatal(err)
		}
		x.Write(frameOf(welcome))
		challenge, err := readFrame(x, nil, maxHandshake)
		if err != nil {
			t.Fatal(err)
		}
		y.Write(frameOf(string(challenge)))
		wantEOF(t, y)
		if got := <-second; !errors.Is(got.err, ErrReflected) {
			t.Errorf("got %v; want ErrReflected", got.err)
		}
		x.Close()
		if got := <-first; got.err == nil {
			t.Error("the first dialer has logged in")
		}
	})
}

// Without a proof a listener answers nothing: it is no oracle.
func TestListenerProvesNothingToStrangers(t *testing.T) {
	a, peer := tcpPair(t)
	out := start(t.Context(), a, handshake{auth: oneKey(testKey), role: listenerRole})
	if _, err := readFrame(peer, nil, maxHandshake); err != nil {
		t.Fatal(err)
	}
	// A wrong answer and, in the same write, a challenge.
	wrong := frameOf("{sha256}" + strings.Repeat("x", 32))
	peer.Write(append(wrong, frameOf(challengePrefix+pyMessage(true))...))
	wantFrame(t, peer, failure)
	wantEOF(t, peer)
	if got := <-out; !errors.Is(got.err, ErrUnproven) {
		t.Errorf("got %v; want ErrUnproven", got.err)
	}
}

// A listener without the key cannot be taken for one with it.
func TestDialerWantsAProof(t *testing.T) {
	for name, reply := range map[string]func(challenge []byte) []byte{
		"wrong answer": func([]byte) []byte { return frameOf("{sha256}" + strings.Repeat("x", 32)) },
		"welcome":      func([]byte) []byte { return frameOf(welcome) },
		"its own back": func(c []byte) []byte { return frameOf(string(c)) },
		"empty":        func([]byte) []byte { return frameOf("") },
		"MD5": func(c []byte) []byte {
			return frameOf(string(mac("md5", []byte(testKey), bytes.TrimPrefix(c, []byte(challengePrefix)))))
		},
		"another of the dialer's keys": func(c []byte) []byte {
			response, _, _ := respond([]byte("second"), bytes.TrimPrefix(c, []byte(challengePrefix)), dialectUnknown, false)
			return frameOf(string(response))
		},
		"more than a handshake": func(c []byte) []byte {
			response, _, _ := respond([]byte(testKey), bytes.TrimPrefix(c, []byte(challengePrefix)), dialectUnknown, false)
			return append(frameOf(string(response)), frameOf("x")...)
		},
	} {
		t.Run(name, func(t *testing.T) {
			a, peer := tcpPair(t)
			out := start(t.Context(), a, handshake{auth: keys{texts: []string{testKey, "second"}}, role: dialerRole})
			peer.Write(frameOf(challengePrefix + pyMessage(true)))
			if _, err := readFrame(peer, nil, maxHandshake); err != nil {
				t.Fatal(err)
			}
			peer.Write(frameOf(welcome))
			challenge, err := readFrame(peer, nil, maxHandshake)
			if err != nil {
				t.Fatal(err)
			}
			peer.Write(reply(challenge))
			go func() { io.Copy(io.Discard, peer); peer.Close() }()
			if got := <-out; !errors.Is(got.err, ErrAuth) {
				t.Errorf("got %v; want ErrAuth", got.err)
			}
		})
	}
}

func TestHandshakeWithWhatIsNoPeer(t *testing.T) {
	for _, test := range []struct {
		name, in, want string
	}{
		{"pickle", string(frameOf("\x80\x04K\x01.")), "a pickled object"},
		{"XML", string(frameOf("<?xml version='1.0'?>")), "XML"},
		{"HTTP", "HTTP/1.1 400 Bad Request\r\n\r\n", `"HTTP"`},
		{"SSH", "SSH-2.0-OpenSSH_9.6\r\n", `"SSH-"`},
		{"GET", "GET / HTTP/1.1\r\n\r\n", `"GET "`},
		{"2 GB", "\x7f\xff\xff\xff", "2147483647"},
		{"negative", "\xff\xff\xff\xfe", "-2"},
		{"257 bytes", string(frameOf(strings.Repeat("x", 257))), "257"},
		{"empty", string(frameOf("")), "an empty message"},
		{"welcome", string(frameOf(welcome)), welcome},
	} {
		for _, r := range []role{listenerRole, dialerRole} {
			a, peer := tcpPair(t)
			out := start(t.Context(), a, handshake{auth: oneKey(testKey), role: r})
			peer.Write([]byte(test.in))
			go func() { io.Copy(io.Discard, peer); peer.Close() }()
			got := <-out
			if !errors.Is(got.err, ErrNoChallenge) || !strings.Contains(got.err.Error(), test.want) {
				t.Errorf("%s to %c: got %v; want ErrNoChallenge with %s", test.name, r, got.err, test.want)
			}
		}
	}
}

func TestHandshakeEndsInTime(t *testing.T) {
	for name, in := range map[string][]byte{
		"silence":      nil,
		"half a frame": frameOf(challengePrefix + pyMessage(true))[:30],
	} {
		for _, r := range []role{listenerRole, dialerRole} {
			a, peer := tcpPair(t)
			began := time.Now()
			out := start(t.Context(), a, handshake{auth: oneKey(testKey), role: r, timeout: 50 * time.Millisecond})
			peer.Write(in)
			if got := <-out; !errors.Is(got.err, ErrNoChallenge) || errors.Is(got.err, context.DeadlineExceeded) {
				t.Errorf("%s, %c: got %v; want ErrNoChallenge", name, r, got.err)
			}
			if took := time.Since(began); took > time.Second {
				t.Errorf("%s, %c: took %v; want 50 ms", name, r, took)
			}

			a, peer = tcpPair(t)
			ctx, cancel := context.WithCancel(t.Context())
			out = start(ctx, a, handshake{auth: oneKey(testKey), role: r})
			peer.Write(in)
			time.Sleep(10 * time.Millisecond)
			cancel()
			if got := <-out; !errors.Is(got.err, context.Canceled) || errors.Is(got.err, ErrAuth) {
				t.Errorf("%s, %c, cancelled: got %v; want context.Canceled", name, r, got.err)
			}
		}
	}
}

// A peer that has not read its refusal still gets it, even if it has sent more
// than was read.
func TestRefusalArrives(t *testing.T) {
	for range 20 {
		a, peer := tcpPair(t)
		out := start(t.Context(), a, handshake{auth: oneKey(testKey), role: listenerRole})
		peer.Write(frameOf("\x80\x04 no answer"))
		peer.Write(make([]byte, 20_000))
		if _, err := readFrame(peer, nil, maxHandshake); err != nil {
			t.Fatal(err)
		}
		wantFrame(t, peer, failure)
		wantEOF(t, peer) // not a reset, which could overtake the refusal
		peer.Close()
		if got := <-out; !errors.Is(got.err, ErrNoChallenge) {
			t.Errorf("got %v; want ErrNoChallenge", got.err)
		}
	}
}
