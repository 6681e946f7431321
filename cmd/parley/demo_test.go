package main

import (
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
	if n := len(regexp.MustCompile(`(?m)^    ok     add\(3, "five"\) +refused, as it should be: .*-32602`).FindAllString(got.stdout, -1)); n != len(peers) {
		t.Errorf("%d clients tell that add refused its arguments; want %d", n, len(peers))
	}
	if !regexp.MustCompile(`\nEvery answer was right\. Done in [\d.]+ s\.\nNext: parley compare .*docs/quickstart\.md .*\n$`).MatchString(got.stdout) {
		t.Error("the demo does not end with what to do next")
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
