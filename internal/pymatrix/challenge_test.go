package pymatrix

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"errors"
	"hash"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/rpc/native"
)

// The challenge under attack, at the doors that programs use and with their
// default settings.

func macOf(h func() hash.Hash, key string, message []byte) []byte {
	m := hmac.New(h, []byte(key))
	m.Write(message)
	return m.Sum(nil)
}

func sha3of() hash.Hash { return sha3.New256() }

const (
	welcome = "#WELCOME#"
	failure = "#FAILURE#"
)

// falseAnswers are what a peer may send in the place of the one right answer. Those
// that are made with the key show that nothing but the whole of it is taken.
var falseAnswers = []struct {
	name string
	make func(challenge []byte) []byte // with its digest, without #CHALLENGE#
}{
	{"empty", func([]byte) []byte { return nil }},
	{"welcome", func([]byte) []byte { return []byte(welcome) }},
	{"failure", func([]byte) []byte { return []byte(failure) }},
	{"the challenge sent back", func(c []byte) []byte { return append([]byte("#CHALLENGE#"), c...) }},
	{"the challenge as an answer", func(c []byte) []byte { return c }},
	{"a call", func([]byte) []byte { return []byte("\x80\x04" + short("echo") + ")\x86.") }},
	{"HMAC-MD5", func(c []byte) []byte { return macOf(md5.New, testKey, c) }},
	{"HMAC-MD5 by name", func(c []byte) []byte { return append([]byte("{md5}"), macOf(md5.New, testKey, c)...) }},
	{"HMAC-MD5 under the name of SHA-256", func(c []byte) []byte { return append([]byte("{sha256}"), macOf(md5.New, testKey, c)...) }},
	{"SHA-384 under the name of SHA-256", func(c []byte) []byte { return append([]byte("{sha256}"), macOf(sha512.New384, testKey, c)...) }},
	{"SHA-3 under the name of SHA-256", func(c []byte) []byte { return append([]byte("{sha256}"), macOf(sha3of, testKey, c)...) }},
	{"SHA-256 under the name of SHA-3", func(c []byte) []byte { return append([]byte("{sha3_256}"), macOf(sha256.New, testKey, c)...) }},
	{"an unknown digest", func(c []byte) []byte { return append([]byte("{sha512}"), macOf(sha512.New, testKey, c)...) }},
	{"a name without a MAC", func([]byte) []byte { return []byte("{sha256}") }},
	{"one byte too few", func(c []byte) []byte { p := proof(c); return p[:len(p)-1] }},
	{"one byte too many", func(c []byte) []byte { return append(proof(c), 0) }},
	{"the first 16 bytes", func(c []byte) []byte { return proof(c)[8 : 8+16] }},
	{"one bit changed", func(c []byte) []byte { p := proof(c); p[len(p)-1] ^= 1; return p }},
	{"empty key", func(c []byte) []byte { return append([]byte("{sha256}"), macOf(sha256.New, "", c)...) }},
	{"the key cut short", func(c []byte) []byte { return append([]byte("{sha256}"), macOf(sha256.New, testKey[:32], c)...) }},
	{"the random bytes alone", func(c []byte) []byte {
		return append([]byte("{sha256}"), macOf(sha256.New, testKey, c[len("{sha256}"):])...)
	}},
	{"the challenge without its tag", func(c []byte) []byte {
		return append([]byte("{sha256}"), macOf(sha256.New, testKey, c[:len("{sha256}")+40])...)
	}},
	{"zeros", func([]byte) []byte { return append([]byte("{sha256}"), make([]byte, 32)...) }},
	{"257 bytes", func([]byte) []byte { return bytes.Repeat([]byte("x"), 257) }},
}

// TestThreatFalseAnswersToAListener sends each false answer, and behind it what a
// peer that is logged in would send: nothing is proved to it, and nothing runs.
func TestThreatFalseAnswersToAListener(t *testing.T) {
	tg := startTarget(t)
	for _, a := range falseAnswers {
		t.Run(a.name, func(t *testing.T) {
			nc, challenge := challenged(t, tg.addr)
			own := []byte("#CHALLENGE#{sha256}" + times("r", 40))
			for _, frame := range [][]byte{a.make(challenge), own, []byte(welcome), []byte("\x80\x04" + short("echo") + ")\x86.")} {
				if writeFrame(nc, frame) != nil {
					break // it has closed already
				}
			}
			wantNoProof(t, nc)
		})
	}
	if n := tg.echos.Load(); n != 0 {
		t.Errorf("the function ran %d times; want never", n)
	}
	wantHonest(t, login(t, tg.addr))
}

// challenged connects and reads the listener's challenge.
func challenged(t *testing.T, addr string) (net.Conn, []byte) {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(patience))
	first, err := readFrame(nc)
	challenge, ok := bytes.CutPrefix(first, []byte("#CHALLENGE#"))
	if err != nil || !ok || !bytes.HasPrefix(challenge, []byte("{sha256}")) || len(challenge) < 48 {
		t.Fatalf("got %q, %v; want a challenge", first, err)
	}
	return nc, challenge
}

// wantNoProof reads to the end: at most a #FAILURE# may come.
func wantNoProof(t *testing.T, nc net.Conn) {
	t.Helper()
	rest, err := io.ReadAll(nc)
	if isTimeout(err) {
		t.Errorf("got error %v; want the end", err)
	}
	if len(rest) > 0 && string(rest) != "\x00\x00\x00\x09"+failure {
		t.Errorf("got %q; want at most %s", rest, failure)
	}
}

// What one connection has proved is of no use on another, at the same time or later.
func TestThreatReplayToAListener(t *testing.T) {
	tg := startTarget(t)
	one, first := challenged(t, tg.addr)
	two, second := challenged(t, tg.addr)
	if bytes.Equal(first, second) {
		t.Fatal("two connections got the same challenge")
	}
	for _, answer := range [][]byte{proof(first)} {
		if err := writeFrame(two, answer); err != nil { // a right one, but of its neighbour
			t.Fatal(err)
		}
		wantNoProof(t, two)
	}
	if err := writeFrame(one, proof(first)); err != nil {
		t.Fatal(err)
	}
	if verdict, err := readFrame(one); err != nil || string(verdict) != welcome {
		t.Fatalf("the connection itself: got %q, %v; want a welcome", verdict, err)
	}
	later, _ := challenged(t, tg.addr)
	if err := writeFrame(later, proof(first)); err != nil {
		t.Fatal(err)
	}
	wantNoProof(t, later)
}

// A listener's challenge comes back to it as the dialer's own, on the same connection
// and from one beside it; and whoever skips its challenge is not served.
func TestThreatReflectionToAListener(t *testing.T) {
	tg := startTarget(t)
	beside, other := challenged(t, tg.addr)
	defer beside.Close()
	for name, back := range map[string]func(own []byte) []byte{
		"its own":            func(own []byte) []byte { return append([]byte("#CHALLENGE#"), own...) },
		"that of another":    func([]byte) []byte { return append([]byte("#CHALLENGE#"), other...) },
		"a call in place":    func([]byte) []byte { return []byte("\x80\x04" + short("echo") + ")\x86.") },
		"a welcome in place": func([]byte) []byte { return []byte(welcome) },
		"one with MD5":       func([]byte) []byte { return []byte("#CHALLENGE#{md5}" + times("r", 40)) },
	} {
		t.Run(name, func(t *testing.T) {
			nc, challenge := challenged(t, tg.addr)
			if err := writeFrame(nc, proof(challenge)); err != nil {
				t.Fatal(err)
			}
			if verdict, err := readFrame(nc); err != nil || string(verdict) != welcome {
				t.Fatalf("got %q, %v; want a welcome", verdict, err)
			}
			if err := writeFrame(nc, back(challenge)); err != nil {
				t.Fatal(err)
			}
			wantNoProof(t, nc)
		})
	}
	if n := tg.echos.Load(); n != 0 {
		t.Errorf("the function ran %d times; want never", n)
	}
}

// falseChallenges are what a listener may send first, to get an answer that it can
// use elsewhere, or that is easily made.
var falseChallenges = []struct {
	name string
	sent []string // frames
	raw  string   // in their place
}{
	{name: "MD5 by name", sent: []string{"#CHALLENGE#{md5}" + strings.Repeat("r", 40)}},
	{name: "MD5 by name, 20 bytes", sent: []string{"#CHALLENGE#{md5}" + strings.Repeat("r", 15)}},
	{name: "SHA-256 by name, 20 bytes", sent: []string{"#CHALLENGE#{sha256}" + strings.Repeat("r", 12)}},
	{name: "MD5 in front of SHA-256", sent: []string{"#CHALLENGE#{md5}{sha256}" + strings.Repeat("r", 40)}},
	{name: "MD5 in capitals", sent: []string{"#CHALLENGE#{MD5}" + strings.Repeat("r", 40)}},
	{name: "SHA-1", sent: []string{"#CHALLENGE#{sha1}" + strings.Repeat("r", 40)}},
	{name: "no digest", sent: []string{"#CHALLENGE#" + strings.Repeat("r", 40)}},
	{name: "an empty digest", sent: []string{"#CHALLENGE#{}" + strings.Repeat("r", 40)}},
	{name: "a digest without random bytes", sent: []string{"#CHALLENGE#{sha256}"}},
	{name: "few random bytes", sent: []string{"#CHALLENGE#{sha256}" + strings.Repeat("r", 15)}},
	{name: "19 bytes", sent: []string{"#CHALLENGE#" + strings.Repeat("r", 19)}},
	{name: "21 bytes", sent: []string{"#CHALLENGE#" + strings.Repeat("r", 21)}},
	{name: "nothing to sign", sent: []string{"#CHALLENGE#"}},
	{name: "a dialer's", sent: []string{"#CHALLENGE#{sha256}" + strings.Repeat("r", 40) + "parley/1 C session"}},
	{name: "a tag of another version", sent: []string{"#CHALLENGE#{sha256}" + strings.Repeat("r", 40) + "parley/0 L session"}},
	{name: "257 bytes", sent: []string{"#CHALLENGE#{sha256}" + strings.Repeat("r", 257-19)}},
	{name: "welcome", sent: []string{welcome, welcome}},
	{name: "failure", sent: []string{failure}},
	{name: "a result", sent: []string{"\x80\x04K\x08."}},
	{name: "empty", sent: []string{""}},
	{name: "length 2^31-1", raw: "\x7f\xff\xff\xff"},
	{name: "length -1, long", raw: "\xff\xff\xff\xff\x00\x00\x01\x00\x00\x00\x00\x20"},
	{name: "TLS", raw: "\x16\x03\x01\x00\x20"},
}

// TestThreatFalseChallengesToADialer: a Go client with default settings answers no
// challenge below policy. Not one byte leaves it.
func TestThreatFalseChallengesToADialer(t *testing.T) {
	for _, c := range falseChallenges {
		t.Run(c.name, func(t *testing.T) {
			sent, err := dialFalse(t, func(nc net.Conn) {
				if c.raw != "" {
					_, _ = io.WriteString(nc, c.raw)
				}
				for _, frame := range c.sent {
					_ = writeFrame(nc, []byte(frame))
				}
			})
			if err == nil || len(sent) > 0 {
				t.Errorf("got %q and error %v; want no byte and an error", sent, err)
			}
			if !errors.Is(err, native.ErrAuth) {
				t.Errorf("got error %v; want one that is ErrAuth", err)
			}
		})
	}
}

// A challenge of 20 bytes is that of Python 3.11 and older. It is answered by
// HMAC-SHA256, never by MD5, and the peer has to prove itself all the same.
func TestThreatOldChallengeGetsNoMD5(t *testing.T) {
	message := []byte(strings.Repeat("r", 20))
	sent, err := dialFalse(t, func(nc net.Conn) {
		_ = writeFrame(nc, append([]byte("#CHALLENGE#"), message...))
		_ = writeFrame(nc, []byte(welcome))
		_ = writeFrame(nc, []byte("{sha256}"+strings.Repeat("x", 32)))
	})
	if err == nil || !errors.Is(err, native.ErrAuth) {
		t.Errorf("got error %v; want one that is ErrAuth", err)
	}
	if bytes.Contains(sent, macOf(md5.New, testKey, message)) {
		t.Error("the client has answered with HMAC-MD5")
	}
	if want := append([]byte{0, 0, 0, 32}, macOf(sha256.New, testKey, message)...); !bytes.HasPrefix(sent, want) {
		t.Errorf("got %x; want %x first", sent, want)
	}
}

// TestThreatFalseProofsToADialer: a listener without the key is not believed, whatever
// it says and when.
func TestThreatFalseProofsToADialer(t *testing.T) {
	const good = "#CHALLENGE#{sha256}"
	random := strings.Repeat("r", 40)
	for _, a := range falseAnswers {
		t.Run(a.name, func(t *testing.T) {
			_, err := dialFalse(t, func(nc net.Conn) {
				_ = writeFrame(nc, []byte(good+random))
				if _, err := readFrame(nc); err != nil {
					return
				}
				_ = writeFrame(nc, []byte(welcome))
				own, err := readFrame(nc)
				if err != nil {
					return
				}
				challenge := bytes.TrimPrefix(own, []byte("#CHALLENGE#"))
				_ = writeFrame(nc, a.make(challenge))
			})
			if !errors.Is(err, native.ErrAuth) {
				t.Errorf("got error %v; want one that is ErrAuth", err)
			}
		})
	}
	for name, early := range map[string][]string{
		"welcome at once":    {good + random, welcome, "{sha256}" + strings.Repeat("x", 32), welcome},
		"welcome, doubled":   {good + random, welcome, welcome, welcome},
		"welcome, then call": {good + random, welcome, "\x80\x04K\x08."},
		"failure at once":    {good + random, failure},
		"both":               {good + random, welcome, failure},
		"a second challenge": {good + random, good + strings.Repeat("s", 40), welcome},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := dialFalse(t, func(nc net.Conn) {
				for _, frame := range early {
					_ = writeFrame(nc, []byte(frame))
				}
			})
			if !errors.Is(err, native.ErrAuth) {
				t.Errorf("got error %v; want one that is ErrAuth", err)
			}
		})
	}
}

// A dialer's own challenge is of no use against it: not on its connection, nor on
// another that it makes to the same false listener.
func TestThreatReflectionToADialer(t *testing.T) {
	var first []byte
	_, err := dialFalse(t, func(nc net.Conn) {
		_ = writeFrame(nc, []byte("#CHALLENGE#{sha256}"+strings.Repeat("r", 40)))
		if _, err := readFrame(nc); err != nil {
			return
		}
		_ = writeFrame(nc, []byte(welcome))
		first, _ = readFrame(nc)
		_ = writeFrame(nc, first) // as a challenge, where an answer is due
	})
	if !errors.Is(err, native.ErrAuth) || len(first) < 59 {
		t.Fatalf("the same connection: got %q, error %v; want its challenge and ErrAuth", first, err)
	}
	sent, err := dialFalse(t, func(nc net.Conn) { _ = writeFrame(nc, first) })
	if !errors.Is(err, native.ErrReflected) || len(sent) > 0 {
		t.Errorf("another connection: got %q, %v; want no byte and ErrReflected", sent, err)
	}
}

// An empty or short key is refused before a connection is made.
func TestThreatWeakKeys(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, key := range []string{"", "12345"} {
		if _, err := native.DialConn(testContext(t), "tcp://"+l.Addr().String(), native.ConnConfig{Auth: auth.Key([]byte(key))}); !errors.Is(err, native.ErrNoKey) {
			t.Errorf("dial with key %q: got error %v; want ErrNoKey", key, err)
		}
		s := &native.Server{Auth: auth.Key([]byte(key)), Logger: quiet}
		if ln, err := s.Listen("tcp://127.0.0.1:0"); err == nil {
			ln.Close()
			t.Errorf("listen with key %q: got no error; want one", key)
		}
	}
}

// dialFalse lets a client with default settings dial a listener that says what
// script does, and then only listens. It returns what the client has sent, the
// frames that script has read included.
func dialFalse(t *testing.T, script func(nc net.Conn)) (sent []byte, err error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	done := make(chan []byte, 1)
	go func() {
		nc, err := l.Accept()
		if err != nil {
			done <- nil
			return
		}
		defer nc.Close()
		nc.SetDeadline(time.Now().Add(patience))
		var got bytes.Buffer
		script(&tapped{nc, &got})
		_, _ = io.Copy(&got, nc) // to its end: what was sent is all there
		done <- got.Bytes()
	}()
	c, err := native.DialConn(testContext(t), "tcp://"+l.Addr().String(), native.ConnConfig{Auth: key(t, false)})
	if err == nil {
		c.Close()
	}
	return <-done, err
}

// tapped keeps what is read.
type tapped struct {
	net.Conn
	got *bytes.Buffer
}

func (c *tapped) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.got.Write(b[:n])
	return n, err
}
