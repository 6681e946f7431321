package native

import (
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-rpc/parley/internal/doctest"
	"github.com/parley-rpc/parley/rpc"
)

// wireBlock is the block of docs/wire-native.md that has a line.
func wireBlock(t *testing.T, line string) []string {
	t.Helper()
	text, err := os.ReadFile("../../docs/wire-native.md")
	if err != nil {
		t.Fatal(err)
	}
	d, err := doctest.Parse("docs/wire-native.md", string(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range d.Blocks {
		if lines := strings.Split(b.Text, "\n"); slices.Contains(lines, line) {
			return lines
		}
	}
	t.Fatalf("docs/wire-native.md has no block with the line %q", line)
	return nil
}

// The frames of docs/wire-native.md are what is written, and are read as it says.
func TestDocumentedFrames(t *testing.T) {
	var documented []byte
	for _, line := range wireBlock(t, "   02 00 01                      CALL, no flags, id 1") {
		dump, _, _ := strings.Cut(strings.TrimSpace(line), "  ") // and what the bytes mean
		b, err := hex.DecodeString(strings.ReplaceAll(dump, " ", ""))
		if err != nil && dump != "..." {
			t.Fatalf("%q: %v", line, err)
		}
		documented = append(documented, b...)
	}
	c, err := new(callPool).encode(&rpc.Request{Method: "add", Args: rpc.Values{3, 5}})
	if err != nil {
		t.Fatal(err)
	}
	body := append(appendTimeout(nil, 30*time.Second), c.message()...)
	if got := frame(frameCall, 0, 1, string(body)) + frame(frameResult, 0, 1, "\x08"); got != string(documented) {
		t.Fatalf("got % x; want % x, as documented", got, documented)
	}
	size := int(documented[3])
	h, n, err := parseFrameHead(documented[4:], size)
	if err != nil || h.kind != frameCall || h.id != 1 {
		t.Fatalf("CALL: got %+v, %v", h, err)
	}
	call, err := parseCall(documented[4+n : 4+size])
	if err != nil || call.timeout != 30*time.Second || string(call.method) != "add" || call.meta != nil || string(call.args) != "\x82\x03\x05" {
		t.Errorf("CALL: got %+v, %v", call, err)
	}
}

// The frames of a long message, as docs/wire-native.md counts their bytes.
func TestDocumentedSplit(t *testing.T) {
	lines := wireBlock(t, fmt.Sprintf("CALL MORE 7 | 1048611 | %d bytes of message", chunkSize))
	if want := fmt.Sprintf("CALL MORE 7 | %d bytes", chunkSize); !slices.Contains(lines, want) {
		t.Errorf("got %q; want a line %q", lines, want)
	}
}
