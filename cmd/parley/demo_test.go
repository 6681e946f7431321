package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/parley-rpc/parley/internal/peertest"
)

func TestLiveDemo(t *testing.T) {
	// The demo takes the python3 of the PATH.
	dir := t.TempDir()
	if err := os.Symlink(peertest.Python(t), filepath.Join(dir, "python3")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	got := newHome(t).parley(t, "demo")
	if got.code != 0 || got.stderr != "" {
		t.Fatalf("exit code %d\n%s\n%s", got.code, got.stdout, got.stderr)
	}
	peers := []string{
		"github.com/kolo/xmlrpc", "Parley's XML-RPC client", ", xmlrpc.client",
		"Parley's native client", ", multiprocessing.connection.Client",
	}
	for _, want := range append(peers, "calls/s", "p50", "p99", "bytes/call", "CPU/call", "small call", "1000 integers", "100 records",
		"blob of 1 MiB", "XML-RPC", "native, TCP", "native, unix", "processes of their own", "Every answer was right.") {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("the demo does not show %q", want)
		}
	}
	if n := len(regexp.MustCompile(`(?m)^    ok     add\(`).FindAllString(got.stdout, -1)); n != 5*len(peers) {
		t.Errorf("%d right answers; want 5 from each of %d clients", n, len(peers))
	}
	if strings.Contains(got.stdout, "WRONG") {
		t.Error("there are wrong answers")
	}
	// All lines of the table have their columns at the same place.
	table := regexp.MustCompile(`(?m)^.* [µm]?s +[\d,]+ .*$`).FindAllString(got.stdout, -1)
	if len(table) != 15 {
		t.Errorf("the table has %d rows; want 5 of 3", len(table))
	}
	if t.Failed() {
		t.Log(got.stdout)
	}
}

// Without python3 the demo does what it can, and says so.
func TestDemoWithoutPython(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var stderr, out bytes.Buffer
	s, err := openStage(ctx, &stderr)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	if wrong := s.interview(ctx, &out); wrong != 0 || strings.Count(out.String(), "ok ") != 15 || !strings.Contains(out.String(), "no python3 in the PATH") {
		t.Errorf("%d wrong answers:\n%s", wrong, &out)
	}
}

// A Python that gives wrong answers, or none, is found out.
func TestDemoFindsWrongAnswers(t *testing.T) {
	for name, script := range map[string]string{
		"wrong":  `case "$2" in *version*) echo 3.12.0;; *) echo '[8, "HelloWorld", [1,2,3,4], {"binary": "AA=="}, "-32602: nothing"]';; esac`,
		"silent": `case "$2" in *version*) echo 3.12.0;; *) exit 1;; esac`,
		"types":  `case "$2" in *version*) echo 3.12.0;; *) echo '["8", 1, {}, "x", 5]';; esac`,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "python3"), []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
				t.Fatal(err)
			}
			t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			var stderr, out bytes.Buffer
			s, err := openStage(ctx, &stderr)
			if err != nil {
				t.Fatal(err)
			}
			defer s.close()
			wrong := s.interview(ctx, &out)
			want := 2 * map[string]int{"wrong": 3, "silent": 5, "types": 5}[name]
			if wrong != want || strings.Count(out.String(), "ok ") != 25-want {
				t.Errorf("%d wrong answers; want %d:\n%s", wrong, want, &out)
			}
		})
	}
}
