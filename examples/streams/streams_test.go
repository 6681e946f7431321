package main

import (
	"io"
	"strings"
	"testing"

	"github.com/parley-rpc/parley/rpc"
)

const want = `49
64
81
100
121
23.00
digits: 9999999 bytes, sha256 eea47bae...
2200000 bytes of poetry
`

func TestStreams(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	if out.String() != want {
		t.Errorf("got\n%s; want\n%s", out.String(), want)
	}
}

// TestMissingFile: the error of a download is that of its first Read.
func TestMissingFile(t *testing.T) {
	reg := rpc.NewRegistry()
	if err := reg.Register("fetch", fetch); err != nil {
		t.Fatal(err)
	}
	file := rpc.Reader(t.Context(), reg, "fetch", "novel.txt")
	defer file.Close()
	if _, err := io.ReadAll(file); err == nil || err.Error() != "fault 404: no file novel.txt" {
		t.Errorf("got %v; want fault 404", err)
	}
}
