package xmlrpc_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// intAnswer is the answer whose result is a number: that of the call it belongs to.
func intAnswer(n string) string {
	return "<methodResponse><params><param><value><int>" + n + "</int></value></param></params></methodResponse>"
}

var intArgument = regexp.MustCompile(`<int>(\d+)</int>`)

// forever writes head and then piece after piece until the client has had enough.
func forever(c net.Conn, head, piece string) {
	if _, err := io.WriteString(c, head); err != nil {
		return
	}
	for again := []byte(piece); ; {
		if _, err := c.Write(again); err != nil {
			return
		}
	}
}

// drip writes text byte by byte.
func drip(c net.Conn, text string) {
	for i := range len(text) {
		if _, err := io.WriteString(c, text[i:i+1]); err != nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// hostileServer is what a server does with a request: what it gets is the connection,
// and the number that the call asks for.
type hostileServer struct {
	name  string
	serve func(c net.Conn, n string)
	fine  bool // the calls succeed all the same
}

func headOf(lines ...string) string {
	return "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n" + strings.Join(lines, "\r\n") + "\r\n\r\n"
}

func hostileServers(t testing.TB) []hostileServer {
	says := func(text func(n string) string) func(net.Conn, string) {
		return func(c net.Conn, n string) { io.WriteString(c, text(n)) }
	}
	always := func(text string) func(net.Conn, string) {
		return func(c net.Conn, _ string) { io.WriteString(c, text) }
	}
	bomb := zip(t, strings.Repeat(" ", 64<<20))
	later := func(pause time.Duration, text string) func(net.Conn, string) {
		return func(c net.Conn, n string) {
			io.WriteString(c, ok(intAnswer(n)))
			time.Sleep(pause)
			io.WriteString(c, text)
		}
	}
	other := ok(intAnswer("999"))
	return []hostileServer{
		// Answers without an end.
		{name: "headers without end", serve: func(c net.Conn, _ string) { forever(c, "HTTP/1.1 200 OK\r\n", strings.Repeat("X: y\r\n", 1000)) }},
		{name: "one header without end", serve: func(c net.Conn, _ string) { forever(c, "HTTP/1.1 200 OK\r\nX: ", strings.Repeat("y", 4096)) }},
		{name: "status without end", serve: func(c net.Conn, _ string) { forever(c, "HTTP/1.1 200 ", strings.Repeat("y", 4096)) }},
		{name: "folded header without end", serve: func(c net.Conn, _ string) { forever(c, "HTTP/1.1 200 OK\r\nX: y", strings.Repeat("\r\n y", 1000)) }},
		{name: "interims without end", serve: func(c net.Conn, _ string) { forever(c, "", strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 100)) }},
		{name: "large interims without end", serve: func(c net.Conn, _ string) {
			forever(c, "", "HTTP/1.1 103 Early Hints\r\nLink: "+strings.Repeat("x", 60_000)+"\r\n\r\n")
		}},
		{name: "chunks without end", serve: func(c net.Conn, _ string) {
			forever(c, headOf("Transfer-Encoding: chunked"), strings.Repeat("400\r\n"+strings.Repeat(" ", 1024)+"\r\n", 16))
		}},
		{name: "small chunks with long extensions", serve: func(c net.Conn, _ string) {
			forever(c, headOf("Transfer-Encoding: chunked"), strings.Repeat("1;"+strings.Repeat("x", 3000)+"\r\n \r\n", 10))
		}},
		{name: "trailers without end", serve: func(c net.Conn, n string) {
			forever(c, headOf("Transfer-Encoding: chunked")+fmt.Sprintf("%x\r\n%s\r\n0\r\n", len(intAnswer(n)), intAnswer(n)), strings.Repeat("X: y\r\n", 1000))
		}},
		{name: "body without length or end", serve: func(c net.Conn, _ string) { forever(c, headOf("Connection: close"), strings.Repeat(" ", 4096)) }},
		{name: "zeros without end", serve: func(c net.Conn, _ string) { forever(c, "", strings.Repeat("\x00", 4096)) }},
		{name: "empty lines without end", serve: func(c net.Conn, _ string) { forever(c, "", strings.Repeat("\r\n", 2048)) }},
		{name: "slow head", serve: func(c net.Conn, _ string) { drip(c, "HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 500)) }},
		{name: "slow body", serve: func(c net.Conn, _ string) {
			io.WriteString(c, headOf("Content-Length: 500"))
			drip(c, strings.Repeat(" ", 500))
		}},
		{name: "slow chunks", serve: func(c net.Conn, _ string) {
			io.WriteString(c, headOf("Transfer-Encoding: chunked"))
			for range 200 {
				drip(c, "1\r\n \r\n")
			}
		}},

		// More than was said, or than is allowed.
		{name: "length of a petabyte", serve: always(headOf("Content-Length: 1125899906842624") + " ")},
		{name: "gzip bomb", serve: always(headOf("Content-Encoding: gzip", fmt.Sprint("Content-Length: ", len(bomb))) + bomb)},
		{name: "gzip bomb in chunks", serve: always(headOf("Content-Encoding: gzip", "Transfer-Encoding: chunked") + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(bomb), bomb))},
		{name: "gzip of gzip bomb", serve: always(headOf("Content-Encoding: gzip, gzip", "Connection: close") + zip(t, bomb))},
		{name: "members of gzip without end", serve: func(c net.Conn, _ string) {
			forever(c, headOf("Content-Encoding: gzip", "Connection: close"), strings.Repeat(zip(t, ""), 100))
		}},

		// Answers that two readers understand in two ways, or that belong elsewhere.
		{name: "two answers", serve: says(func(n string) string { return ok(intAnswer(n)) + other }), fine: true},
		{name: "twenty answers", serve: says(func(n string) string { return ok(intAnswer(n)) + strings.Repeat(other, 20) }), fine: true},
		{name: "a second answer later", serve: later(2*time.Millisecond, other), fine: true},
		{name: "a second answer in chunks later", serve: later(2*time.Millisecond, headOf("Transfer-Encoding: chunked")+fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(intAnswer("999")), intAnswer("999"))), fine: true},
		{name: "408 on an idle connection", serve: later(2*time.Millisecond, "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"), fine: true},
		{name: "an interim on an idle connection", serve: later(2*time.Millisecond, "HTTP/1.1 100 Continue\r\n\r\n"), fine: true},
		{name: "a line behind the answer", serve: says(func(n string) string { return ok(intAnswer(n)) + "\r\n" }), fine: true},
		{name: "length too small", serve: says(func(n string) string {
			return headOf(fmt.Sprint("Content-Length: ", len(intAnswer(n)))) + intAnswer(n) + other
		}), fine: true},
		{name: "length too large", serve: always(headOf("Content-Length: 1000") + intAnswer("999"))},
		{name: "two lengths", serve: always(headOf("Content-Length: 5", "Content-Length: 110") + intAnswer("999"))},
		{name: "length below zero", serve: always(headOf("Content-Length: -1") + intAnswer("999"))},
		{name: "length in hexadecimal", serve: always(headOf("Content-Length: 0x10") + intAnswer("999"))},
		{name: "unknown transfer encoding", serve: always(headOf("Transfer-Encoding: xchunked") + intAnswer("999"))},
		{name: "transfer encoding twice", serve: always(headOf("Transfer-Encoding: chunked", "Transfer-Encoding: chunked") + intAnswer("999"))},
		{name: "chunk of a petabyte", serve: always(headOf("Transfer-Encoding: chunked") + "4000000000000\r\n" + intAnswer("999"))},
		{name: "chunk below zero", serve: always(headOf("Transfer-Encoding: chunked") + "-5\r\n" + intAnswer("999"))},
		{name: "204 with a body", serve: says(func(n string) string {
			return "HTTP/1.1 204 No Content\r\nContent-Type: text/xml\r\n\r\n" + other
		})},
		{name: "304 with a body", serve: says(func(n string) string {
			return "HTTP/1.1 304 Not Modified\r\nContent-Type: text/xml\r\nContent-Length: 5\r\n\r\n" + other
		})},
		{name: "101 and another protocol", serve: always("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n" + other)},
		{name: "HTTP/2", serve: always("HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok")},
		{name: "HTTP/0.9", serve: always(intAnswer("999"))},
		{name: "status below zero", serve: always("HTTP/1.1 -20 OK\r\n\r\n")},
		{name: "status of four digits", serve: always("HTTP/1.1 2000 OK\r\n\r\n")},
		{name: "header with a NUL", serve: always("HTTP/1.1 200 OK\r\nX\x00: y\r\n\r\n")},
		{name: "header without a colon", serve: always("HTTP/1.1 200 OK\r\nX\r\n\r\n")},
		{name: "an empty answer", serve: always("")},

		// Statuses that make other clients send something once more.
		{name: "401", serve: always("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n\r\n")},
		{name: "407", serve: always("HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n\r\n")},
		{name: "417", serve: always("HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n")},
		{name: "425", serve: always("HTTP/1.1 425 Too Early\r\nContent-Length: 0\r\n\r\n")},
		{name: "503 with Retry-After", serve: always("HTTP/1.1 503 x\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n")},
	}
}

// TestThreatHostileServers: whatever a server says, a call ends in time, and in
// little memory, with its own answer or an error; no answer is that of another
// call, and nothing is sent twice.
func TestThreatHostileServers(t *testing.T) {
	const most = 40 << 20 // bytes that are taken for three calls, all added up
	for _, h := range hostileServers(t) {
		for _, way := range []string{"client", "kolo"} {
			t.Run(h.name+"/"+way, func(t *testing.T) {
				var requests atomic.Int32
				said := make(chan struct{}, 3)
				url := script(t, func(_ int, c net.Conn) {
					r := bufio.NewReader(c)
					for {
						_, body, err := take(r)
						if err != nil {
							return
						}
						requests.Add(1)
						n := "998"
						if m := intArgument.FindStringSubmatch(body); m != nil {
							n = m[1]
						}
						h.serve(c, n)
						select {
						case said <- struct{}{}:
						default: // more requests than calls
						}
					}
				})
				each := 150 * time.Millisecond
				if h.fine {
					each = patience
				}
				var call func(n int) (int, error)
				if way == "kolo" {
					c, _ := koloOver(t, url, xmlrpc.ClientConfig{Timeout: each})
					call = func(n int) (got int, err error) { return got, c.Call("f", n, &got) }
					defer func() { call = nil; c.Close() }()
				} else {
					c := newClient(t, url, xmlrpc.ClientConfig{Timeout: each})
					call = func(n int) (int, error) { return rpc.Invoke[int](context.Background(), c, "f", n) }
				}
				taken := allocated(func() {
					for i := range 3 {
						began := time.Now()
						got, err := call(i)
						if took := time.Since(began); took > each+patience/2 {
							t.Errorf("the call took %v", took)
						}
						switch {
						case err == nil && got != i:
							t.Errorf("call %d got the answer %d", i, got)
						case h.fine != (err == nil):
							t.Errorf("call %d: got %d, %v; want success: %v", i, got, err, h.fine)
						}
						if h.fine {
							wait(t, said, "the end of what the server says")
						}
						time.Sleep(10 * time.Millisecond) // what a server says too late arrives
					}
				})
				if n := requests.Load(); n > 3 {
					t.Errorf("the server got %d requests; want at most 3", n)
				}
				if taken > most {
					t.Errorf("it took %d MiB", taken>>20)
				}
			})
		}
	}
}

// TestThreatAnswerIsCutAnywhere: a connection that ends behind any byte of its
// answer is an error, and the next call has its own answer.
func TestThreatAnswerIsCutAnywhere(t *testing.T) {
	whole := map[string]string{
		"length":  ok(intAnswer("7")),
		"chunked": headOf("Transfer-Encoding: chunked") + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(intAnswer("7")), intAnswer("7")),
		"gzip":    headOf("Content-Encoding: gzip", fmt.Sprint("Content-Length: ", len(zip(t, intAnswer("7"))))) + zip(t, intAnswer("7")),
	}
	for name, text := range whole {
		for _, reset := range []bool{false, true} {
			t.Run(fmt.Sprint(name, reset), func(t *testing.T) {
				var at atomic.Int32
				url := script(t, func(_ int, c net.Conn) {
					r := bufio.NewReader(c)
					for {
						_, body, err := take(r)
						if err != nil {
							return
						}
						if !strings.Contains(body, "<methodName>cut<") {
							io.WriteString(c, ok(intAnswer("8")))
							continue
						}
						io.WriteString(c, text[:at.Load()])
						if reset {
							c.(*net.TCPConn).SetLinger(0)
						}
						return
					}
				})
				c := newClient(t, url, xmlrpc.ClientConfig{})
				for i := range len(text) {
					at.Store(int32(i))
					if got, err := rpc.Invoke[int](bounded(t), c, "cut"); err == nil {
						t.Fatalf("cut behind byte %d: got %d; want an error", i, got)
					} else {
						wantLink(t, err, rpc.Unknown)
					}
					if got, err := rpc.Invoke[int](bounded(t), c, "f"); err != nil || got != 8 {
						t.Fatalf("cut behind byte %d: the next call got %d, %v", i, got, err)
					}
				}
			})
		}
	}
}

// TestThreatLateAnswerOfACancelledCall: the answer to a call that was given up is
// not that of the next one.
func TestThreatLateAnswerOfACancelledCall(t *testing.T) {
	url := script(t, func(_ int, c net.Conn) {
		r := bufio.NewReader(c)
		for {
			_, body, err := take(r)
			if err != nil {
				return
			}
			m := intArgument.FindStringSubmatch(body)
			if m == nil {
				return
			}
			time.Sleep(time.Millisecond)
			if _, err := io.WriteString(c, ok(intAnswer(m[1]))); err != nil {
				return
			}
		}
	})
	for _, size := range []int{0, 100_000} { // a large body is sent in another way
		c := newClient(t, url, xmlrpc.ClientConfig{MaxConns: 4})
		pad := strings.Repeat("x", size)
		errs := make(chan error, 4)
		var good, ended atomic.Int32
		for g := range cap(errs) {
			go func() {
				for i := range 200 {
					n := g*1000 + i
					ctx, cancel := context.WithTimeout(context.Background(), time.Duration(i%40)*100*time.Microsecond)
					if i%2 == 0 {
						cancel()
						ctx, cancel = context.WithCancel(context.Background())
						time.AfterFunc(time.Duration(i%40)*100*time.Microsecond, cancel)
					}
					got, err := rpc.Invoke[int](ctx, c, "f", n, pad)
					cancel()
					switch {
					case err == nil && got != n:
						errs <- fmt.Errorf("call %d got the answer %d", n, got)
						return
					case err == nil:
						good.Add(1)
					case !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded):
						errs <- fmt.Errorf("call %d: %w", n, err)
						return
					default:
						ended.Add(1)
					}
				}
				errs <- nil
			}()
		}
		for range cap(errs) {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
		t.Logf("size %d: %d answered, %d ended", size, good.Load(), ended.Load())
		if got, err := rpc.Invoke[int](bounded(t), c, "f", 5, pad); err != nil || got != 5 {
			t.Errorf("the call after them: %d, %v", got, err)
		}
	}
}

// TestThreatSecretsGoNowhereElse: a redirect takes neither the call, nor the
// login, cookies or tokens along, and is not followed.
func TestThreatSecretsGoNowhereElse(t *testing.T) {
	var other atomic.Int32
	elsewhere := script(t, func(_ int, c net.Conn) {
		other.Add(1)
		take(bufio.NewReader(c))
		io.WriteString(c, ok(intAnswer("1")))
	})
	for _, status := range []int{300, 301, 302, 303, 305, 307, 308} {
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		url, _, requests := hostileAnswers(t, fmt.Sprintf("HTTP/1.1 %d x\r\nLocation: %s/\r\nRefresh: 0;url=%s\r\nAlt-Svc: h2=%q\r\nSet-Cookie: a=b; Domain=127.0.0.1\r\nSet-Cookie: c=d; Domain=localhost\r\nContent-Length: 0\r\n\r\n",
			status, elsewhere, elsewhere, strings.TrimPrefix(elsewhere, "http://")))
		c := newClient(t, url, xmlrpc.ClientConfig{User: "ann", Password: "secret", Jar: jar})
		for range 2 {
			_, err = rpc.Invoke[int](rpc.WithIdempotent(bounded(t)), c, "f", "token")
			var answer *xmlrpc.AnswerError
			if !errors.As(err, &answer) || answer.Status != status {
				t.Errorf("status %d: got %v", status, err)
			}
		}
		if n := requests.Load(); n != 2 {
			t.Errorf("status %d: the server got %d requests; want 2", status, n)
		}
	}
	if n := other.Load(); n != 0 {
		t.Errorf("the other server got %d connections", n)
	}
}

// hostileAnswers is a server that gives one answer to every request.
func hostileAnswers(t testing.TB, text string) (url string, conns, requests *atomic.Int32) {
	conns, requests = new(atomic.Int32), new(atomic.Int32)
	url = script(t, func(_ int, c net.Conn) {
		conns.Add(1)
		r := bufio.NewReader(c)
		for {
			if _, _, err := take(r); err != nil {
				return
			}
			requests.Add(1)
			if _, err := io.WriteString(c, text); err != nil {
				return
			}
		}
	})
	return url, conns, requests
}

// TestThreatEarlyAnswers: a server that answers before it has read a large call is
// heard, and what comes behind is not taken for the next answer.
func TestThreatEarlyAnswers(t *testing.T) {
	for name, reads := range map[string]bool{"reads on": true, "reads no more": false} {
		t.Run(name, func(t *testing.T) {
			over, said := make(chan struct{}), make(chan struct{}, 1)
			url := script(t, func(_ int, c net.Conn) {
				r := bufio.NewReader(c)
				for {
					req, err := http.ReadRequest(r)
					if err != nil {
						return
					}
					if req.ContentLength < 1<<20 {
						body, _ := io.ReadAll(req.Body)
						m := intArgument.FindStringSubmatch(string(body))
						io.WriteString(c, ok(intAnswer(m[1])))
						continue
					}
					io.WriteString(c, ok(intAnswer("1")))
					if !reads {
						<-over
						return
					}
					time.Sleep(5 * time.Millisecond)
					_, err = io.Copy(io.Discard, req.Body)
					if err == nil {
						io.WriteString(c, ok(intAnswer("999"))) // now that all is there
					}
					said <- struct{}{}
					if err != nil {
						return
					}
				}
			})
			defer close(over)
			c := newClient(t, url, xmlrpc.ClientConfig{})
			for i := range 5 {
				if got, err := rpc.Invoke[int](bounded(t), c, "f", make([]byte, 12<<20)); err != nil || got != 1 {
					t.Errorf("large call: %d, %v", got, err)
				}
				if reads {
					wait(t, said, "the answer that nobody asked for")
				}
				if got, err := rpc.Invoke[int](bounded(t), c, "f", 100+i); err != nil || got != 100+i {
					t.Errorf("the call after it: %d, %v; want %d", got, err, 100+i)
				}
			}
		})
	}
}
