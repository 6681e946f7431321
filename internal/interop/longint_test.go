package interop

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// Some programs send an integer beyond 32 bits, which arrives, and cannot read the
// <i8> as which it is answered. They are run a second time, against a server that
// writes <int>.

// withLongInt returns the row of p with a server that has Values.LongInt as well.
func (p peer) withLongInt() peer {
	own := p.option
	return p.with(option{"Values.LongInt", func(s *xmlrpc.Server) {
		if own != nil {
			own.set(s)
		}
		s.Values.LongInt = true
	}})
}

// longCase is where the case of such an integer stands among all.
var longCase = slices.IndexFunc(cases, func(tc testCase) bool { return tc.name == "i8" })

// losesLong reports whether the program loses such an integer on its way back.
func (c conversation) losesLong() bool {
	x, tc := c.byName[cases[longCase].name], cases[longCase]
	return x != nil && x.arrived != nil && equal(x.arrived.value, tc.want) && c.rec.results[longCase].outcome != "ok"
}

// runLongInt runs the program a second time, if it loses such an integer, and
// returns what it makes of an <int>.
func (p peer) runLongInt(t *testing.T, c conversation, vars []string) string {
	t.Helper()
	if !c.losesLong() {
		return ""
	}
	rec, _ := p.withLongInt().converse(t, vars)
	if !bytes.Contains(rec.replies, []byte("<int>1099511627776</int>")) {
		t.Errorf("%s was not answered by an <int>", p.name)
	}
	return strings.TrimPrefix(rec.results[longCase].String(), "i8\t")
}

var contentLength = regexp.MustCompile(`(Content-Length: )\d+`)

// TestReplayLongInt: the option changes the answer to such an integer, and nothing
// else.
func TestReplayLongInt(t *testing.T) {
	seen := 0
	for _, c := range conversations(t) {
		if c.losesLong() != (c.rec.longInt != "") {
			t.Errorf("%s: the recording with LongInt is %q; to record it anew: make peers-update", c.peer.name, c.rec.longInt)
		}
		if !c.losesLong() {
			continue
		}
		seen++
		before := c.peer.replay(t, c.rec)
		for i, x := range c.peer.withLongInt().replay(t, c.rec) {
			want := strings.NewReplacer("<i8>", "<int>", "</i8>", "</int>").Replace(string(before[i].reply))
			want, got := contentLength.ReplaceAllString(want, "$1"), contentLength.ReplaceAllString(string(x.reply), "$1")
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s, %s (-want +got):\n%s", c.peer.name, x.caseName(), diff)
			}
			if isLong := strings.Contains(got, "<int>1099511627776</int>"); isLong != (x.caseName() == "i8") {
				t.Errorf("%s, %s: got %s", c.peer.name, x.caseName(), got)
			}
		}
	}
	if seen == 0 {
		t.Error("no program loses an integer beyond 32 bits; want some to")
	}
}

// longIntSection says which programs the option helps.
func longIntSection(all []conversation) string {
	var read, not []string
	for _, c := range all {
		name := c.peer.language + " (" + c.peer.library + ")"
		switch c.rec.longInt {
		case "":
		case "ok":
			read = append(read, name)
		default:
			not = append(not, name)
		}
	}
	text := fmt.Sprintf("Of the programs that send the integer of the case i8 so that it arrives, %d do not read the `<i8>` as which it comes back. Of a server that has `Values.LongInt`, and so writes it as `<int>`, %d of them read it: %s.",
		len(read)+len(not), len(read), strings.Join(read, ", "))
	if len(not) > 0 {
		text += " These do not: " + strings.Join(not, ", ") + "."
	}
	return text + " In [the config file](command.md#the-config-file) of `parley serve` it is `long_int`; `Values.Int32Only` is `int32_only`, and `Values.NoNil` is `no_nil`."
}
