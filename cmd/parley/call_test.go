package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
)

// eachTransport runs a test against one server, once for each of its URLs: over
// TCP and over unix sockets.
func eachTransport(t *testing.T, test func(t *testing.T, r *running, url string)) {
	dir := t.TempDir()
	h := newHome(t)
	over := h.serve(t)
	sockets := h.serve(t, "--xmlrpc", "unix:"+dir+"/x.sock", "--native", "unix:"+dir+"/n.sock")
	for name, url := range map[string]string{
		"XMLRPC": over.xmlrpc, "Native": over.native, "XMLRPCUnix": sockets.xmlrpc, "NativeUnix": sockets.native,
	} {
		t.Run(name, func(t *testing.T) { test(t, over, url) })
	}
}

func TestCall(t *testing.T) {
	t.Parallel()
	file := writeFile(t, "blob", "\x00\xff\n", 0o600)
	tests := []struct {
		args []string
		want string
	}{
		{[]string{"add", "3", "5"}, "8\n"},
		{[]string{"add", "Hello", "World"}, "\"HelloWorld\"\n"},
		{[]string{"add", "[1,2,3]", "[4,5]"}, "[1,2,3,4,5]\n"},
		{[]string{"add", `"3"`, `"5"`}, "\"35\"\n"},
		{[]string{"add", "-3", "-.5"}, ""}, // -.5 is text, for JSON has no such number
		{[]string{"add", "-3", "-0.5"}, "-3.5\n"},
		{[]string{"add", "--timeout", "9s", "3", "5"}, "8\n"},
		{[]string{"add", "3", "--timeout=9s", "5"}, "8\n"},
		{[]string{"add", "3", "5", "--timeout", "9s"}, "8\n"},
		{[]string{"add", "--timeout", "9s", "--", "3", "--raw"}, ""},
		{[]string{"add", "--", "--timeout", "--raw"}, "\"--timeout--raw\"\n"},
		{[]string{"add", "--raw", "--", "-a", "-b"}, "-a-b"},
		{[]string{"add", "@" + file, `{"$binary":"AQ=="}`}, "{\"$binary\":\"AP8KAQ==\"}\n"},
		{[]string{"--raw", "add", "@" + file, `{"$binary":"AQ=="}`}, "\x00\xff\n\x01"},
		{[]string{"add", "@-", `{"$binary":""}`}, "{\"$binary\":\"c3RkaW4=\"}\n"},
		{[]string{"--raw", "add", "3", "5"}, "8\n"},
		{[]string{"echo"}, "[]\n"},
		{[]string{"echo", "null", "true", "8.0", "8", "x", `{"a":[1.5]}`, ""}, `[null,true,8.0,8,"x",{"a":[1.5]},""]` + "\n"},
		{[]string{"echo", `{"$time":"2026-03-04T05:06:07Z"}`}, `[{"$time":"2026-03-04T05:06:07Z"}]` + "\n"},
		{[]string{"catalog.get", "2"}, `{"pid":2,"pname":"Cup and saucer","pprice":8.25}` + "\n"},
		{[]string{"validator1.easyStructTest", `{"moe":1,"larry":2,"curly":3}`}, "6\n"},
		{[]string{"system.ping"}, "\"pong\"\n"},
	}
	eachTransport(t, func(t *testing.T, r *running, url string) {
		for _, tt := range tests {
			got := r.parleyReading(t, strings.NewReader("stdin"), append([]string{"call", url}, tt.args...)...)
			if tt.want == "" {
				if got.code != 3 || !strings.HasPrefix(got.stderr, "fault -32602: add: cannot add int and string") {
					t.Errorf("call %q: %+v; want fault -32602", tt.args, got)
				}
			} else if got.code != 0 || got.stdout != tt.want || got.stderr != "" {
				t.Errorf("call %q: %+v; want %q", tt.args, got, tt.want)
			}
		}
		// The URL need not stand first among the words of the line.
		if got := r.parley(t, "--timeout", "9s", "call", "--raw", url, "add", "a", "b"); got.stdout != "ab" {
			t.Errorf("flags before everything: %+v", got)
		}
	})
}

// What only the native channel carries goes through echo in its own kind.
func TestCallKinds(t *testing.T) {
	t.Parallel()
	r := newHome(t).serve(t)
	for _, form := range []string{
		`{"$tuple":[1,"two"]}`, `{"$set":[1]}`, `{"$frozenset":["x"]}`, `{"$map":[[1,"one"],["two",2]]}`,
		`{"$localtime":"2026-03-04T05:06:07"}`, `{"$float":"NaN"}`, `{"$float":"-Infinity"}`, `{"$decimal":"1.50"}`,
		`{"$fraction":"22/7"}`, `{"$complex":[1.5,-2.0]}`, `{"$uuid":"6ba7b810-9dad-11d1-80b4-00c04fd430c8"}`,
		`{"$range":[1,10,3]}`, `{"$bytearray":"AQI="}`, `123456789012345678901234567890`, `"\u0000"`,
		`{"$time":"2026-03-04T05:06:07.000000001Z"}`,
	} {
		if got := r.call(t, r.native, "echo", form); got.stdout != "["+form+"]\n" {
			t.Errorf("echo %s: %+v", form, got)
		}
	}
	// What XML cannot carry is the user's mistake, told before anything is sent.
	for _, form := range []string{`"\u0000"`, `123456789012345678901234567890`, `{"$float":"NaN"}`} {
		got := r.call(t, r.xmlrpc, "echo", form)
		if got.code != 2 || got.stdout != "" {
			t.Errorf("echo %s over XML-RPC: %+v; want exit code 2", form, got)
		}
		got.oneLine(t, "params[0]")
	}
}

func TestCallExitCodes(t *testing.T) {
	t.Parallel()
	eachTransport(t, func(t *testing.T, r *running, url string) {
		for _, tt := range []struct {
			args []string
			code int
			want string // begins standard error
		}{
			{[]string{"no.such"}, 3, "fault -32601: "},
			{[]string{"add", "1"}, 3, "fault -32602: "},
			{[]string{"fail", "two\nlines"}, 3, "fault -32500: two"},
			{[]string{"catalog.get", "99"}, 3, "fault 404: catalog: pid 99: no such product"},
			{[]string{"sleep", "20", "--timeout", "300ms"}, 6, "parley: "},
			{[]string{"add", "3", "5", "--timeout", "0s"}, 2, "parley: --timeout is 0s"},
			{[]string{"add", "3", "5", "--timeout", "-1s"}, 2, "parley: --timeout is -1s"},
			{[]string{"add", "3", "5", "--timeout", "soon"}, 2, "parley: --timeout"},
			{[]string{"add", "3", "-x"}, 2, "parley: unknown flag -x"},
			{[]string{"add", "@/no/such/file"}, 2, "parley: open /no/such/file"},
			{[]string{"add", "@-", "@-"}, 2, "parley: @- can stand for one argument only"},
			{[]string{}, 2, "parley: expected"},
		} {
			begin := time.Now()
			got := r.call(t, append([]string{url}, tt.args...)...)
			if got.code != tt.code || got.stdout != "" || !strings.HasPrefix(got.stderr, tt.want) {
				t.Errorf("call %q: %+v; want exit code %d and %q", tt.args, got, tt.code, tt.want)
			}
			got.oneLine(t)
			if took := time.Since(begin); took > 10*time.Second {
				t.Errorf("call %q took %v", tt.args, took)
			}
		}
	})
}

// nobody is an address of this machine where nothing listens. A port that was
// closed may be given to another program.
const nobody = "127.0.0.1:1"

// One attempt, and no waiting, where nobody listens or somebody hangs up.
func TestCallBrokenLinks(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.serve(t) // makes the key
	hangUp := listenWith(t, func(c net.Conn) { c.Close() })
	silent := listenWith(t, func(c net.Conn) {
		t.Cleanup(func() { c.Close() })
	})
	wordy := listenWith(t, func(c net.Conn) {
		fmt.Fprint(c, "220 mail.example.org ESMTP\r\n")
		c.Close()
	})
	html := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "<html>Welcome")
	}))
	t.Cleanup(html.Close)
	missing := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(missing.Close)
	for _, tt := range []struct {
		url  string
		code int
	}{
		{"tcp://" + nobody, 4},
		{"http://" + nobody + "/RPC2", 4},
		{"unix:///no/such/socket", 4},
		{"http+unix:///no/such/socket:/RPC2", 4},
		{"tcp://" + hangUp, 4},
		{"http://" + hangUp, 4},
		{"http://" + silent, 6},
		{"tcp://" + silent, 6},
		{"tcp://" + wordy, 4},
		{"http://" + wordy, 4},
		{html.URL, 4},
		{missing.URL, 4},
		{"tcp://no-such-host.invalid:1", 4},
		{"http://no-such-host.invalid", 4},
		{"ftp://" + nobody, 2},
		{nobody, 2},
		{"tcp://", 2},
		{"unix://relative", 2},
		{"http://", 2},
		{"", 2},
		{"http://user:secret@" + nobody, 2},
		{"tls://" + nobody, 2}, // without a login
	} {
		t.Run(tt.url, func(t *testing.T) {
			t.Parallel()
			begin := time.Now()
			got := h.parley(t, "call", "--timeout", "700ms", tt.url, "add", "3", "5")
			if got.code != tt.code || got.stdout != "" {
				t.Errorf("%+v; want exit code %d", got, tt.code)
			}
			got.oneLine(t)
			if took := time.Since(begin); took > 8*time.Second {
				t.Errorf("it took %v", took)
			}
			if strings.Contains(got.stderr, "secret") {
				t.Errorf("the password is in the message: %s", got.stderr)
			}
		})
	}
}

// listenWith serves connections with handle until the end of the test, and
// returns the address.
func listenWith(t *testing.T, handle func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			handle(c)
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	return l.Addr().String()
}

// A failed login is exit code 5 at once, whoever of the two cannot prove itself.
func TestCallNotAuthenticated(t *testing.T) {
	t.Parallel()
	r := newHome(t).serve(t)
	wrong := writeFile(t, "wrong", strings.Repeat("w", 32), 0o600)
	begin := time.Now()
	got := r.call(t, r.native, "add", "3", "5", "--authkey-file", wrong)
	if got.code != 5 || got.stdout != "" || time.Since(begin) > 4*time.Second {
		t.Errorf("with a wrong key: %+v after %v; want exit code 5 at once", got, time.Since(begin))
	}
	got.oneLine(t, "authkey")
	r.awaitLog(t, "auth_fail")

	// A server that accepts everything, but cannot prove the key itself.
	impostor := listenWith(t, func(c net.Conn) {
		defer c.Close()
		c.SetDeadline(time.Now().Add(5 * time.Second))
		frame := func(b []byte) { c.Write(append([]byte{0, 0, 0, byte(len(b))}, b...)) }
		answer := make([]byte, 1024)
		frame([]byte("#CHALLENGE#{sha256}" + strings.Repeat("r", 40)))
		c.Read(answer)
		frame([]byte("#WELCOME#"))
		c.Read(answer)
		frame([]byte("{sha256}" + strings.Repeat("x", 32)))
		c.Read(answer)
	})
	// One whose challenge asks for MD5.
	weak := listenWith(t, func(c net.Conn) {
		defer c.Close()
		c.SetDeadline(time.Now().Add(5 * time.Second))
		b := []byte("#CHALLENGE#{md5}" + strings.Repeat("r", 40))
		c.Write(append([]byte{0, 0, 0, byte(len(b))}, b...))
		io.Copy(io.Discard, c)
	})
	for name, addr := range map[string]string{"impostor": impostor, "weak": weak} {
		begin = time.Now()
		got = r.call(t, "tcp://"+addr, "add", "3", "5")
		if got.code != 5 || got.stdout != "" || time.Since(begin) > 4*time.Second {
			t.Errorf("%s: %+v after %v; want exit code 5 at once", name, got, time.Since(begin))
		}
		got.oneLine(t)
	}
}

// Passwords come from a file or from standard input, and never from the line.
func TestCallWithPassword(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if user != "ann" || password != "pass word" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		body, _ := io.ReadAll(r.Body)
		n := bytes.Count(body, []byte("<base64>AAE="))
		w.Header().Set("Content-Type", "text/xml")
		fmt.Fprintf(w, "<methodResponse><params><param><value><int>%d</int></value></param></params></methodResponse>", n)
	}))
	t.Cleanup(srv.Close)
	file := writeFile(t, "password", "pass word\n", 0o600)
	for _, tt := range []struct {
		stdin string
		args  []string
		code  int
		out   string
	}{
		{"", []string{"--user", "ann", "--password-file", file}, 0, "0\n"},
		{"pass word\n", []string{"--user", "ann"}, 0, "0\n"},
		{"pass word\r\n\x00\x01", []string{"--user", "ann", "@-"}, 0, "1\n"}, // the rest is the argument
		{"wrong\n", []string{"--user", "ann"}, 5, ""},
		{"", []string{"--user", "ann"}, 2, ""},
		{"", nil, 5, ""},
		{"", []string{"--user", "ann", "--password-file", "/no/such/file"}, 2, ""},
	} {
		got := h.parleyReading(t, strings.NewReader(tt.stdin), append([]string{"call", srv.URL, "m"}, tt.args...)...)
		if got.code != tt.code || got.stdout != tt.out {
			t.Errorf("%q: %+v; want exit code %d and %q", tt.args, got, tt.code, tt.out)
		}
		if got.code != 0 {
			got.oneLine(t)
		}
	}
}

func TestIntrospection(t *testing.T) {
	t.Parallel()
	eachTransport(t, func(t *testing.T, r *running, url string) {
		got := r.parley(t, "list", url)
		names := strings.Fields(got.stdout)
		if got.code != 0 || len(names) < 20 {
			t.Errorf("list: %+v", got)
		}
		for _, want := range []string{"add", "echo", "sleep", "fail", "catalog.list", "catalog.watch", "validator1.manyTypesTest", "system.multicall"} {
			if !strings.Contains("\n"+got.stdout, "\n"+want+"\n") {
				t.Errorf("list does not show %s", want)
			}
		}
		got = r.parley(t, "describe", url)
		for _, want := range []string{"add(a int, b int) -> int\nadd(a double, b double) -> double\n", "add(a array, b array) -> array\n    Adds two numbers", "catalog.get(pid int) -> {pid int, pname string, pprice double}\n", "catalog.watch(pause? double) -> []{pid int, pname string, pprice double}\n"} {
			if got.code != 0 || !strings.Contains(got.stdout, want) {
				t.Errorf("describe does not show %q: %+v", want, got)
			}
		}
		if got = r.parley(t, "describe", url, "sleep"); got.code != 0 || !strings.HasPrefix(got.stdout, "sleep(seconds double) -> double\n") {
			t.Errorf("describe sleep: %+v", got)
		}
		if got = r.parley(t, "describe", url, "no.such"); got.code != 3 {
			t.Errorf("describe no.such: %+v; want exit code 3", got)
		}
		if got = r.parley(t, "ping", url); got.code != 0 || !strings.HasPrefix(got.stdout, "pong: ") || got.stderr != "" {
			t.Errorf("ping: %+v", got)
		}
	})
}

func TestHelpAndVersion(t *testing.T) {
	for _, args := range [][]string{nil, {"--help"}, {"-h"}, {"call", "--help"}, {"serve", "-h"}, {"--version"}} {
		var stdout, stderr bytes.Buffer
		if code := run(args, strings.NewReader(""), &stdout, &stderr); code != 0 || stdout.Len() == 0 || stderr.Len() > 0 {
			t.Errorf("parley %q: code %d, stdout %q, stderr %q", args, code, &stdout, &stderr)
		}
	}
	for _, args := range [][]string{{"frobnicate"}, {"--frobnicate"}, {"call"}, {"ping"}, {"list", "a", "b"}, {"demo", "x"}, {"completion", "sh"}, {"-3"}} {
		var stdout, stderr bytes.Buffer
		code := run(args, strings.NewReader(""), &stdout, &stderr)
		outcome{code, stdout.String(), stderr.String()}.oneLine(t, "parley: ", "--help")
		if code != 2 || stdout.Len() > 0 {
			t.Errorf("parley %q: code %d, stdout %q; want 2 and nothing", args, code, &stdout)
		}
	}
}

// A result that cannot be written is a failure.
func TestCallFullDisk(t *testing.T) {
	t.Parallel()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("no /dev/full on this system")
	}
	defer full.Close()
	r := newHome(t).serve(t, "--native", "off")
	var stderr bytes.Buffer
	cmd := r.command(t.Context(), "call", r.xmlrpc, "add", "3", "5")
	cmd.Stdout, cmd.Stderr = full, &stderr
	if err := cmd.Run(); cmd.ProcessState.ExitCode() != 1 || !strings.Contains(stderr.String(), "no space left") {
		t.Errorf("%v, %q; want exit code 1", err, &stderr)
	}
}
