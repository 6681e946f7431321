package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestServePrintsItsAddresses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	h := newHome(t)
	for _, tt := range []struct {
		args []string
		want []string // patterns
	}{
		{nil, []string{`xmlrpc http://127\.0\.0\.1:\d+/RPC2`, `native tcp://127\.0\.0\.1:\d+`, `ready`}},
		{[]string{"--xmlrpc", "off"}, []string{`native tcp://127\.0\.0\.1:\d+`, `ready`}},
		{[]string{"--native=off"}, []string{`xmlrpc http://127\.0\.0\.1:\d+/RPC2`, `ready`}},
		{
			[]string{"--xmlrpc", "unix:" + dir + "/x.sock", "--native", "unix:" + dir + "/n.sock"},
			[]string{`xmlrpc http\+unix://` + dir + `/x\.sock:/RPC2`, `native unix://` + dir + `/n\.sock`, `ready`},
		},
	} {
		r := h.serve(t, tt.args...)
		for _, url := range []string{r.xmlrpc, r.native} {
			if url == "" {
				continue
			}
			if got := r.call(t, url, "add", "3", "5"); got.code != 0 || got.stdout != "8\n" {
				t.Errorf("add at %s: %+v", url, got)
			}
		}
		r.signal(t, syscall.SIGTERM)
		if code := r.end(t); code != 0 {
			t.Errorf("serve %q: exit code %d; want 0", tt.args, code)
		}
		if len(r.stdout) != len(tt.want) || r.rest != "" {
			t.Errorf("serve %q printed %q and then %q; want %q and nothing else", tt.args, r.stdout, r.rest, tt.want)
			continue
		}
		for i, want := range tt.want {
			if !regexp.MustCompile("^" + want + "$").MatchString(r.stdout[i]) {
				t.Errorf("serve %q: line %d is %q; want %s", tt.args, i, r.stdout[i], want)
			}
		}
	}
}

func TestServeRefusesToStart(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { taken.Close() })
	short := writeFile(t, "short", "12345\n", 0o600)
	for name, tt := range map[string]struct {
		args []string
		want []string
	}{
		"ShortKey":        {[]string{"--authkey-file", short}, []string{"5 bytes", "32", "--dangerously-allow-short-key"}},
		"EmptyKey":        {[]string{"--authkey-file", writeFile(t, "k", "", 0o600)}, []string{"empty"}},
		"EmptyKeyLine":    {[]string{"--authkey-file", writeFile(t, "k", "\n", 0o600), "--dangerously-allow-short-key"}, []string{"empty"}},
		"KeyForEveryone":  {[]string{"--authkey-file", writeFile(t, "k", goodKey, 0o644)}, []string{"0644", "chmod 600"}},
		"NoKeyFile":       {[]string{"--authkey-file", "/no/such/key"}, []string{"/no/such/key", "no such file"}},
		"XMLRPCBeyond":    {[]string{"--xmlrpc", "0.0.0.0:0"}, []string{"--xmlrpc 0.0.0.0:0", "127.0.0.1", "--dangerously-listen-beyond-loopback"}},
		"XMLRPCAnywhere":  {[]string{"--xmlrpc", ":0"}, []string{"--dangerously-listen-beyond-loopback"}},
		"NativeBeyond":    {[]string{"--native", "0.0.0.0:0"}, []string{"--native 0.0.0.0:0", "--dangerously-listen-beyond-loopback"}},
		"NativeIPv6":      {[]string{"--native", "[::]:0"}, []string{"--dangerously-listen-beyond-loopback"}},
		"BothBeyond":      {[]string{"--native", "0.0.0.0:0", "--xmlrpc", "0.0.0.0:0"}, []string{"--xmlrpc", "--native"}},
		"XMLRPCTaken":     {[]string{"--xmlrpc", taken.Addr().String()}, []string{"in use"}},
		"NativeTaken":     {[]string{"--native", taken.Addr().String()}, []string{"in use"}},
		"NothingToServe":  {[]string{"--native", "off", "--xmlrpc", "off"}, []string{"nothing to serve"}},
		"NoPort":          {[]string{"--xmlrpc", "127.0.0.1"}, []string{"--xmlrpc 127.0.0.1", "port"}},
		"NoSuchFunction":  {[]string{"--objects", "nope"}, []string{"--objects nope", "no such function"}},
		"ConfigAndFlags":  {[]string{"--config", "x"}, []string{"--xmlrpc does not go with --config", "x"}},
		"TLSOpen":         {[]string{"--native", "tls://127.0.0.1:0"}, []string{"--native tls://127.0.0.1:0", "no credentials", "parley auth add"}},
		"NoCredentials":   {[]string{"--credentials", "/no/such/file"}, []string{"/no/such/file", "no such file"}},
		"TwoLogins":       {[]string{"--credentials", short, "--authkey-file", short}, []string{"do not go together"}},
		"UnknownFlag":     {[]string{"--frobnicate"}, []string{"--frobnicate", "parley serve --help"}},
		"Argument":        {[]string{"extra"}, []string{"extra"}},
		"NoDrainTime":     {[]string{"--drain-time", "0s"}, []string{"--drain-time"}},
		"SocketDirectory": {[]string{"--native", "unix:/no/such/dir/x.sock"}, []string{"no such file or directory"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := h.parley(t, append([]string{"serve", "--xmlrpc", "127.0.0.1:0", "--native", "127.0.0.1:0"}, tt.args...)...)
			if got.code != 2 || got.stdout != "" {
				t.Errorf("exit code %d, standard output %q; want 2 and nothing", got.code, got.stdout)
			}
			got.oneLine(t, tt.want...)
		})
	}
}

// Each dangerous switch lifts one refusal.
func TestServeSwitches(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	short := writeFile(t, "short", "12345\n", 0o600)
	r := h.serve(t, "--authkey-file", short, "--dangerously-allow-short-key")
	if got := r.call(t, r.native, "add", "3", "5", "--authkey-file", short, "--dangerously-allow-short-key"); got.stdout != "8\n" {
		t.Errorf("with a short key: %+v", got)
	}
	if got := r.call(t, r.native, "add", "3", "5", "--authkey-file", short); got.code != 2 {
		t.Errorf("call with a short key and without the switch: %+v; want exit code 2", got)
	}

	got := h.parley(t, "serve", "--xmlrpc", "off", "--native", "0.0.0.0:0", "--dangerously-allow-short-key", "--allow-md5")
	if got.code != 2 {
		t.Errorf("another switch lifts the refusal to listen beyond loopback: %+v", got)
	}
	r = h.serve(t, "--xmlrpc", "0.0.0.0:0", "--native", "0.0.0.0:0", "--dangerously-listen-beyond-loopback")
	for _, url := range []string{r.xmlrpc, r.native} {
		url = strings.Replace(strings.Replace(url, "0.0.0.0", "127.0.0.1", 1), "[::]", "127.0.0.1", 1)
		got := r.call(t, url, "fail", "canary-8812")
		if got.code != 3 || strings.Contains(got.stderr, "canary") || !strings.HasPrefix(got.stderr, "fault -32500: ") {
			t.Errorf("%s: %+v; want fault -32500 without the text, which strangers must not see", url, got)
		}
		if got := r.call(t, url, "add", "1", "x"); !strings.Contains(got.stderr, "fault -32602: add: cannot add int and string") {
			t.Errorf("%s: %+v; want the fault that the function made", url, got)
		}
	}
	r.awaitLog(t, "canary-8812") // the hidden text
}

func TestServeMakesAKey(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	if got := h.parley(t, "call", "tcp://127.0.0.1:1", "add"); got.code != 2 || !strings.Contains(got.stderr, h.key()) {
		t.Errorf("call before there is a key: %+v; want exit code 2 and the path", got)
	}
	first := h.serve(t, "--xmlrpc", "off")
	info, err := os.Stat(h.key())
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != 0o600 {
		t.Errorf("the key has mode %v; want 0600", info.Mode())
	}
	if dir, err := os.Stat(filepath.Dir(h.key())); err != nil || dir.Mode().Perm() != 0o700 {
		t.Errorf("its directory has mode %v, %v; want 0700", dir.Mode(), err)
	}
	first.awaitLog(t, "made a new authkey at "+h.key())
	key, err := os.ReadFile(h.key())
	if err != nil || len(strings.TrimSuffix(string(key), "\n")) < 32 {
		t.Errorf("the key has %d bytes, %v; want 32 or more", len(key), err)
	}
	if strings.Contains(first.stderr.String(), string(key[:16])) {
		t.Error("the key is in the log")
	}
	second := h.serve(t, "--xmlrpc", "off") // beside the first
	second.awaitLog(t, "the authkey is at "+h.key())
	for _, r := range []*running{first, second} {
		if got := r.call(t, r.native, "add", "3", "5"); got.stdout != "8\n" {
			t.Errorf("call with the key that serve made: %+v", got)
		}
	}
}

// Servers that start at the same time agree on one key.
func TestServeMakesOneKey(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	servers := make([]*running, 4)
	done := make(chan struct{})
	for i := range servers {
		go func() {
			defer func() { done <- struct{}{} }()
			servers[i] = h.serve(t, "--xmlrpc", "off")
		}()
	}
	for range servers {
		<-done
	}
	for _, r := range servers {
		if r == nil {
			t.Fatal("a server did not start")
		}
		if got := r.call(t, r.native, "add", "3", "5"); got.stdout != "8\n" {
			t.Errorf("one of several servers: %+v", got)
		}
	}
}

// post sends an XML-RPC call as a program in another language would.
func post(url, body string) (string, error) {
	resp, err := http.Post(url, "text/xml", strings.NewReader(body))
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %s", resp.Status)
	}
	return string(text), err
}

func sleepCall(seconds string) string {
	return "<methodCall><methodName>sleep</methodName><params><param><double>" + seconds + "</double></param></params></methodCall>"
}

func TestServeDrains(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			r := newHome(t).serve(t)
			// Connections that do nothing must not hold it up.
			for _, url := range []string{r.xmlrpc, r.xmlrpc, r.native, r.native} {
				idle, err := dialAt(t, url)
				if err != nil {
					t.Fatal(err)
				}
				defer idle.Close()
			}
			if _, err := post(r.xmlrpc, sleepCall("0")); err != nil { // leaves an idle connection behind
				t.Fatal(err)
			}

			const running = time.Second
			answers := make(chan outcome, 2)
			for _, url := range []string{r.xmlrpc, r.native} {
				go func() { answers <- r.call(t, url, "sleep", fmt.Sprint(running.Seconds())) }()
			}
			time.Sleep(running * 6 / 10)
			begin := time.Now()
			r.signal(t, sig)
			time.Sleep(running / 10)
			for _, url := range []string{r.xmlrpc, r.native} {
				if !refusedAt(t, url) {
					t.Errorf("%s takes connections after the signal", url)
				}
			}
			for range 2 {
				if got := <-answers; got.code != 0 || got.stdout != "1.0\n" && got.stdout != "1\n" {
					t.Errorf("a call that was running: %+v; want its answer", got)
				}
			}
			if code := r.end(t); code != 0 {
				t.Errorf("exit code %d; want 0", code)
			}
			if took := time.Since(begin); took > running+2*time.Second {
				t.Errorf("it ended %v after the signal; want as soon as its calls are answered", took)
			}
			if r.rest != "" {
				t.Errorf("standard output had more lines: %q", r.rest)
			}
		})
	}
}

func TestServeIdleEndsAtOnce(t *testing.T) {
	t.Parallel()
	r := newHome(t).serve(t)
	for _, url := range []string{r.xmlrpc, r.native} {
		idle, err := dialAt(t, url)
		if err != nil {
			t.Fatal(err)
		}
		defer idle.Close()
	}
	if _, err := post(r.xmlrpc, sleepCall("0")); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	r.signal(t, syscall.SIGTERM)
	if code := r.end(t); code != 0 || time.Since(begin) > 2*time.Second {
		t.Errorf("exit code %d after %v; want 0 at once", code, time.Since(begin))
	}
}

// What runs longer than the drain is cut off, and that is no failure.
func TestServeDrainIsBounded(t *testing.T) {
	t.Parallel()
	r := newHome(t).serve(t, "--drain-time", "500ms")
	answers := make(chan outcome, 2)
	for _, url := range []string{r.xmlrpc, r.native} {
		go func() { answers <- r.call(t, url, "sleep", "20") }()
	}
	time.Sleep(500 * time.Millisecond)
	begin := time.Now()
	r.signal(t, syscall.SIGTERM)
	code := r.end(t)
	if took := time.Since(begin); code != 0 || took < 400*time.Millisecond || took > 5*time.Second {
		t.Errorf("exit code %d after %v; want 0 after 500ms", code, took)
	}
	for range 2 {
		if got := <-answers; got.code == 0 {
			t.Errorf("a call of 20 s was answered within one: %+v", got)
		}
	}
}

func TestServeSecondSignalEndsAtOnce(t *testing.T) {
	t.Parallel()
	r := newHome(t).serve(t)
	answer := make(chan outcome, 1)
	go func() { answer <- r.call(t, r.native, "sleep", "20") }()
	time.Sleep(500 * time.Millisecond)
	r.signal(t, syscall.SIGTERM)
	r.awaitLog(t, "once more stops at once")
	select {
	case <-r.ended:
		t.Fatal("it ended before the call was answered")
	case <-time.After(300 * time.Millisecond):
	}
	begin := time.Now()
	r.signal(t, syscall.SIGINT)
	if code := r.end(t); code == 0 || time.Since(begin) > 2*time.Second {
		t.Errorf("exit code %d after %v; want a failure at once", code, time.Since(begin))
	}
	if got := <-answer; got.code != 4 {
		t.Errorf("the call that was cut off: %+v; want exit code 4", got)
	}
}

// The documentation page is part of what is served.
func TestServeDocumentation(t *testing.T) {
	t.Parallel()
	r := newHome(t).serve(t, "--native", "off")
	resp, err := http.Get(r.xmlrpc)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	for _, want := range []string{"catalog.watch", "validator1.easyStructTest", "system.multicall", "echo", "sleep", "fail"} {
		if err != nil || !strings.Contains(string(page), want) {
			t.Errorf("the page (%s, %v) does not show %s", resp.Status, err, want)
		}
	}
}
