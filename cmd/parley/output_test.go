package main

import (
	"encoding/json"
	"fmt"
	"net"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// The JSON forms that the document promises.
func TestOutputJSON(t *testing.T) {
	t.Parallel()
	r := newHome(t).serve(t)
	ask := func(into any, args ...string) {
		t.Helper()
		got := r.parley(t, append(args, "--output", "json")...)
		d := json.NewDecoder(strings.NewReader(got.stdout))
		d.DisallowUnknownFields()
		if err := d.Decode(into); err != nil || got.code != 0 || got.stderr != "" {
			t.Errorf("%q: %v of %+v", args, err, got)
		}
	}
	var names []string
	if ask(&names, "list", r.native); !slices.Contains(names, "catalog.get") || len(names) < 20 {
		t.Errorf("list: got %q", names)
	}
	type param struct{ Name, Type string }
	var functions []struct {
		Name, Help string
		Signatures []struct {
			Returns string
			Params  []param
		}
		Types *types
	}
	if ask(&functions, "describe", r.xmlrpc, "catalog.get", "system.ping"); len(functions) != 2 {
		t.Fatalf("describe: got %+v", functions)
	}
	get := functions[0]
	if get.Name != "catalog.get" || !strings.Contains(get.Help, "pid") || len(get.Signatures) != 1 || get.Signatures[0].Returns != "struct" || !slices.Equal(get.Signatures[0].Params, []param{{"pid", "int"}}) {
		t.Errorf("describe: got %+v", get)
	}
	if m := get.Types; m == nil || len(m.Result.Members) != 3 || m.Result.Members[1].Name != "pname" || m.Result.Members[1].Type != "string" || m.Params[0].Name != "pid" {
		t.Errorf("describe: got the types %+v", m)
	}
	if ask(&functions, "describe", r.native); len(functions) != len(names) {
		t.Errorf("describe: got %d functions; want %d", len(functions), len(names))
	}
	var pong struct {
		ConnectMS float64 `json:"connect_ms"`
		Calls     int     `json:"calls"`
		Min       float64 `json:"min_ms"`
		Avg       float64 `json:"avg_ms"`
		Max       float64 `json:"max_ms"`
	}
	if ask(&pong, "ping", r.native, "--count", "3", "--interval", "0s"); pong.Calls != 3 || pong.ConnectMS <= 0 || pong.Min <= 0 || pong.Min > pong.Avg || pong.Avg > pong.Max {
		t.Errorf("ping: got %+v", pong)
	}
	// A call has JSON without being asked.
	if got := r.call(t, r.native, "add", "3", "5", "--output", "json"); got.stdout != "8\n" {
		t.Errorf("call: got %+v", got)
	}
	if got := r.call(t, r.native, "echo", `"text"`, "--output", "table"); got.stdout != "text\n" {
		t.Errorf("call: got %+v", got)
	}
}

func TestPingCount(t *testing.T) {
	t.Parallel()
	r := newHome(t).serve(t)
	// The time-out is not for all of it.
	for _, url := range []string{r.native, r.xmlrpc} {
		got := r.parley(t, "ping", url, "--count", "4", "--interval", "700ms", "--timeout", "2s")
		if !regexp.MustCompile(`^pong: \S+ ms with connecting\n(pong: \S+ ms\n){4}4 answers over the same connection: min \S+ ms, avg \S+ ms, max \S+ ms\n$`).MatchString(got.stdout) || got.code != 0 {
			t.Errorf("got %+v", got)
		}
	}
	got := r.parley(t, "ping", r.native)
	if !regexp.MustCompile(`^pong: \S+ ms with connecting, \S+ ms over the same connection\n$`).MatchString(got.stdout) {
		t.Errorf("got %+v", got)
	}
}

// Ctrl-C ends it with what is known so far.
func TestPingInterrupted(t *testing.T) {
	t.Parallel()
	r := newHome(t).serve(t)
	cmd := r.command(t.Context(), "ping", r.native, "--count", "5", "--interval", "1h")
	var stdout safeBuffer
	cmd.Stdout = &stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return strings.Count(stdout.String(), "\n") == 2 })
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil || !strings.Contains(stdout.String(), "\n1 answer over the same connection: min ") {
		t.Errorf("got %v and\n%s", err, &stdout)
	}
}

// Whatever fails, the exit code says what it was, and standard error why, in one
// line.
func TestExitCodes(t *testing.T) {
	t.Parallel()
	r := newHome(t).serve(t)
	r.writeProfiles(t, fmt.Sprintf("[server.prod]\nurl = %q\n[server.closed]\nurl = 'tcp://127.0.0.1:1'\n", r.native))
	silent := "http://" + listenWith(t, func(c net.Conn) { t.Cleanup(func() { c.Close() }) })
	wrong := writeFile(t, "wrong", strings.Repeat("w", 32), 0o600)
	for _, cmd := range [][]string{{"call", "URL", "system.ping"}, {"list", "URL"}, {"describe", "URL", "add"}, {"ping", "URL"}} {
		for _, tt := range []struct {
			url  string
			args []string
			code int
		}{
			{"prod", nil, 0},
			{"prod", []string{"--output", "yaml"}, 2},
			{"prod", []string{"--no-such-flag"}, 2},
			{"prod", []string{"--timeout", "0s"}, 2},
			{"prod", []string{"--authkey-file", "/no/such/file"}, 2},
			{"prdo", nil, 2},
			{"ftp://127.0.0.1:1", nil, 2},
			{"closed", nil, 4},
			{"http://127.0.0.1:1/RPC2", nil, 4},
			{"prod", []string{"--authkey-file", wrong}, 5},
			{silent, []string{"--timeout", "300ms"}, 6},
		} {
			args := append(slices.Clone(cmd), tt.args...)
			args[1] = tt.url
			got := r.parley(t, args...)
			if got.code != tt.code {
				t.Errorf("%q: %+v; want exit code %d", args, got, tt.code)
			}
			if tt.code != 0 {
				got.oneLine(t, "parley: ")
				if got.stdout != "" {
					t.Errorf("%q: got %q on standard output", args, got.stdout)
				}
			}
		}
	}
	for _, tt := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"call", "prod", "no.such"}, 3, "fault -32601: "},
		{[]string{"describe", "prod", "no.such"}, 3, "fault -32601: "},
		{[]string{"call", "prod", "add", "1", "x", "--output", "table"}, 3, "fault -32602: "},
		{[]string{"ping", "prod", "--count", "0"}, 2, "--count is 0"},
		{[]string{"ping", "prod", "--interval", "-1s"}, 2, "--interval is -1s"},
		{[]string{"ping", "prod", "--count", "many"}, 2, "--count"},
		{[]string{"version", "x"}, 2, "unexpected argument x"},
		{[]string{"version", "--output", "xml"}, 2, "--output"},
		{[]string{"profiles", "add"}, 2, "unexpected argument add"},
		{[]string{"help", "cal"}, 2, `did you mean "call"?`},
		{[]string{"help", "auth", "ad"}, 2, `there is no command auth ad, did you mean "add"?`},
		{[]string{"help", "xyzzy"}, 2, "there is no command xyzzy; see parley --help"},
		{[]string{"cal", "prod"}, 2, `did you mean "call"?`},
		{[]string{"auth", "lst"}, 2, `did you mean "list"?`},
		{[]string{"call", "--timeot", "3s", "prod", "add"}, 2, `did you mean "--timeout"?`},
		{[]string{"completion", "tcsh"}, 2, "tcsh"},
		{[]string{"completion"}, 2, "parley completion --help"},
	} {
		got := r.parley(t, tt.args...)
		if got.code != tt.code || got.stdout != "" {
			t.Errorf("%q: %+v; want exit code %d", tt.args, got, tt.code)
		}
		got.oneLine(t, tt.want)
	}
	// Standard output that is gone is a failure, wherever something is printed.
	for _, args := range [][]string{{"list", "prod"}, {"describe", "prod", "add"}, {"ping", "prod"}, {"profiles"}, {"version"}, {"version", "--output", "json"}, {"list", "prod", "--output", "json"}, {"call", "prod", "catalog.list", "--output", "table"}} {
		h := r.home
		h.out = "/dev/full"
		if _, err := filepath.EvalSymlinks(h.out); err != nil {
			t.Skip("no /dev/full on this system")
		}
		got := h.parley(t, args...)
		if got.code != 1 {
			t.Errorf("%q to a full disk: %+v; want exit code 1", args, got)
		}
		got.oneLine(t, "no space left")
	}
}
