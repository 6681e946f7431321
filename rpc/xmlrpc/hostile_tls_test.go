package xmlrpc_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// scriptTLS is script inside TLS, where what is written at once is one record, up
// to 16 KiB. It returns what a client needs to trust it.
func scriptTLS(t testing.TB, serve func(n int, c net.Conn)) (url string, config *tls.Config) {
	t.Helper()
	certificate, pool := selfSigned(t)
	url = script(t, func(n int, c net.Conn) {
		serve(n, tls.Server(c, &tls.Config{Certificates: []tls.Certificate{certificate}, DynamicRecordSizingDisabled: true}))
	})
	return "https" + strings.TrimPrefix(url, "http"), &tls.Config{RootCAs: pool}
}

// TestThreatAnswersBehindAnAnswerInTLS: what comes behind an answer is not the
// answer to the next call, also where it came in one record with it, and TLS has
// taken it off the socket.
func TestThreatAnswersBehindAnAnswerInTLS(t *testing.T) {
	padded := func(n string, size int) string {
		text := ok(intAnswer(n))
		if size <= len(text) {
			return text
		}
		pad := size - len(text)
		for {
			text = ok(intAnswer(n) + strings.Repeat(" ", pad))
			if len(text) <= size {
				return text
			}
			pad -= len(text) - size
		}
	}
	chunked := func(n string) string {
		return headOf("Transfer-Encoding: chunked") + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(intAnswer(n)), intAnswer(n))
	}
	other := ok(intAnswer("999"))
	for name, says := range map[string]func(n string) string{
		"small":                   func(n string) string { return padded(n, 0) + other },
		"as long as a buffer":     func(n string) string { return padded(n, 4096) + other },
		"as long as two buffers":  func(n string) string { return padded(n, 8192) + other },
		"larger than a buffer":    func(n string) string { return padded(n, 6000) + other },
		"larger, twice":           func(n string) string { return padded(n, 6000) + padded("999", 6000) },
		"in a record of its own":  func(n string) string { return padded(n, 1<<14) + other },
		"in chunks":               func(n string) string { return chunked(n) + other },
		"a line":                  func(n string) string { return padded(n, 6000) + "\r\n" },
		"a line, a buffer before": func(n string) string { return padded(n, 4096) + "\r\n" },
		"an interim":              func(n string) string { return padded(n, 6000) + "HTTP/1.1 100 Continue\r\n\r\n" },
		"half a head":             func(n string) string { return padded(n, 6000) + "HTTP/1.1 200 OK\r\nX-Half: " },
		"a length that is too small": func(n string) string {
			return headOf(fmt.Sprint("Content-Length: ", len(intAnswer(n)))) + intAnswer(n) + strings.Repeat(" ", 5000) + other
		},
	} {
		t.Run(name, func(t *testing.T) {
			var requests atomic.Int32
			written := make(chan struct{}, 1)
			url, config := scriptTLS(t, func(_ int, c net.Conn) {
				r := bufio.NewReader(c)
				for {
					_, body, err := take(r)
					if err != nil {
						return
					}
					requests.Add(1)
					m := intArgument.FindStringSubmatch(body)
					_, err = io.WriteString(c, says(m[1]))
					written <- struct{}{}
					if err != nil {
						return
					}
				}
			})
			c := newClient(t, url, xmlrpc.ClientConfig{TLS: config})
			const calls = 4
			for i := range calls {
				if got, err := rpc.Invoke[int](bounded(t), c, "f", i); err != nil || got != i {
					t.Fatalf("call %d got the answer %d, %v", i, got, err)
				}
				wait(t, written, "all of the answer")
			}
			if n := requests.Load(); n != calls {
				t.Errorf("the server got %d requests; want %d", n, calls)
			}
		})
	}
}

// TestConnectionsAreKeptInTLS: a connection that has nothing left in it carries
// the next call, whatever the size of its answers.
func TestConnectionsAreKeptInTLS(t *testing.T) {
	var conns atomic.Int32
	url, config := scriptTLS(t, func(_ int, c net.Conn) {
		conns.Add(1)
		r := bufio.NewReader(c)
		for n := 0; ; n++ {
			if _, _, err := take(r); err != nil {
				return
			}
			io.WriteString(c, ok(yes+strings.Repeat(" ", n*1000)))
		}
	})
	c := newClient(t, url, xmlrpc.ClientConfig{TLS: config})
	for i := range 40 {
		if _, err := rpc.Invoke[bool](bounded(t), c, "f"); err != nil {
			t.Fatalf("call %d: %v", i, err)
		}
	}
	if n := conns.Load(); n != 1 {
		t.Errorf("got %d connections; want 1", n)
	}
}

// TestNamesOfCertificates: who a server has to be, and what it is told of that, is
// as with net/http.
func TestNamesOfCertificates(t *testing.T) {
	issue := func(names []string, ips []net.IP, from, to time.Duration) (tls.Certificate, *x509.CertPool) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: names, IPAddresses: ips, NotBefore: time.Now().Add(from), NotAfter: time.Now().Add(to)}
		der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		pool := x509.NewCertPool()
		pool.AddCert(parsed)
		return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
	}
	here := []net.IP{net.IPv4(127, 0, 0, 1)}
	for name, tt := range map[string]struct {
		names    []string
		ips      []net.IP
		from, to time.Duration
		host     string
		config   *tls.Config // of the client
		fine     bool
	}{
		"its address":             {nil, here, -time.Hour, time.Hour, "127.0.0.1", &tls.Config{}, true},
		"its name":                {[]string{"localhost"}, nil, -time.Hour, time.Hour, "localhost", &tls.Config{}, true},
		"its name in capitals":    {[]string{"localhost"}, nil, -time.Hour, time.Hour, "LocalHost", &tls.Config{}, true},
		"its name with a dot":     {[]string{"localhost"}, nil, -time.Hour, time.Hour, "127.0.0.1", &tls.Config{ServerName: "localhost."}, true},
		"a name as its address":   {[]string{"127.0.0.1"}, nil, -time.Hour, time.Hour, "127.0.0.1", &tls.Config{}, false},
		"another address":         {nil, []net.IP{net.IPv4(127, 0, 0, 2)}, -time.Hour, time.Hour, "127.0.0.1", &tls.Config{}, false},
		"another name":            {[]string{"example.org"}, nil, -time.Hour, time.Hour, "localhost", &tls.Config{}, false},
		"a star":                  {[]string{"*"}, nil, -time.Hour, time.Hour, "localhost", &tls.Config{}, false},
		"no name":                 {nil, nil, -time.Hour, time.Hour, "localhost", &tls.Config{}, false},
		"the name that was given": {[]string{"example.org"}, nil, -time.Hour, time.Hour, "127.0.0.1", &tls.Config{ServerName: "example.org"}, true},
		"not the name given":      {nil, here, -time.Hour, time.Hour, "127.0.0.1", &tls.Config{ServerName: "example.org"}, false},
		"over":                    {nil, here, -2 * time.Hour, -time.Hour, "127.0.0.1", &tls.Config{}, false},
		"not yet":                 {nil, here, time.Hour, 2 * time.Hour, "127.0.0.1", &tls.Config{}, false},
		"below TLS 1.2":           {nil, here, -time.Hour, time.Hour, "127.0.0.1", &tls.Config{MaxVersion: tls.VersionTLS11}, false},
	} {
		t.Run(name, func(t *testing.T) {
			certificate, pool := issue(tt.names, tt.ips, tt.from, tt.to)
			asked := make(chan string, 2)
			bodies := make(chan string, 2)
			url := script(t, func(_ int, c net.Conn) {
				tc := tls.Server(c, &tls.Config{GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
					asked <- hello.ServerName
					return &certificate, nil
				}})
				r, _, err := take(bufio.NewReader(tc))
				if err != nil {
					return
				}
				bodies <- r.Host
				io.WriteString(tc, ok(yes))
			})
			_, port, err := net.SplitHostPort(strings.TrimPrefix(url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			url = "https://" + net.JoinHostPort(tt.host, port) + "/RPC2"
			config := tt.config.Clone()
			config.RootCAs = pool

			_, err = rpc.Invoke[bool](bounded(t), newClient(t, url, xmlrpc.ClientConfig{TLS: config}), "f")
			if (err == nil) != tt.fine {
				t.Errorf("got %v; want success: %v", err, tt.fine)
			}
			if err != nil {
				wantLink(t, err, rpc.NotSent)
			}

			tr := newHTTPTransport()
			tr.TLSClientConfig, tr.ForceAttemptHTTP2, tr.DisableKeepAlives = config, false, true
			resp, theirs := (&http.Client{Transport: tr}).Post(url, "text/xml", strings.NewReader(document("f")))
			if theirs == nil {
				resp.Body.Close()
			}
			if (theirs == nil) != (err == nil) {
				t.Errorf("got %v; net/http: %v", err, theirs)
			}
			if len(asked) == 2 {
				if ours, other := <-asked, <-asked; ours != other {
					t.Errorf("asked for %q; net/http asks for %q", ours, other)
				}
			}
			if len(bodies) == 2 {
				if ours, other := <-bodies, <-bodies; ours != other {
					t.Errorf("Host is %q; net/http says %q", ours, other)
				}
			}
		})
	}
}
