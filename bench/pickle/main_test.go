package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/parley-rpc/parley/internal/peertest"
)

// The command runs, reads what CPython wrote, and prints a line for each work.
func TestLivePickle(t *testing.T) {
	python := peertest.PythonOfProtocol5(t)
	var out bytes.Buffer
	if err := run(t.Context(), &out, python, 1, time.Millisecond); err != nil {
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
