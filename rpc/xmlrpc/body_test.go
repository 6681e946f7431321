package xmlrpc_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc/xmlrpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc/xmlvalue"
)

// padded returns a call of echo that is n bytes long.
func padded(n int) string {
	const head, tail = "<methodCall><methodName>echo</methodName><params><param><value><string>", "</string></value></param></params></methodCall>"
	return head + strings.Repeat("x", n-len(head)-len(tail)) + tail
}

func zip(t testing.TB, s string) string {
	t.Helper()
	var b bytes.Buffer
	zw, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if _, err := io.WriteString(zw, s); err != nil {
		t.Fatal(err)
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func unzip(t testing.TB, s string) string {
	t.Helper()
	zr, err := gzip.NewReader(strings.NewReader(s))
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(zr)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// chunked writes a request whose length is not known before.
func chunked(addr, body string, headers ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "POST /RPC2 HTTP/1.1\r\nHost: %s\r\nContent-Type: text/xml\r\nTransfer-Encoding: chunked\r\n", addr)
	for _, h := range headers {
		b.WriteString(h + "\r\n")
	}
	b.WriteString("\r\n")
	for i := 0; i < len(body); i += 1000 {
		piece := body[i:min(i+1000, len(body))]
		fmt.Fprintf(&b, "%x\r\n%s\r\n", len(piece), piece)
	}
	return b.String() + "0\r\n\r\n"
}

func TestBodyLimit(t *testing.T) {
	const limit = 100_000
	srv := &xmlrpc.Server{Handler: echo, MaxBody: limit, NoGzip: true}
	addr := serve(t, srv)
	const gzipped = "Content-Encoding: gzip"
	for _, test := range []struct {
		name string
		send string
		want int
	}{
		{"at the limit", request("POST / HTTP/1.1", addr, padded(limit), "Content-Type: text/xml"), 200},
		{"one more", request("POST / HTTP/1.1", addr, padded(limit+1), "Content-Type: text/xml"), 413},
		{"chunked, at the limit", chunked(addr, padded(limit)), 200},
		{"chunked, one more", chunked(addr, padded(limit+1)), 413},
		{"compressed, at the limit", request("POST / HTTP/1.1", addr, zip(t, padded(limit)), "Content-Type: text/xml", gzipped), 200},
		{"compressed, one more", request("POST / HTTP/1.1", addr, zip(t, padded(limit+1)), "Content-Type: text/xml", gzipped), 413},
		{"compressed and chunked", chunked(addr, zip(t, padded(5000)), "Content-Encoding: x-gzip"), 200},
		{"compressed, of nothing", chunked(addr, strings.Repeat(zip(t, ""), limit/20), "Content-Encoding: gzip"), 413},
		{"gzip that is none", request("POST / HTTP/1.1", addr, padded(5000), "Content-Type: text/xml", gzipped), 400},
		{"gzip that is cut off", request("POST / HTTP/1.1", addr, zip(t, padded(50_000))[:60], "Content-Type: text/xml", gzipped), 400},
	} {
		got := raw(t, addr, test.send)
		if got.status != test.want {
			t.Errorf("%s: got status %d, %.200s; want %d", test.name, got.status, got.body, test.want)
		}
		if test.want == 200 && !strings.Contains(got.body, "xxxx") {
			t.Errorf("%s: got %.300s", test.name, got.body)
		}
	}
}

// TestHugeBody: a body that says it is huge is refused from its head alone.
func TestHugeBody(t *testing.T) {
	addr := serve(t, &xmlrpc.Server{Handler: never(t)})
	got := raw(t, addr, "POST / HTTP/1.1\r\nHost: "+addr+"\r\nContent-Type: text/xml\r\nContent-Length: 9000000000000\r\n\r\n")
	if got.status != 413 || !got.closed {
		t.Errorf("got status %d, connection closed: %v; want 413 and closed", got.status, got.closed)
	}
}

// TestGzipBomb: a gibibyte of zeros in a mebibyte. Memory must not follow it.
func TestGzipBomb(t *testing.T) {
	bomb := strings.Repeat(zip(t, strings.Repeat("\x00", 1<<20)), 1<<10) // members of gzip follow each other
	addr := serve(t, &xmlrpc.Server{Handler: registry(t, nil)})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	const times = 4
	for range times {
		got := raw(t, addr, request("POST / HTTP/1.1", addr, bomb, "Content-Type: text/xml", "Content-Encoding: gzip"))
		if got.status != 413 {
			t.Fatalf("got status %d; want 413", got.status)
		}
	}
	runtime.ReadMemStats(&after)
	// A body of 4 MiB grows through 8 MiB of buffers.
	if taken := after.TotalAlloc - before.TotalAlloc; taken > times*(20<<20) {
		t.Errorf("%d bombs made the process take %d MiB", times, taken>>20)
	}
	wantAlive(t, addr)
}

// TestPartialBody: a caller that dies in the middle of its call is not called
// for.
func TestPartialBody(t *testing.T) {
	addr := serve(t, &xmlrpc.Server{Handler: registry(t, nil)})
	c := dial(t, addr)
	io.WriteString(c, request("POST / HTTP/1.1", addr, document("system.ping"), "Content-Type: text/xml")[:150])
	c.Close()
	wantAlive(t, addr)
}

// TestSlowBody: a body that does not arrive in time is not waited for.
func TestSlowBody(t *testing.T) {
	addr := serve(t, &xmlrpc.Server{Handler: never(t), ReadTimeout: 100 * time.Millisecond, HeaderTimeout: 100 * time.Millisecond})
	c := dial(t, addr)
	io.WriteString(c, "POST / HTTP/1.1\r\nHost: "+addr+"\r\nContent-Type: text/xml\r\nContent-Length: 1000\r\n\r\n<methodCall>")
	if got := readAnswer(t, bufio.NewReader(c)); got.status != 408 {
		t.Errorf("got status %d; want 408", got.status)
	}
}

// TestLargeBodiesShareMemory: bodies that together are larger than the memory
// for them wait for each other, and all are answered.
func TestLargeBodiesShareMemory(t *testing.T) {
	const size = 256 << 10
	srv := &xmlrpc.Server{Handler: echo, MaxBody: size, MaxBuffered: 2 * size}
	addr := serve(t, srv)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if got := raw(t, addr, request("POST / HTTP/1.1", addr, padded(size), "Content-Type: text/xml")); got.status != 200 {
				t.Errorf("got status %d, %.100s; want 200", got.status, got.body)
			}
		})
	}
	wg.Wait()
}

// TestLargeBodiesAreCounted: a large body has no memory until a call that holds
// some of it is over; a small one needs none.
func TestLargeBodiesAreCounted(t *testing.T) {
	const size = 1 << 20
	began, release := make(chan struct{}, 4), make(chan struct{})
	addr := serve(t, &xmlrpc.Server{MaxBody: size, MaxBuffered: 2 * size, Handler: registry(t, map[string]any{
		"echo": func(string) { began <- struct{}{}; <-release },
	})})
	answers := make(chan answer, 3)
	for range 3 {
		go func() {
			answers <- raw(t, addr, request("POST / HTTP/1.1", addr, padded(size), "Content-Type: text/xml"))
		}()
	}
	wait(t, began, "a call")
	wait(t, began, "a call")
	select {
	case <-began:
		t.Error("a third large call runs where there is memory for two")
	case <-time.After(50 * time.Millisecond):
	}
	wantAlive(t, addr)
	close(release)
	for range 3 {
		if got := wait(t, answers, "an answer"); got.status != 200 {
			t.Errorf("got status %d, %s", got.status, got.body)
		}
	}
}

// TestManyValuesAreCounted: small values take much more memory than their text,
// and so wait for each other.
func TestManyValuesAreCounted(t *testing.T) {
	const limit = 10_000
	dense := "<methodCall><methodName>hold</methodName><params><param><value><array><data>" +
		strings.Repeat("<value/>", limit-2) + "</data></array></value></param></params></methodCall>"
	began, release := make(chan struct{}, 4), make(chan struct{})
	addr := serve(t, &xmlrpc.Server{Values: xmlvalue.Options{MaxElements: limit}, Handler: registry(t, map[string]any{
		"hold": func([]any) { began <- struct{}{}; <-release },
	})})
	answers := make(chan answer, 3)
	for range 3 {
		go func() { answers <- post(t, addr, dense) }()
	}
	wait(t, began, "a call")
	wait(t, began, "a call")
	select {
	case <-began:
		t.Error("a third call runs where there is memory for the values of two")
	case <-time.After(50 * time.Millisecond):
	}
	wantAlive(t, addr)
	close(release)
	for range 3 {
		if got := wait(t, answers, "an answer"); got.status != 200 || strings.Contains(got.body, "fault") {
			t.Errorf("got status %d, %s", got.status, got.body)
		}
	}
}

func TestGzipAnswer(t *testing.T) {
	addr := serve(t, &xmlrpc.Server{Handler: echo})
	for _, test := range []struct {
		size   int
		accept string
		want   bool
	}{
		{5000, "gzip", true},
		{5000, "deflate, gzip;q=1.0, *;q=0.5", true},
		{5000, "GZIP", true},
		{5000, "gzip;q=0", false},
		{5000, "gzip; q=0.0", false},
		{5000, "br", false},
		{5000, "gzipped", false},
		{5000, "", false},
		{600, "gzip", false},
	} {
		got := post(t, addr, padded(test.size), "Accept-Encoding: "+test.accept)
		body := got.body
		if zipped := got.header.Get("Content-Encoding") == "gzip"; zipped != test.want {
			t.Errorf("Accept-Encoding %q, %d bytes: compressed is %v; want %v", test.accept, test.size, zipped, test.want)
		} else if zipped {
			body = unzip(t, body)
		}
		if !strings.Contains(body, "xxxx") {
			t.Errorf("Accept-Encoding %q: got %.200s", test.accept, body)
		}
	}
	plain := serve(t, &xmlrpc.Server{Handler: echo, NoGzip: true})
	if got := post(t, plain, padded(5000), "Accept-Encoding: gzip"); got.header.Get("Content-Encoding") != "" {
		t.Error("the answer is compressed in spite of NoGzip")
	}
}
