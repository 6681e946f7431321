package pickle

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/parley-rpc/parley/internal/peertest"
)

// mutantScript compares pairs of messages. What is known to differ is made
// equal: the str of Python 2, for which Python has to be told an encoding;
// surrogates in pairs; offsets that are no whole minutes.
const mutantScript = `
def normal(v):
    if isinstance(v, bytes):
        return v.decode("utf-8", "surrogateescape")
    if isinstance(v, str):
        return v.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    if isinstance(v, datetime) and v.tzinfo:
        return v.replace(fold=0).astimezone(timezone.utc)
    if isinstance(v, (list, tuple)):
        return type(v)(normal(x) for x in v)
    return v

# What Python refuses for its age: protocol 5 and its opcodes, zones by the second.
newer = []
if sys.version_info < (3, 8):
    newer = ["unsupported pickle protocol", "invalid load key", "whole number of minutes"]

for i, (given, read) in enumerate(pairs):
    try:
        want = pickle.loads(bytes.fromhex(read))
    except AttributeError as e: # an exception that this Python does not have yet
        if "builtins" not in str(e):
            print(i, repr(e))
        continue
    try:
        got = pickle.loads(bytes.fromhex(given), encoding="latin-1") # so that dates of Python 2 can be read
        if not same(got, want):
            got = pickle.loads(bytes.fromhex(given), encoding="utf-8", errors="surrogateescape")
    except MemoryError: # a memo number far above the others
        continue
    except Exception as e:
        if not any(text in str(e) for text in newer):
            print(i, repr(e))
        continue
    if not same(got, want) and not same(normal(got), normal(want)):
        print(i, "%.300r" % (got,), "/", "%.300r" % (want,))
`

// TestLiveMutants changes bytes of messages at random and holds what the reader
// here makes of those it accepts against what Python's makes of them. Python
// sees only messages that were accepted here, which name harmless classes.
func TestLiveMutants(t *testing.T) {
	python := peertest.Python(t)
	random := rand.New(rand.NewPCG(1, 2))
	var pairs strings.Builder
	var mutants []string
	all := samples(t)
	for _, sample := range all {
		if strings.Contains(string(sample), "collections") {
			continue // they come back as plain dicts and lists
		}
		for range 60 {
			data := mutate(random, sample, all)
			v, _, err := Decode(data, Options{})
			if err != nil {
				continue
			}
			again, err := Append(nil, v, EncodeOptions{})
			if err != nil {
				t.Errorf("mutant %q: %T %v cannot be sent again: %v", data, v, v, err)
				continue
			}
			mutants = append(mutants, string(data))
			fmt.Fprintf(&pairs, "    (%q, %q),\n", hex.EncodeToString(data), hex.EncodeToString(again))
		}
	}
	if len(mutants) < 1000 {
		t.Errorf("got %d mutants that were accepted; want enough to tell something", len(mutants))
	}
	functions, _, _ := strings.Cut(fmt.Sprintf(peerScript, ""), "table = [")
	script := functions + "pairs = [\n" + pairs.String() + "]\n" + mutantScript
	for line := range strings.Lines(peertest.RunPython(t, t.Context(), python, script)) {
		var i int
		if _, err := fmt.Sscan(line, &i); err != nil {
			t.Fatalf("got line %q: %v", line, err)
		}
		t.Errorf("mutant %q: in Python / here: %s", mutants[i], line)
	}
}

func mutate(random *rand.Rand, sample []byte, all [][]byte) []byte {
	data := slices.Clone(sample)
	for range 1 + random.IntN(3) {
		at := random.IntN(len(data))
		switch random.IntN(4) {
		case 0: // a part of another message
			other := all[random.IntN(len(all))]
			from := random.IntN(len(other))
			data = slices.Insert(data, at, other[from:min(len(other), from+1+random.IntN(8))]...)
		case 1:
			data = slices.Delete(data, at, min(len(data), at+1+random.IntN(4)))
		case 2:
			data[at] = byte(random.IntN(256))
		case 3:
			data[at] ^= 1 << random.IntN(8)
		}
		if len(data) == 0 {
			data = []byte("N.")
		}
	}
	return data
}
