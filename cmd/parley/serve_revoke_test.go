package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// awaitLogs waits until the server has logged text n times.
func (r *running) awaitLogs(t *testing.T, text string, n int) {
	t.Helper()
	for end := time.Now().Add(patience); strings.Count(r.stderr.String(), text) < n; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the server has not logged %q %d times", text, n)
		}
	}
}

// Who has lost his credential is cut off, and does not come in again.
func TestServeRevoke(t *testing.T) {
	t.Parallel()
	s := newSite(t, everything)
	r := s.start(t, "--config", s.config)
	urls := r.urls()
	for _, tt := range []struct {
		id, url string
		args    []string
	}{
		{"chan", urls[2], []string{"--credential-file", s.secret("chan.secret")}},
		{"mp", urls[3], []string{"--authkey-file", s.secret("mp.secret")}},
		{"web", urls[1], []string{"--credential-file", s.secret("web.secret")}},
	} {
		t.Run(tt.id, func(t *testing.T) {
			// Another authkey, so that there is one left to ask for.
			s.add(t, "other-"+tt.id, "x", "authkey")
			answer := make(chan outcome, 1)
			go func() {
				answer <- r.call(t, append([]string{tt.url, "sleep", "600", "--timeout", "20s"}, tt.args...)...)
			}()
			r.awaitLog(t, "credential="+tt.id+" ")
			begin := time.Now()
			if got := at(t, "", "auth", "revoke", tt.id, "--file", s.file); got.code != 0 {
				t.Fatalf("%+v", got)
			}
			if got := <-answer; got.code != 4 && got.code != 5 || got.stdout != "" {
				t.Errorf("the call that was running: %+v; want exit code 4", got)
			}
			t.Logf("cut off %v after the file was changed", time.Since(begin).Round(time.Millisecond))
			if got := r.call(t, append([]string{tt.url, "add", "3", "5"}, tt.args...)...); got.code != 5 {
				t.Errorf("the next call: %+v; want exit code 5", got)
			}
		})
	}
}

// A new secret ends what the old one began, and lets in by the new one alone.
func TestServePasswd(t *testing.T) {
	t.Parallel()
	s := newSite(t, everything)
	r := s.start(t, "--config", s.config)
	url := r.urls()[2]
	answer := make(chan outcome, 1)
	go func() {
		answer <- r.call(t, url, "sleep", "600", "--timeout", "20s", "--credential-file", s.secret("chan.secret"))
	}()
	r.awaitLog(t, "credential=chan ")
	if got := at(t, "", "auth", "passwd", "chan", "--file", s.file, "--generate", "--secret-out", s.secret("new")); got.code != 0 {
		t.Fatalf("%+v", got)
	}
	if got := <-answer; got.code != 4 {
		t.Errorf("the call that was running: %+v; want exit code 4", got)
	}
	if got := r.call(t, url, "add", "3", "5", "--credential-file", s.secret("chan.secret")); got.code != 5 {
		t.Errorf("with the old secret: %+v; want exit code 5", got)
	}
	if got := r.call(t, url, "add", "3", "5", "--credential-file", s.secret("new")); got.stdout != "8\n" {
		t.Errorf("with the new secret: %+v", got)
	}
}

// No secret is in what is logged and printed, nor in the list of processes.
func TestSecretsStaySecret(t *testing.T) {
	t.Parallel()
	s := newSite(t, everything)
	r := s.start(t, "--config", s.config)
	urls := r.urls()
	const pass = "canary pass phrase 5512"
	if got := at(t, pass+"\n", "auth", "add", "basic", "--use", "http", "--file", s.file, "--secret-out", s.secret("basic")); got.code != 0 {
		t.Fatalf("%+v", got)
	}
	r.awaitLog(t, "added=1")
	var seen strings.Builder
	s.add(t, "scan", "ann", "channel")
	answer := make(chan outcome, 1)
	r.awaitLogs(t, "added=1", 2)
	go func() {
		answer <- r.call(t, urls[2], "sleep", "600", "--timeout", "20s", "--credential-file", s.secret("scan.secret"))
	}()
	r.awaitLog(t, "credential=scan ")
	seen.WriteString(commandLines(t, "scan.secret"))
	at(t, "", "auth", "revoke", "scan", "--file", s.file)
	got := <-answer
	fmt.Fprint(&seen, got.stdout, got.stderr)
	for _, args := range [][]string{
		{urls[2], "--credential-file", s.secret("chan.secret")},
		{urls[2], "--credential-file", s.secret("web.secret")},
		{urls[1], "--credential-file", s.secret("web.secret")},
		{urls[1], "--credential-file", s.secret("basic")},
		{urls[1], "--credential-file", s.secret("chan.secret")},
		{urls[3], "--authkey-file", s.secret("mp.secret")},
	} {
		got := r.call(t, append([]string{"echo", "--"}, args...)...)
		fmt.Fprint(&seen, got.stdout, got.stderr)
		got = r.call(t, append([]string{args[0], "add", "3", "5"}, args[1:]...)...)
		fmt.Fprint(&seen, got.stdout, got.stderr)
	}
	r.signal(t, syscall.SIGTERM)
	r.end(t)
	seen.WriteString(r.stderr.String() + strings.Join(r.stdout, "\n") + r.rest)
	secrets := []string{pass, read(t, s.secret("mp.secret"))}
	for _, file := range []string{"chan.secret", "web.secret", "scan.secret"} {
		secrets = append(secrets, keyIn(t, read(t, s.secret(file))))
	}
	for _, secret := range secrets {
		if strings.Contains(seen.String(), secret) {
			t.Errorf("a secret was seen")
		}
	}
}

// commandLines are those of all processes of this machine, as ps shows them, one
// of which has the word.
func commandLines(t *testing.T, word string) string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil || len(files) == 0 {
		return ""
	}
	var b strings.Builder
	for _, f := range files {
		line, _ := os.ReadFile(f) // it may be gone by now
		b.Write(line)
	}
	if !strings.Contains(b.String(), word) {
		t.Error("the call that is running is not in the list of processes")
	}
	return b.String()
}
