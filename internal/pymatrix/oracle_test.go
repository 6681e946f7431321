package pymatrix

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"runtime/metrics"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-rpc/parley/internal/peertest"
	"github.com/parley-rpc/parley/rpc/native/pickle"
	"github.com/parley-rpc/parley/rpc/value"
)

// oracle is a CPython that reads pickles beside this module, see
// testdata/oracle.py. It belongs to one goroutine.
type oracle struct {
	t      *keeper
	python string
	script string
	child  *peertest.Process // nil before the first question, and after it has died
	asked  int
	agreed int
}

func newOracle(t testing.TB) *oracle {
	t.Helper()
	script, err := os.ReadFile("testdata/oracle.py")
	if err != nil {
		t.Fatal(err)
	}
	k := &keeper{dir: t.TempDir()}
	t.Cleanup(k.end)
	return &oracle{t: k, python: peertest.PythonOfProtocol5(t), script: string(script)}
}

// keeper is what children belong to that are started within a fuzz target, where
// the target's own testing.F may not be used.
type keeper struct {
	testing.TB
	dir      string
	cleanups []func()
}

func (k *keeper) Helper()                {}
func (k *keeper) Failed() bool           { return false }
func (k *keeper) Fatal(args ...any)      { panic(fmt.Sprint(args...)) }
func (k *keeper) Cleanup(cleanup func()) { k.cleanups = append(k.cleanups, cleanup) }
func (k *keeper) Fatalf(format string, args ...any) {
	panic(fmt.Sprintf(format, args...))
}

func (k *keeper) TempDir() string {
	dir, err := os.MkdirTemp(k.dir, "")
	if err != nil {
		panic(err)
	}
	return dir
}

func (k *keeper) end() {
	for _, cleanup := range slices.Backward(k.cleanups) {
		cleanup()
	}
}

// askTime is how long the child may take for one message. It is killed then: a
// message that makes CPython hang is no defect of this module.
const askTime = 5 * time.Second

// ask holds what Decode made of data against what CPython makes of it.
func (o *oracle) ask(data, again []byte, count int) string {
	if o.child == nil {
		o.child = peertest.StartPython(o.t, o.python, o.script)
	}
	o.asked++
	ctx, cancel := context.WithTimeout(context.Background(), askTime)
	defer cancel()
	_, err := fmt.Fprintf(o.child.Stdin, "-%x -%x %d\n", data, again, count)
	var answer string
	if err == nil {
		answer, err = o.child.ReadLine(ctx)
	}
	if err != nil { // it ran out of memory or time
		o.child.Kill()
		o.child = nil
		return "skip the oracle died: " + err.Error()
	}
	return answer
}

// maxTaken bounds what is allocated in all for one message.
const maxTaken = 150 << 20

// A difference is one that is meant: a message of which CPython says the answer,
// and that holds one of the opcodes or names.
type difference struct {
	answer *regexp.Regexp
	within *regexp.Regexp // nil: any message
	why    string
}

// check decodes data, and if that works, asks CPython.
func (o *oracle) check(t testing.TB, data []byte) {
	t.Helper()
	before := allocated()
	v, _, err := pickle.Decode(data, pickle.Options{})
	if taken := allocated() - before; taken > maxTaken {
		t.Errorf("%q: took %d MiB of memory; want at most %d", data, taken>>20, maxTaken>>20)
	}
	if err != nil {
		return
	}
	protocol := 3 + len(data)%3 // 2 has no zones, and another name for some exceptions
	again, err := pickle.Append(nil, v, pickle.EncodeOptions{Protocol: protocol})
	if err != nil {
		if strings.Contains(err.Error(), "year") {
			return // the first or last day, moved by an offset
		}
		t.Fatalf("%q: %T %v cannot be sent again: %v", data, v, v, err)
	}
	answer := o.ask(data, again, countValues(v))
	if answer == "same" {
		o.agreed++
		return
	}
	for _, d := range meantDifferences {
		if d.answer.MatchString(answer) && (d.within == nil || d.within.Match(data)) {
			return
		}
	}
	t.Errorf("%q\nread here as %T %v\nsent on as %q\nCPython: %s", data, v, v, again, answer)
}

// allocated is the memory in bytes that this process has allocated since it began.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// countValues counts the values of a tree as oracle.py does.
func countValues(v any) int {
	n := 1
	each := func(items []any) {
		for _, item := range items {
			n += countValues(item)
		}
	}
	switch v := v.(type) {
	case []any:
		each(v)
	case value.Tuple:
		each(v)
	case value.Set:
		each(v.Items)
	case *pickle.Exception:
		each(v.Args)
	case map[string]any:
		for _, item := range v {
			n += 1 + countValues(item)
		}
	case value.Map:
		for _, p := range v {
			n += countValues(p.Key) + countValues(p.Value)
		}
	}
	return n
}

// A hanging or dying child is replaced, and is no answer.
func TestLiveOracleSurvivesItself(t *testing.T) {
	o := newOracle(t)
	one := []byte("K\x01.")
	if got := o.ask(one, one, 1); got != "same" {
		t.Fatalf("1 and 1: got %q; want same", got)
	}
	o.child.Kill()
	if got := o.ask(one, one, 1); !strings.HasPrefix(got, "skip the oracle died") {
		t.Errorf("after its end: got %q; want to be told", got)
	}
	if got := o.ask(one, one, 1); got != "same" {
		t.Errorf("afterwards: got %q; want same", got)
	}
}

// The oracle tells values apart, and runs nothing.
func TestLiveOracleTellsApart(t *testing.T) {
	o := newOracle(t)
	for _, test := range []struct {
		a, b  string
		count int
		want  string
	}{
		{"K\x01.", "K\x02.", 1, "differs i1 i2"},
		{"K\x01.", "G\x3f\xf0\x00\x00\x00\x00\x00\x00.", 1, "differs"},
		{"K\x01.", "\x88.", 1, "differs i1 True"},
		{"]K\x01a.", "K\x01\x85.", 2, "differs"},
		{"]K\x01a.", "]K\x01a.", 3, "differs"},
		{"Vab\n.", "C\x02ab.", 1, "differs"},
		{"G\x80\x00\x00\x00\x00\x00\x00\x00.", "G\x00\x00\x00\x00\x00\x00\x00\x00.", 1, "differs"},
		{"G\x7f\xf8\x00\x00\x00\x00\x00\x00.", "G\xff\xf8\x00\x00\x00\x00\x00\x01.", 1, "same"},
		{"(K\x01K\x02K\x03K\x04d.", "(K\x03K\x04K\x01K\x02d.", 5, "same"},
		{"cos\nsystem\n(S'exit 3'\ntR.", "N.", 1, "refused Refused: name os.system"},
		{"cbuiltins\nint\n.", "N.", 1, "refused"},
		{"cbuiltins\neval\n.", "N.", 1, "refused"},
		{"N", "N.", 1, "refused"},
		{"N.", "N", 1, "differs"},
	} {
		if got := o.ask([]byte(test.a), []byte(test.b), test.count); !strings.HasPrefix(got, test.want) {
			t.Errorf("%q and %q: got %q; want %s", test.a, test.b, got, test.want)
		}
	}
}

var errNoSeeds = errors.New("no seeds from the script")

// seeds are pickles of the values of the matrix, in all protocols of python3.
func seeds(t testing.TB) [][]byte {
	t.Helper()
	out := peertest.RunPython(t, context.Background(), peertest.PythonOfProtocol5(t), seedScript(t))
	var all [][]byte
	for line := range strings.Lines(out) {
		var data []byte
		if _, err := fmt.Sscanf(line, "%x", &data); err != nil {
			t.Fatalf("got line %.100q of the script: %v", line, err)
		}
		all = append(all, bytes.Clone(data))
	}
	if len(all) < 80 {
		t.Fatal(errNoSeeds)
	}
	return all
}
