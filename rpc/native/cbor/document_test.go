package cbor

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/parley-rpc/parley/rpc/value"
)

// docs/wire-cbor.md shows each kind in its bytes, each tag, and the limits.
func TestDocument(t *testing.T) {
	text, err := os.ReadFile("../../../docs/wire-cbor.md")
	if err != nil {
		t.Fatal(err)
	}
	has := func(what string) {
		t.Helper()
		if !strings.Contains(string(text), what) {
			t.Errorf("docs/wire-cbor.md does not have %q", what)
		}
	}
	for _, c := range kindCases {
		has("`" + c.hex + "`")
	}
	for _, tag := range []uint64{
		tagByteArray, tagDecimal, tagFrozenSet, tagRange, tagInstant, tagLocalTime, tagTable, tagTuple,
	} {
		head := appendHead(nil, majorTag, tag)
		has(fmt.Sprintf("| %q %d | `da %x` |", head[1:], tag, head[1:]))
	}
	has(fmt.Sprintf("| containers in one another | %d |", value.DefaultMaxDepth))
	has(fmt.Sprintf("| elements | %d %d |", value.DefaultMaxElements/1000, value.DefaultMaxElements%1000))
	has(fmt.Sprintf("| %d bits |", value.DefaultMaxIntBits))
	has(fmt.Sprintf("up to %d unordered ones", fewKeys+1))
	has(fmt.Sprintf("text of at most %d bytes", maxColumnName))

	// The dump of a table.
	_, dump, _ := strings.Cut(string(text), "has its field names once:\n\n```text\n")
	dump, _, _ = strings.Cut(dump, "```")
	var data []byte
	for line := range strings.Lines(dump) {
		for field := range strings.FieldsSeq(line) {
			if len(field) != 2 {
				break
			}
			data = append(data, unhex(t, field)...)
		}
	}
	list := []product{{1, "tea", 2.5}, {2, "milk", 1}, {3, "bread", 3}}
	if want := mustAppend(t, list); string(data) != string(want) {
		t.Errorf("the dump of a table is\n% x; want\n% x", data, want)
	}
}
