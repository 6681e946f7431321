package xmlrpc_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// attack is what somebody sends who means no good, and what has to come back. The
// answer 0 is that the connection is closed without one.
type attack struct {
	name string
	send string
	want int  // a status, or the code of a fault, which is negative
	runs int  // of the function that it asks for
	ends bool // nothing comes behind it: the sender says so
	slow int  // bytes at its end that come one by one
}

const attackHost = "localhost"

// attackCall is a call of the method echo with one argument of this XML.
func attackCall(value string) string {
	return "<methodCall><methodName>echo</methodName><params><param>" + value + "</param></params></methodCall>"
}

// attackPost is a request with this body, and attackHead one of which the rest is
// to be written.
func attackPost(body string, headers ...string) string {
	return request("POST /RPC2 HTTP/1.1", attackHost, body, append(headers, "Content-Type: text/xml")...)
}

func attackHead(headers ...string) string {
	return "POST /RPC2 HTTP/1.1\r\nHost: " + attackHost + "\r\nContent-Type: text/xml\r\n" + strings.Join(headers, "\r\n") + "\r\n\r\n"
}

func doc(s string) string { return attackPost(s) }
func arg(s string) string { return attackPost(attackCall(s)) }

// times repeats a piece of a document until there are almost 4 MiB, at most n times.
func times(s string, n int) string { return strings.Repeat(s, min(n, (4<<20-4096)/len(s))) }

// attacks are those by one connection.
func attacks(t testing.TB) []attack {
	laughs := `<!DOCTYPE lolz [<!ENTITY lol "lol">`
	for i := range 10 {
		last := "lol"
		if i > 0 {
			last = fmt.Sprint("lol", i)
		}
		laughs += fmt.Sprintf(`<!ENTITY lol%d "%s">`, i+1, strings.Repeat("&"+last+";", 10))
	}
	laughs += "]>" + attackCall("<value>&lol10;</value>")
	var attributes strings.Builder
	for i := range 200_000 {
		fmt.Fprintf(&attributes, ` a%d="b"`, i)
	}
	const gzipped = "Content-Encoding: gzip"
	bomb := zip(t, attackCall("<value>"+strings.Repeat("\x20", 4<<20)+"</value>"))
	honest := attackCall("<value/>")
	lists := func(n int) string { return times("<value><array><data>", n) }
	utf16 := func(s string) string {
		var b strings.Builder
		for _, c := range s {
			b.WriteString(string([]byte{byte(c), 0}))
		}
		return b.String()
	}
	multi := func(n int, call string) string {
		return "<methodCall><methodName>system.multicall</methodName><params><param><value><array><data>" +
			strings.Repeat("<value><struct><member><name>methodName</name><value>"+call+"</value></member></struct></value>", n) +
			"</data></array></value></param></params></methodCall>"
	}
	return []attack{
		// Documents that make parsers work, read files or run out of memory.
		{name: "DOCTYPE", send: doc("<!DOCTYPE methodCall>" + honest), want: rpc.CodeNotWellFormed},
		{name: "external entity", send: doc(`<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>` + attackCall("<value>&e;</value>")), want: rpc.CodeNotWellFormed},
		{name: "external DTD", send: doc(`<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">` + honest), want: rpc.CodeNotWellFormed},
		{name: "parameter entity", send: doc(`<!DOCTYPE x [<!ENTITY % p SYSTEM "file:///dev/zero">%p;]>` + honest), want: rpc.CodeNotWellFormed},
		{name: "billion laughs", send: doc(laughs), want: rpc.CodeNotWellFormed},
		{name: "quadratic blow-up", send: doc(`<!DOCTYPE x [<!ENTITY a "` + strings.Repeat("a", 50_000) + `">]>` + attackCall("<value>"+strings.Repeat("&a;", 50_000)+"</value>")), want: rpc.CodeNotWellFormed},
		{name: "entity that was never declared", send: arg("<value>&xxe;</value>"), want: rpc.CodeNotWellFormed},
		{name: "processing instruction", send: doc(`<?xml version="1.0"?><?php system("id") ?>` + honest), want: rpc.CodeNotWellFormed},
		{name: "style sheet", send: doc(`<?xml-stylesheet href="file:///etc/passwd"?>` + honest), want: rpc.CodeNotWellFormed},
		{name: "XInclude", send: arg(`<value><xi:include href="file:///etc/passwd" xmlns:xi="http://www.w3.org/2001/XInclude"/></value>`), want: rpc.CodeInvalidRequest},
		{name: "200 000 arrays in each other", send: arg(lists(200_000)), want: rpc.CodeOverLimit},
		{name: "a million arrays in each other", send: doc(strings.Repeat("<value><array><data>", 1_000_000)), want: http.StatusRequestEntityTooLarge},
		{name: "a million elements in each other", send: doc(times("<a>", 1_000_000)), want: rpc.CodeInvalidRequest},
		{name: "structs in each other", send: arg(times("<value><struct><member><name/>", 1_000_000)), want: rpc.CodeOverLimit},
		{name: "half a million values", send: arg("<value><array><data>" + times("<value/>", 500_000) + "</data></array></value>"), want: rpc.CodeOverLimit},
		{name: "100 000 members of one name", send: arg("<value><struct>" + times("<member><name>a</name><value/></member>", 100_000) + "</struct></value>"), want: 200, runs: 1},
		{name: "attribute flood", send: doc("<methodCall " + times(`a="b" `, 1_000_000) + ">"), want: rpc.CodeNotWellFormed},
		{name: "attribute flood of different names", send: doc("<methodCall" + attributes.String() + ">" + honest[len("<methodCall>"):]), want: rpc.CodeOverLimit},
		{name: "attribute without an end", send: doc(`<methodCall a="` + times("x", 5_000_000)), want: rpc.CodeNotWellFormed},
		{name: "comment flood", send: arg("<value>" + times("<!---->", 1_000_000) + "</value>"), want: 200, runs: 1},
		{name: "CDATA flood", send: arg("<value>" + times("<![CDATA[x]]>", 1_000_000) + "</value>"), want: 200, runs: 1},
		{name: "references flood", send: arg("<value>" + times("&#120;", 1_000_000) + "</value>"), want: 200, runs: 1},
		{name: "method name of 3 MiB", send: doc("<methodCall><methodName>" + strings.Repeat("x", 3<<20) + "</methodName></methodCall>"), want: rpc.CodeMethodNotFound},
		{name: "method name of 10 MiB", send: doc("<methodCall><methodName>" + strings.Repeat("x", 10<<20) + "</methodName></methodCall>"), want: http.StatusRequestEntityTooLarge},
		{name: "digits", send: arg("<value><int>" + times("9", 5_000_000) + "</int></value>"), want: rpc.CodeOverLimit},
		{name: "digits of a double", send: arg("<value><double>0." + times("9", 5_000_000) + "</double></value>"), want: rpc.CodeOverLimit},
		{name: "exponent", send: arg("<value><int>1e999999999</int></value>"), want: rpc.CodeInvalidRequest},
		{name: "base64 of 10 MiB", send: arg("<value><base64>" + strings.Repeat("AAAA", 10<<18) + "</base64></value>"), want: http.StatusRequestEntityTooLarge},
		{name: "base64 of 4 MiB", send: arg("<value><base64>" + times("AAAA", 1<<20) + "</base64></value>"), want: 200, runs: 1},
		{name: "base64 of lines", send: arg("<value><base64>" + times("A\n", 4<<20) + "</base64></value>"), want: 200, runs: 1},
		{name: "base64 of padding", send: arg("<value><base64>" + times("=", 4<<20) + "</base64></value>"), want: rpc.CodeInvalidRequest},
		{name: "UTF-16", send: doc("\xff\xfe" + utf16(honest)), want: rpc.CodeEncoding},
		{name: "UTF-16 that does not say so", send: doc(utf16(honest)), want: rpc.CodeEncoding},
		{name: "UTF-16 said of ASCII", send: doc(`<?xml version="1.0" encoding="UTF-16"?>` + honest), want: rpc.CodeEncoding},
		{name: "UTF-7", send: doc(`<?xml version="1.0" encoding="UTF-7"?>` + attackCall("<value>+ADw-x+AD4-</value>")), want: rpc.CodeEncoding},
		{name: "overlong UTF-8", send: arg("<value>\xc0\xbcx\xc0\xbe</value>"), want: rpc.CodeInvalidCharacter},
		{name: "NUL bytes", send: arg("<value>a\x00b</value>"), want: rpc.CodeNotWellFormed},
		{name: "NUL as a reference", send: arg("<value>&#0;</value>"), want: rpc.CodeNotWellFormed},
		{name: "NUL in the method", send: doc("<methodCall><methodName>echo\x00x</methodName></methodCall>"), want: rpc.CodeNotWellFormed},
		{name: "a document of NULs", send: doc(strings.Repeat("\x00", 1<<20)), want: rpc.CodeEncoding},
		{name: "two documents", send: doc(honest + honest), want: rpc.CodeNotWellFormed},
		{name: "multicall of 65", send: doc(multi(65, "echo")), want: rpc.CodeOverLimit},
		{name: "multicall of 30 000", send: doc(multi(30_000, "echo")), want: rpc.CodeOverLimit},
		{name: "nested multicall", send: doc(multi(64, "system.multicall")), want: rpc.CodeInvalidRequest},

		// Compression.
		{name: "gzip bomb", send: attackPost(bomb, gzipped), want: http.StatusRequestEntityTooLarge},
		{name: "gzip bomb of members", send: attackPost(strings.Repeat(bomb, 200), gzipped), want: http.StatusRequestEntityTooLarge},
		{name: "gzip bomb, chunked", send: chunked(attackHost, bomb, gzipped), want: http.StatusRequestEntityTooLarge},
		{name: "gzip of empty members", send: attackPost(strings.Repeat(zip(t, ""), 100_000), gzipped), want: rpc.CodeNotWellFormed},
		{name: "gzip of a gzip bomb", send: attackPost(zip(t, bomb), gzipped, "Content-Encoding: gzip"), want: http.StatusUnsupportedMediaType},
		{name: "gzip that is cut off", send: attackPost(zip(t, honest)[:40], gzipped), want: http.StatusBadRequest, ends: true},
		{name: "gzip with the wrong sum", send: attackPost(strings.Replace(zip(t, honest), zip(t, honest)[len(zip(t, honest))-8:], "\x00\x00\x00\x00\x00\x00\x00\x00", 1), gzipped), want: http.StatusBadRequest},
		{name: "gzip with something behind it", send: attackPost(zip(t, honest)+"<methodCall>", gzipped), want: http.StatusBadRequest},
		{name: "gzip that is none", send: attackPost(honest, gzipped), want: http.StatusBadRequest},

		// Requests that two readers understand in two ways.
		{name: "body that is cut off", send: strings.TrimSuffix(attackPost(honest), "</methodCall>"), want: http.StatusBadRequest, ends: true},
		{name: "Content-Length too small", send: attackHead("Content-Length: 20", "Connection: close") + honest, want: rpc.CodeNotWellFormed},
		{name: "Content-Length too large", send: attackHead("Content-Length: 1000") + honest, want: http.StatusBadRequest, ends: true},
		{name: "Content-Length of a petabyte", send: attackHead("Content-Length: 1125899906842624") + honest, want: http.StatusRequestEntityTooLarge},
		{name: "Content-Length beyond 64 bits", send: attackHead("Content-Length: 99999999999999999999") + honest, want: http.StatusBadRequest},
		{name: "Content-Length below zero", send: attackHead("Content-Length: -1") + honest, want: http.StatusBadRequest},
		{name: "Content-Length in hexadecimal", send: attackHead("Content-Length: 0x10") + honest, want: http.StatusBadRequest},
		{name: "two Content-Lengths", send: attackHead("Content-Length: 20", "Content-Length: 30") + honest, want: http.StatusBadRequest},
		{name: "list of Content-Lengths", send: attackHead("Content-Length: 20, 30") + honest, want: http.StatusBadRequest},
		{name: "Transfer-Encoding that is unknown", send: attackHead("Transfer-Encoding: xchunked") + honest, want: http.StatusNotImplemented},
		{name: "Transfer-Encoding twice", send: attackHead("Transfer-Encoding: chunked", "Transfer-Encoding: identity") + honest, want: http.StatusNotImplemented},
		{name: "Transfer-Encoding of gzip", send: attackHead("Transfer-Encoding: gzip, chunked") + honest, want: http.StatusNotImplemented},
		{name: "Transfer-Encoding with a space", send: attackHead("Transfer-Encoding : chunked") + honest, want: http.StatusBadRequest},
		{name: "Transfer-Encoding folded", send: attackHead("X: y\r\n Transfer-Encoding: chunked", "Content-Length: 0"), want: rpc.CodeNotWellFormed},
		{name: "chunk of a petabyte", send: attackHead("Transfer-Encoding: chunked") + "4000000000000\r\n" + honest, want: http.StatusBadRequest, ends: true},
		{name: "chunk of no number", send: attackHead("Transfer-Encoding: chunked") + "-1\r\n" + honest, want: http.StatusBadRequest},
		{name: "chunks of one byte with long extensions", send: attackHead("Transfer-Encoding: chunked") + strings.Repeat("1;"+strings.Repeat("x", 2000)+"\r\na\r\n", 500), want: http.StatusBadRequest},
		{name: "request without a version", send: "POST /RPC2\r\n\r\n", want: http.StatusBadRequest},
		{name: "HTTP/2 preface", send: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", want: http.StatusMisdirectedRequest},
		{name: "a TLS handshake", send: "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("\x00", 500), want: http.StatusBadRequest, ends: true},

		// Heads.
		{name: "huge header", send: attackHead("X: " + strings.Repeat("x", 1<<20)), want: http.StatusRequestHeaderFieldsTooLarge},
		{name: "many headers", send: attackHead(strings.TrimSpace(strings.Repeat("X: y\r\n", 20_000))), want: http.StatusRequestHeaderFieldsTooLarge},
		{name: "long URL", send: strings.Replace(attackPost(honest), "/RPC2", "/"+strings.Repeat("x", 10_000), 1), want: http.StatusNotFound},
		{name: "very long URL", send: strings.Replace(attackPost(honest), "/RPC2", "/"+strings.Repeat("x", 1<<20), 1), want: http.StatusRequestHeaderFieldsTooLarge},
		{name: "long query", send: strings.Replace(attackPost(honest), "/RPC2", "/RPC2?"+strings.Repeat("x", 10_000), 1), want: 200, runs: 1},
		{name: "path traversal", send: strings.Replace(attackPost(honest), "/RPC2", "/../../etc/passwd", 1), want: http.StatusNotFound},
		{name: "path traversal in escapes", send: strings.Replace(attackPost(honest), "/RPC2", "/%2e%2e/%2e%2e/RPC2", 1), want: http.StatusNotFound},
		{name: "path with a NUL", send: strings.Replace(attackPost(honest), "/RPC2", "/RPC2%00", 1), want: http.StatusNotFound},
		{name: "header with a NUL", send: attackHead("X: a\x00b", "Content-Length: 0"), want: http.StatusBadRequest},
		{name: "timeout that is none", send: attackPost(honest, "Parley-Timeout-Ms: -1"), want: rpc.CodeInvalidRequest},
		{name: "two timeouts", send: attackPost(honest, "Parley-Timeout-Ms: 5000", "Parley-Timeout-Ms: 1"), want: rpc.CodeInvalidRequest},
		{name: "metadata flood", send: attackPost(honest, "Parley-Meta-A: "+strings.Repeat("x", 8000)), want: rpc.CodeOverLimit},
		{name: "Expect that is unknown", send: attackPost(honest, "Expect: 200-maybe"), want: http.StatusExpectationFailed},

		// What a web page can make a browser send.
		{name: "DNS rebinding", send: strings.Replace(attackPost(honest), attackHost, "evil.example", 1), want: http.StatusMisdirectedRequest},
		{name: "two hosts", send: attackPost(honest, "Host: evil.example"), want: http.StatusBadRequest},
		{name: "foreign origin", send: attackPost(honest, "Origin: http://evil.example"), want: http.StatusForbidden},
		{name: "origin null", send: attackPost(honest, "Origin: null"), want: http.StatusForbidden},
		{name: "Sec-Fetch-Site", send: attackPost(honest, "Sec-Fetch-Site: cross-site"), want: http.StatusForbidden},
		{name: "text/plain", send: strings.Replace(attackPost(honest), "text/xml", "text/plain", 1), want: http.StatusUnsupportedMediaType},
		{name: "form", send: strings.Replace(attackPost(honest), "text/xml", "application/x-www-form-urlencoded", 1), want: http.StatusUnsupportedMediaType},
		{name: "multipart form", send: strings.Replace(attackPost(honest), "text/xml", "multipart/form-data; boundary=text/xml", 1), want: http.StatusUnsupportedMediaType},
		{name: "no type", send: strings.Replace(attackPost(honest), "Content-Type: text/xml\r\n", "", 1), want: http.StatusUnsupportedMediaType},
		{name: "preflight", send: request("OPTIONS /RPC2 HTTP/1.1", attackHost, "", "Origin: http://evil.example", "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: content-type"), want: http.StatusMethodNotAllowed},
		{name: "OPTIONS *", send: request("OPTIONS * HTTP/1.1", attackHost, ""), want: http.StatusMethodNotAllowed},
		{name: "CONNECT", send: request("CONNECT localhost:22 HTTP/1.1", "localhost:22", ""), want: http.StatusMethodNotAllowed},
		{name: "TRACE", send: request("TRACE /RPC2 HTTP/1.1", attackHost, ""), want: http.StatusMethodNotAllowed},
		{name: "PUT", send: request("PUT /RPC2 HTTP/1.1", attackHost, honest, "Content-Type: text/xml"), want: http.StatusMethodNotAllowed},
		{name: "method override", send: request("GET /RPC2 HTTP/1.1", attackHost, honest, "Content-Type: text/xml", "X-HTTP-Method-Override: POST"), want: 200},
		{name: "upgrade to HTTP/2", send: attackPost(honest, "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA"), want: 200, runs: 1},
		{name: "upgrade to a web socket", send: request("GET /RPC2 HTTP/1.1", attackHost, "", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13"), want: 200},

		// Peers that take their time.
		{name: "slow head", send: "POST /RPC2 HTTP/1.1\r\nHost: localhost\r\nX: " + strings.Repeat("x", 1000), want: 0, slow: 1000},
		{name: "slow body", send: attackHead("Content-Length: 4000000") + strings.Repeat(" ", 1000), want: http.StatusRequestTimeout, slow: 1000},
		{name: "slow chunks", send: attackHead("Transfer-Encoding: chunked") + strings.Repeat("1\r\n \r\n", 1000), want: http.StatusRequestTimeout, slow: 1000},
	}
}

// attackWith sends an attack and reads the first answer to it. An answer that came
// before all was sent can be lost, since the connection is reset then.
func attackWith(t *testing.T, addr string, a attack) (got answer, answered bool) {
	t.Helper()
	for range 3 {
		if got, answered = attackOnce(t, addr, a); answered || a.want == 0 || a.runs > 0 {
			break
		}
	}
	return got, answered
}

func attackOnce(t *testing.T, addr string, a attack) (answer, bool) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(3 * patience))
	sent := make(chan struct{})
	go func() { // a server need not read all of it
		defer close(sent)
		data := []byte(a.send)
		at := len(data) - a.slow
		_, err := c.Write(data[:at])
		for ; err == nil && at < len(data); at++ {
			time.Sleep(5 * time.Millisecond)
			_, err = c.Write(data[at : at+1])
		}
		if err == nil && a.ends {
			c.(*net.TCPConn).CloseWrite()
		}
	}()
	defer func() {
		c.Close()
		<-sent
	}()
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return answer{}, false
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil && resp.StatusCode == http.StatusOK { // what is refused need not be read, and then the connection is reset
		t.Errorf("the answer broke off: %v", err)
	}
	return answer{resp.StatusCode, resp.Header, string(body), resp.Close}, true
}

// check holds what came back against what has to.
func (a attack) check(t *testing.T, got answer, answered bool) {
	t.Helper()
	got.body = strings.ReplaceAll(got.body, "\n", " ")
	switch {
	case a.want == 0:
		if answered {
			t.Errorf("got status %d, %.200s; want a closed connection", got.status, got.body)
		}
	case !answered:
		t.Errorf("the connection was closed; want the answer %d", a.want)
	case a.want < 0:
		wantFault(t, answer{status: got.status, body: got.body}, a.want)
	case got.status != a.want || strings.Contains(got.body, "<fault>"):
		t.Errorf("got status %d, %.300s; want %d", got.status, got.body, a.want)
	}
	if strings.Contains(got.body, "root:") || strings.Contains(got.body, "goroutine ") || len(got.body) > 64<<10 && a.runs == 0 {
		t.Errorf("the answer has %d bytes: %.300s", len(got.body), got.body)
	}
	for name := range got.header {
		if strings.HasPrefix(name, "Access-Control-") {
			t.Errorf("the answer has the header %s", name)
		}
	}
}

// wantHonest checks that an honest call on a connection of its own is answered.
func wantHonest(t *testing.T, addr string) {
	t.Helper()
	honest := attack{send: attackPost(attackCall("<value>&lt;</value>"), "Connection: close"), want: http.StatusOK, runs: 1}
	got, answered := attackOnce(t, addr, honest)
	honest.check(t, got, answered)
}

// TestThreatAttacks: each is answered as it deserves, takes little memory and no
// goroutine for long, and the next honest call is answered.
func TestThreatAttacks(t *testing.T) {
	const most = 40 << 20 // bytes that are taken for one, all added up
	var runs atomic.Int32
	reg := registry(t, map[string]any{"echo": func(...any) int { return int(runs.Add(1)) }})
	patient := serve(t, &xmlrpc.Server{Handler: reg})
	hasty := serve(t, &xmlrpc.Server{Handler: reg, HeaderTimeout: 300 * time.Millisecond, ReadTimeout: 600 * time.Millisecond})
	list := attacks(t)
	base := runtime.NumGoroutine()
	for _, a := range list {
		t.Run(a.name, func(t *testing.T) {
			addr := patient
			if a.slow > 0 {
				addr = hasty
			}
			base := base + 1 // this test
			runs.Store(0)
			var got answer
			var answered bool
			taken := allocated(func() { got, answered = attackWith(t, addr, a) })
			a.check(t, got, answered)
			if n := int(runs.Load()); n != a.runs {
				t.Errorf("the function ran %d times; want %d", n, a.runs)
			}
			if taken > most+uint64(len(a.send)) { // of which a copy is sent
				t.Errorf("it took %d MiB for %d KiB", taken>>20, len(a.send)>>10)
			}
			wantHonest(t, patient)
			for end := time.Now().Add(patience); runtime.NumGoroutine() > base; time.Sleep(time.Millisecond) {
				if time.Now().After(end) {
					t.Fatalf("%d goroutines are left of it", runtime.NumGoroutine()-base)
				}
			}
			t.Logf("%d KiB sent, %d KiB taken", len(a.send)>>10, taken>>10)
		})
	}
}
