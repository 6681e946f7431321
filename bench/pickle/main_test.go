package main

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// The command runs, reads what CPython wrote, and prints a line for each work.
func TestLivePickle(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		if os.Getenv("PARLEY_REQUIRE_PEERS") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	var out bytes.Buffer
	if err := run(t.Context(), &out, "python3", 1, time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "NaN") {
		t.Errorf("got figures that were not taken:\n%s", &out)
	}
	for _, w := range works() {
		if n := strings.Count(out.String(), w.what); n != 4 {
			t.Errorf("%s: got %d lines; want 4, for two protocols to read and to write:\n%s", w.what, n, &out)
		}
	}
}
