package pickle

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/parley-rpc/parley/internal/peertest"
)

// shells are messages that make Python's own reader run a command.
func shells(command string) map[string]string {
	short := func(s string) string { return string([]byte{opShortBinUnicode, byte(len(s))}) + s }
	quoted := fmt.Sprintf("%q", command) // the command holds nothing that Python escapes otherwise
	return map[string]string{
		"REDUCE, protocol 0":   "cos\nsystem\n(S" + quoted + "\ntR.",
		"REDUCE, posix":        "cposix\nsystem\n(S" + quoted + "\ntR.",
		"REDUCE, protocol 4":   "\x80\x04" + short("os") + short("system") + "\x93" + short(command) + "\x85R.",
		"within a list":        "](K\x01cos\nsystem\n(S" + quoted + "\ntRe.",
		"INST":                 "(S" + quoted + "\nios\nsystem\n.",
		"OBJ":                  "(cos\nsystem\nS" + quoted + "\no.",
		"result thrown away":   "cos\nsystem\n(S" + quoted + "\ntR0N.",
		"eval":                 "c__builtin__\neval\n(S'__import__(\"os\").system(" + strings.ReplaceAll(quoted, `"`, `\'`) + ")'\ntR.",
		"getattr of a module":  "cbuiltins\ngetattr\n(cbuiltins\n__import__\n(S'os'\ntRS'system'\ntR(S" + quoted + "\ntR.",
		"dotted name":          "\x80\x04" + short("builtins") + short("__import__") + "\x93" + short("os") + "\x85R" + short("os") + short("sys.modules") + "\x930" + short("os") + short("system") + "\x93" + short(command) + "\x85R.",
		"subprocess":           "csubprocess\ngetoutput\n(S" + quoted + "\ntR.",
		"attribute of a class": "\x80\x04" + short("os") + short("path.os.system") + "\x93" + short(command) + "\x85R.",
	}
}

// A message that runs a command in Python is an error here, and runs nothing.
func TestCommandsDoNotRun(t *testing.T) {
	file := filepath.Join(t.TempDir(), "made")
	for name, data := range shells("touch " + file) {
		v, _, err := Decode([]byte(data), Options{})
		var classError *ClassError
		if !errors.As(err, &classError) {
			t.Errorf("%s: got %v, %v; want a ClassError", name, v, err)
		}
		if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
			t.Fatalf("%s: the command ran", name)
		}
	}
}

// The messages of TestCommandsDoNotRun are the real thing.
func TestLiveCommandsRunInPython(t *testing.T) {
	dir := t.TempDir()
	var script strings.Builder
	script.WriteString("import pickle\nfor p in [\n")
	var files []string
	for name, data := range shells("touch " + filepath.Join(dir, "FILE")) {
		file := fmt.Sprintf("m%03d", len(files)) // as long as FILE
		files = append(files, name)
		fmt.Fprintf(&script, "    bytes.fromhex('%x'),\n", strings.ReplaceAll(data, "FILE", file))
	}
	script.WriteString("]:\n    pickle.loads(p)\n")
	peertest.RunPython(t, t.Context(), peertest.Python(t), script.String())
	for i, name := range files {
		if _, err := os.Stat(filepath.Join(dir, fmt.Sprintf("m%03d", i))); err != nil {
			t.Errorf("%s: the message runs nothing in Python either: %v", name, err)
		}
	}
}

// A name alone is refused as well, before anything is done with it.
func TestNamesAreRefused(t *testing.T) {
	for _, data := range []string{"cos\nsystem\n0N.", "\x80\x04\x8c\x02os\x8c\x06system\x930N.", "cbuiltins\neval\n0N.", "cbuiltins\nBaseException.__init__\n0N.", "cuuid\nUUID.__init__\n0N."} {
		var classError *ClassError
		if v, _, err := Decode([]byte(data), Options{}); !errors.As(err, &classError) {
			t.Errorf("%q: got %v, %v; want a ClassError", data, v, err)
		}
	}
}

// limits are messages at a limit, which pass, and one step beyond it.
var limits = []struct {
	name     string
	o        Options
	at, over string
}{
	{"MaxDepth", Options{MaxDepth: 3}, "((((ttt0(((ttt.", "((((tttt."},
	{"MaxElements, in a list", Options{MaxElements: 3}, "(NNl.", "(NNNl."},
	{"MaxElements, in a dict", Options{MaxElements: 3}, "(NNd.", "(NNK\x01Nd."},
	{"MaxElements, shared", Options{MaxElements: 5}, "((Nlq\x00h\x00l.", "((NNlq\x00h\x00l."},
	{"MaxElements, in lists", Options{MaxElements: 6}, "((NNNlNl.", "((NNNlNNl."},
	{"MaxElements, exception", Options{MaxElements: 2}, "cbuiltins\nKeyError\n(NtR.", "cbuiltins\nKeyError\n(NNtR."},
	{"MaxElements, on the stack", Options{MaxElements: 2}, "NNNN.", "NNNNN."},
	{"MaxElements, marks", Options{MaxElements: 2}, "((11N.", "(((111N."},
	{"MaxMemo", Options{MaxMemo: 2}, "Nq\x00q\x01.", "Nq\x00q\x01q\x02."},
	{"MaxMemo, with gaps", Options{MaxMemo: 2}, "Nq\x50q\x60.", "Nq\x50q\x60q\x70."},
	{"MaxIntBits, LONG1", Options{MaxIntBits: 71}, "\x8a\x09\xff\xff\xff\xff\xff\xff\xff\xff\x7f.", "\x8a\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00."},
	{"MaxIntBits, bytes", Options{MaxIntBits: 71}, "\x8a\x09\xff\xff\xff\xff\xff\xff\xff\xff\x7f.", "\x8a\x20\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00."},
	{"MaxIntBits, INT", Options{MaxIntBits: 71}, "I2361183241434822606847\n.", "I2361183241434822606848\n."},
	{"MaxIntBits, digits", Options{MaxIntBits: 71}, "L-2361183241434822606847L\n.", "L" + strings.Repeat("9", 40) + "L\n."},
	{"MaxIntBits, Fraction", Options{MaxIntBits: 71}, "cfractions\nFraction\n(V2361183241434822606847/3\ntR.", "cfractions\nFraction\n(V1/2361183241434822606848\ntR."},
	{"MaxExpanded, text", Options{MaxExpanded: 500}, "(Vabcdefghij\nq\x00h\x00h\x00h\x00l.", "(Vabcdefghij\nq\x00" + strings.Repeat("h\x00", 50) + "l."},
	{"MaxExpanded, bytes", Options{MaxExpanded: 500}, "(C\x0aabcdefghijq\x00h\x00h\x00h\x00l.", "(C\x0aabcdefghijq\x00" + strings.Repeat("h\x00", 50) + "l."},
}

func TestLimits(t *testing.T) {
	for _, test := range limits {
		if _, _, err := Decode([]byte(test.at), test.o); err != nil {
			t.Errorf("%s: at the limit: got error %v; want none", test.name, err)
		}
		if v, _, err := Decode([]byte(test.over), test.o); !errors.Is(err, ErrLimit) {
			t.Errorf("%s: beyond the limit: got %v, %v; want an error that is ErrLimit", test.name, v, err)
		}
	}
}

// Each time zone is read from a file, so there may not be many.
func TestTooManyZones(t *testing.T) {
	if _, err := time.LoadLocation("Europe/Berlin"); err != nil {
		peertest.Missing(t, "a time zone database", "apt-get install tzdata")
	}
	if _, _, err := Decode(zones(), Options{}); !errors.Is(err, ErrLimit) || !strings.Contains(err.Error(), "time zones") {
		t.Errorf("got error %v; want one for time zones that is ErrLimit", err)
	}
}

const messageSize = 16 << 20

var mega = strings.Repeat("x", 1<<20)

// fill repeats unit to the size of the largest message of the native channel.
func fill(head, unit, tail string) []byte {
	return []byte(head + strings.Repeat(unit, messageSize/len(unit)) + tail)
}

func binUnicode(s string) string {
	return string(binary.LittleEndian.AppendUint32([]byte{opBinUnicode}, uint32(len(s)))) + s
}

// bombs are messages that want more than their size allows.
var bombs = []struct {
	name string
	data func() []byte
}{
	{"10 000 lists within each other", func() []byte { return []byte(strings.Repeat("]", 10_000) + strings.Repeat("a", 9_999) + ".") }},
	{"10 000 tuples within each other", func() []byte { return []byte("\x80\x02)" + strings.Repeat("\x85", 10_000) + ".") }},
	{"16 M lists within each other", func() []byte { return fill("", "]", ".") }},
	{"16 M tuples within each other", func() []byte { return fill(")", "\x85", ".") }},
	{"2^100 values by doubling", func() []byte { return doublingTuples(100) }},
	{"2^60 values, not too deep", func() []byte { return doublingTuples(60) }},
	{"16 M marks", func() []byte { return fill("", "(", ".") }},
	{"16 M nils", func() []byte { return fill("", "N", ".") }},
	{"16 M nils in a list", func() []byte { return fill("(", "N", "l.") }},
	{"8 M nils, one by one", func() []byte { return fill("]", "Na", ".") }},
	{"8 M lists in a list", func() []byte { return fill("](", "]", "e.") }},
	{"8 M dict entries with the same key", func() []byte { return fill("}", "NNs", ".") }},
	{"memo of 8 M", func() []byte { return fill("N", "\x94", ".") }},
	{"memo with gaps", func() []byte { return gaps() }},
	{"text of 1 M, 5 M times", func() []byte { return fill(binUnicode(mega)+"q\x00(", "h\x00", "l.") }},
	{"text of 1 M, as a key", func() []byte { return fill(binUnicode(mega)+"q\x00(", "}h\x00Ns", "l.") }},
	{"bytes of 1 M, 5 M times", func() []byte { return fill("B\x00\x00\x10\x00"+mega+"q\x00(", "h\x00", "l.") }},
	{"bytes of 1 M, thrown away", func() []byte { return fill("B\x00\x00\x10\x00"+mega+"q\x00", "h\x000", ".") }},
	{"bytes of 1 M, DUP", func() []byte { return fill("B\x00\x00\x10\x00"+mega, "20", ".") }},
	{"big integer, 5 M times", func() []byte { return fill("\x8b\x00\x02\x00\x00"+mega[:512]+"q\x00(", "h\x00", "l.") }},
	{"bytearray of 1 M, again and again", func() []byte {
		return fill("B\x00\x00\x10\x00"+mega+"\x85q\x00cbuiltins\nbytearray\nq\x01(", "h\x01h\x00R", "l.")
	}},
	{"Latin-1 of 1 M, again and again", func() []byte {
		return fill(binUnicode(mega)+"Vlatin1\n\x86q\x00c_codecs\nencode\nq\x01", "h\x01h\x00R0", ".")
	}},
	{"Decimal of 1 M, again and again", func() []byte {
		return fill(binUnicode(strings.Repeat("1", 1<<20))+"\x85q\x00cdecimal\nDecimal\nq\x01", "h\x01h\x00R0", ".")
	}},
	{"Fraction of 4096 bits, again", func() []byte {
		return fill(strings.Repeat("\x8b\xff\x01\x00\x00"+mega[:511], 2)+"\x86q\x00cfractions\nFraction\nq\x01", "h\x01h\x00R0", ".")
	}},
	{"set of a list, again and again", func() []byte {
		return fill("("+strings.Repeat("N", 100_000)+"l\x85q\x00cbuiltins\nset\nq\x01", "h\x01h\x00R0", ".")
	}},
	{"deque of a list, one more each time", func() []byte {
		return fill("("+strings.Repeat("N", 100_000)+"l\x85q\x00ccollections\ndeque\nq\x01", "h\x01h\x00RNa0", ".")
	}},
	{"Counter of a dict, one more", func() []byte {
		return fill("("+strings.Repeat("NN", 50_000)+"d\x85q\x00ccollections\nCounter\nq\x01", "h\x01h\x00RNNs0", ".")
	}},
	{"OrderedDict of pairs, again", func() []byte {
		return fill("("+strings.Repeat("]NaNa", 10_000)+"l\x85q\x00ccollections\nOrderedDict\nq\x01", "h\x01h\x00R0", ".")
	}},
	{"attributes, again and again", func() []byte { return fill("("+strings.Repeat("NN", 50_000)+"dq\x00cuuid\nUUID\n)\x81", "h\x00b", ".") }},
	{"arguments of an exception, again", func() []byte {
		return fill("("+strings.Repeat("N", 100_000)+"tq\x00cbuiltins\nKeyError\nq\x01", "h\x01h\x00R0", ".")
	}},
	{"frozensets within each other", func() []byte { return frozen(binUnicode(mega[:1_000_000])) }},
	{"large tuple within frozensets", func() []byte { return frozen("(" + manyInts(200_000) + "t") }},
	{"large frozensets within each other", func() []byte { return frozen(manyInts(100_000)) }},
	{"16 M digits, INT", func() []byte { return fill("I", "1", "\n.") }},
	{"16 M digits, LONG", func() []byte { return fill("L", "1", "L\n.") }},
	{"16 M digits, LONG4", func() []byte { return []byte("\x8b\x00\x00\x00\x01" + strings.Repeat("x", messageSize) + ".") }},
	{"16 M digits, FLOAT", func() []byte { return fill("F", "1", "\n.") }},
	{"16 M digits, Fraction", func() []byte { return fill("cfractions\nFraction\n(V", "1", "/1\ntR.") }},
	{"16 M of a class name", func() []byte { return fill("c", "x", "\ny\n.") }},
	{"5 M time zones", func() []byte { return zones() }},
}

// doublingTuples holds 2^n empty tuples in 8 bytes for each n.
func doublingTuples(n byte) []byte {
	b := []byte("\x80\x02)q\x00")
	for i := range n {
		b = append(b, '0', opBinGet, i, opBinGet, i, opTuple2, opBinPut, i+1)
	}
	return append(b, opStop)
}

func gaps() []byte {
	b := []byte("N")
	for i := range uint32(messageSize / 5) {
		b = binary.LittleEndian.AppendUint32(append(b, opLongBinPut), 1<<31+i*7)
	}
	return append(b, opStop)
}

func manyInts(n int) string {
	var b []byte
	for i := range n {
		b = appendInt(b, int64(i))
	}
	return string(b)
}

// frozen nests frozensets, each of which Python would hash.
func frozen(items string) []byte {
	b := []byte("\x80\x04(" + items + "\x91\x94")
	for i := range byte(60) {
		b = append(b, '0', opMark, opBinGet, i, opFrozenSet, opMemoize)
	}
	return append(b, opStop)
}

// zones names more time zones than one message may.
func zones() []byte {
	names := strings.Fields("UTC GMT Europe/Berlin Europe/Paris Europe/London Europe/Rome Europe/Madrid Europe/Vienna Asia/Tokyo Asia/Kolkata")
	for i := range 13 {
		names = append(names, fmt.Sprintf("Etc/GMT+%d", i), fmt.Sprintf("Etc/GMT-%d", i))
	}
	b := []byte("czoneinfo\nZoneInfo._unpickle\nq\x00")
	for i := 0; len(b) < messageSize; i++ {
		b = fmt.Appendf(b, "0h\x00(V%s\nK\x01tR", names[i%len(names)])
	}
	return append(b, opStop)
}

// Peak memory cannot be above what is taken in all, which is what counts here.
const (
	maxTaken = 150 << 20
	maxTime  = 20 * time.Second // far above what any takes, even under -race on a busy machine
)

func TestBombs(t *testing.T) {
	for _, bomb := range bombs {
		name, data := bomb.name, bomb.data()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := time.Now()
		v, _, err := Decode(data, Options{})
		took := time.Since(start)
		runtime.ReadMemStats(&after)
		taken := after.TotalAlloc - before.TotalAlloc
		t.Logf("%-40s %9d bytes: %4d MiB, %8v, %.150v", name, len(data), taken>>20, took.Round(time.Microsecond), err)
		if err == nil {
			t.Errorf("%s: got a value of type %T; want an error", name, v)
		}
		if taken > maxTaken {
			t.Errorf("%s: took %d MiB of memory; want at most %d", name, taken>>20, maxTaken>>20)
		}
		if took > maxTime {
			t.Errorf("%s: took %v; want less than %v", name, took, maxTime)
		}
	}
}

// A length in the message is only a claim.
func TestClaimedLengths(t *testing.T) {
	const claim4, claim8 = "\xff\xff\xff\x7f", "\xff\xff\xff\x7f\x00\x00\x00\x00"
	for _, data := range []string{
		"T" + claim4, "X" + claim4, "X\xff\xff\xff\xff", "\x8b" + claim4, "B" + claim4, "B\xff\xff\xff\xff",
		"\x8d" + claim8, "\x8e" + claim8, "\x96" + claim8, "\x95" + claim8,
		"\x8d\xff\xff\xff\xff\xff\xff\xff\xff", "\x8e\xff\xff\xff\xff\xff\xff\xff\x7f", "\x96\x00\x00\x00\x00\x00\x00\x00\x80",
		"Nr" + claim4 + "r\xff\xff\xff\xff0j" + claim4 + "(", // memo numbers
		"\x8c\xff", "C\xff", "U\xff", "\x8a\xff",
	} {
		for _, tail := range []string{"", "xx."} {
			allocated := testing.AllocsPerRun(1, func() {
				if v, _, err := Decode([]byte(data+tail), Options{}); err == nil {
					t.Errorf("%q: got %v; want an error", data+tail, v)
				}
			})
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			Decode([]byte(data+tail), Options{})
			runtime.ReadMemStats(&after)
			if taken := after.TotalAlloc - before.TotalAlloc; taken > 64<<10 {
				t.Errorf("%q: took %d bytes of memory in %v pieces; want next to nothing", data+tail, taken, allocated)
			}
		}
	}
}

// samples are whole messages of all kinds.
func samples(t testing.TB) [][]byte {
	var list [][]byte
	for _, test := range goldenPickles {
		list = append(list, []byte(test.data))
	}
	for _, v := range peerValues {
		for protocol := 2; protocol <= MaxProtocol; protocol++ {
			data, err := Append(nil, v.want, EncodeOptions{Protocol: protocol})
			if err != nil {
				t.Fatal(err)
			}
			if len(data) < 1000 {
				list = append(list, data)
			}
		}
	}
	return list
}

func TestTruncatedAtEveryByte(t *testing.T) {
	for _, data := range samples(t) {
		for n := range data {
			if v, _, err := Decode(data[:n:n], Options{}); err == nil {
				t.Errorf("%q, of which %q is left: got %v; want an error", data, data[:n], v)
			}
		}
	}
}

// TestEveryByteChanged checks that nothing panics, and that what is read all the
// same is sound.
func TestEveryByteChanged(t *testing.T) {
	for _, data := range samples(t) {
		for i, old := range data {
			for _, b := range []byte{'(', 0xff, old ^ 1} {
				data[i] = b
				checkDecode(t, data)
			}
			data[i] = old
		}
	}
}
