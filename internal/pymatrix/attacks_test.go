package pymatrix

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

// An attack is opcodes that leave one value on the stack, or would: they stand as
// the whole of a message, or as an argument within one.
type attack struct {
	name string
	// code makes the opcodes; command is what they are to run, which leaves a file.
	code func(command string) string
	// runs says that CPython's own reader runs the command.
	runs bool
	// many says that it is large, and not sent in every form.
	many bool
	// stays says that it is a pickle in order, which only holds too much or what is
	// not taken here: its connection goes on.
	stays bool
}

func fixed(s string) func(string) string { return func(string) string { return s } }

func short(s string) string { return string([]byte{0x8c, byte(len(s))}) + s }

func binText(s string) string { return "X" + le(uint64(len(s)), 4) + s }

// name is a class or function by STACK_GLOBAL.
func name(module, name string) string { return short(module) + short(name) + "\x93" }

func times(unit string, size int) string { return strings.Repeat(unit, size/len(unit)) }

// attacks are the whole set.
func attacks() []attack {
	all := []attack{
		// What runs a command in CPython.
		{name: "os.system by GLOBAL", runs: true, code: func(c string) string { return "cos\nsystem\n" + short(c) + "\x85R" }},
		{name: "posix.system by GLOBAL", runs: true, code: func(c string) string { return "cposix\nsystem\n(" + binText(c) + "tR" }},
		{name: "os.system by STACK_GLOBAL", runs: true, code: func(c string) string { return name("os", "system") + short(c) + "\x85R" }},
		{name: "os.system by INST", runs: true, code: func(c string) string { return "(" + short(c) + "ios\nsystem\n" }},
		{name: "os.system by OBJ", runs: true, code: func(c string) string { return "(cos\nsystem\n" + short(c) + "o" }},
		{name: "subprocess.Popen by NEWOBJ and BUILD", code: func(c string) string {
			return name("subprocess", "Popen") + short(c) + "\x85\x81" + "}" + short("args") + short(c) + "sb"
		}},
		{name: "subprocess.Popen by NEWOBJ_EX", code: func(c string) string {
			return name("subprocess", "Popen") + short(c) + "\x85}" + short("shell") + "\x88s\x92"
		}},
		{name: "functools.partial by NEWOBJ_EX, then called", runs: true, code: func(c string) string {
			return name("functools", "partial") + name("os", "system") + short(c) + "\x86}\x92)R"
		}},
		{name: "subprocess.getoutput", runs: true, code: func(c string) string { return name("subprocess", "getoutput") + short(c) + "\x85R" }},
		{name: "thrown away by POP", runs: true, code: func(c string) string { return name("os", "system") + short(c) + "\x85R0N" }},
		{name: "as the key of a dict", runs: true, code: func(c string) string { return "}" + name("os", "system") + short(c) + "\x85RNs" }},
		{name: "as an argument of a set", runs: true, code: func(c string) string {
			return name("builtins", "set") + "](" + name("os", "system") + short(c) + "\x85Re\x85R"
		}},
		{name: "as the factory of a defaultdict", runs: true, code: func(c string) string {
			return name("collections", "defaultdict") + name("functools", "partial") + name("os", "system") + short(c) + "\x86R\x85R" +
				"\x94" + "0" + name("operator", "getitem") + "h\x00N\x86R"
		}},
		{name: "eval", runs: true, code: func(c string) string {
			return name("builtins", "eval") + binText("__import__('os').system('"+c+"')") + "\x85R"
		}},
		{name: "exec", runs: true, code: func(c string) string {
			return name("builtins", "exec") + binText("import os; os.system('"+c+"')") + "\x85R"
		}},
		{name: "__import__ and getattr", runs: true, code: func(c string) string {
			return name("builtins", "getattr") + name("builtins", "__import__") + short("os") + "\x85R" + short("system") + "\x86R" + short(c) + "\x85R"
		}},
		{name: "operator.methodcaller", runs: true, code: func(c string) string {
			return name("operator", "methodcaller") + short("system") + short(c) + "\x86R" + name("builtins", "__import__") + short("os") + "\x85R\x85R"
		}},
		{name: "operator.attrgetter", runs: true, code: func(c string) string {
			return name("operator", "attrgetter") + short("system") + "\x85R" + name("importlib", "import_module") + short("os") + "\x85R\x85R" + short(c) + "\x85R"
		}},
		{name: "functools.reduce", runs: true, code: func(c string) string {
			return name("functools", "reduce") + name("os", "system") + short(c) + "\x85" + "\x86R" + "0" + name("functools", "partial") + name("os", "system") + "\x85R" + short(c) + "\x85R"
		}},
		{name: "a dotted name", runs: true, code: func(c string) string { return name("os", "path.os.system") + short(c) + "\x85R" }},
		{name: "a dotted name below an allowed class", code: func(c string) string {
			return name("collections", "OrderedDict.__init__.__globals__") + short(c) + "\x85R"
		}},
		{name: "getattr of an allowed class", code: func(c string) string {
			return name("builtins", "getattr") + name("zoneinfo", "ZoneInfo") + short("__init_subclass__") + "\x86R" + short(c) + "\x85R"
		}},
		{name: "_reconstructor of Popen", code: func(c string) string {
			return "ccopyreg\n_reconstructor\n" + name("subprocess", "Popen") + name("builtins", "object") + "N\x87R}" + short("args") + short(c) + "sb"
		}},
		{name: "_codecs.encode with a codec that is none of text", code: func(c string) string {
			return name("_codecs", "encode") + short(c) + short("rot13") + "\x86R"
		}},
		{name: "__setstate__ of an exception with a class", code: func(string) string {
			return name("builtins", "ValueError") + ")R}" + short("__class__") + name("os", "_wrap_close") + "sb"
		}},
		{name: "unpickling in unpickling", runs: true, code: func(c string) string {
			inner := name("os", "system") + short(c) + "\x85R."
			return name("pickle", "loads") + "B" + le(uint64(len(inner)), 4) + inner + "\x85R"
		}},

		// What asks the peer for more than the message.
		{name: "EXT1", code: fixed("\x82\x01")},
		{name: "EXT2", code: fixed("\x83\x01\x02")},
		{name: "EXT4", code: fixed("\x84\x01\x02\x03\x04")},
		{name: "persistent id", code: fixed("Pid\n")},
		{name: "binary persistent id", code: fixed(short("id") + "Q")},
		{name: "buffer outside of the message", code: fixed("\x97")},
		{name: "read-only buffer", code: fixed("N\x98")},

		// What takes memory or time.
		{name: "2^100 leaves", stays: true, code: fixed(doubling(")", "\x86", 100))},
		{name: "2^60 leaves in lists", code: fixed(doubling("](K\x01e", "\x86", 60))},
		{name: "hash bomb of frozensets", stays: true, code: fixed("(\x91" + "q\x00" + nestedFrozen(90))},
		{name: "hash bomb of keys", code: fixed("}" + strings.TrimSuffix(doubling(")", "\x86", 60), "") + "Ns")},
		{name: "10 000 lists", stays: true, code: fixed(strings.Repeat("]", 10_000) + strings.Repeat("a", 9_999))},
		{name: "10 000 tuples", stays: true, code: fixed(")" + strings.Repeat("\x85", 10_000))},
		{name: "10 000 sets", stays: true, code: fixed(strings.Repeat("(", 10_000) + strings.Repeat("\x91", 10_000))},
		{name: "10 000 dicts", stays: true, code: fixed(strings.Repeat("}N", 10_000) + "N" + strings.Repeat("s", 10_000))},
		{name: "10 000 calls within arguments", stays: true, code: fixed(strings.Repeat(name("builtins", "ValueError"), 5_000) + ")" + strings.Repeat("R\x85", 5_000))},
		{name: "10 000 states", stays: true, code: fixed(strings.Repeat(name("uuid", "UUID")+")\x81}"+short("int"), 2_000) + "N" + strings.Repeat("sb", 2_000))},
		{name: "itself", stays: true, code: fixed("]q\x00h\x00a")},
		{name: "itself through a tuple", stays: true, code: fixed("]q\x00h\x00\x85a")},
		{name: "LONG1 of 255 bytes, ten thousand times", code: fixed("(" + strings.Repeat("\x8a\xff"+strings.Repeat("x", 255), 10_000) + "l" + "\x97")},
		{name: "LONG4 of 8 M", stays: true, many: true, code: fixed("\x8b" + le(messageSize/2, 4) + strings.Repeat("x", messageSize/2))},
		{name: "LONG of 8 M digits", stays: true, many: true, code: fixed("L" + strings.Repeat("9", messageSize/2) + "L\n")},
		{name: "INT of 8 M digits", stays: true, many: true, code: fixed("I" + strings.Repeat("9", messageSize/2) + "\n")},
		{name: "Fraction of 4 M digits", stays: true, many: true, code: fixed(name("fractions", "Fraction") + binText(strings.Repeat("9", messageSize/4)+"/7") + "\x85R")},
		{name: "Fraction with an exponent", code: fixed(name("fractions", "Fraction") + short("1e999999999") + "\x85R")},
		{name: "range that is to be a list", code: fixed(name("builtins", "list") + name("builtins", "range") + "K\x00" + "\x8a\x05\xff\xff\xff\xff\x7fK\x01\x87R\x85R")},
		{name: "bytes of 2^62", code: fixed(name("builtins", "bytes") + "\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x40\x85R")},
		{name: "bytearray of 2^40", code: fixed(name("builtins", "bytearray") + "\x8a\x06\x00\x00\x00\x00\x00\x01\x85R")},
		{name: "a Decimal that is none", code: fixed(name("decimal", "Decimal") + "(K\x00(K\x01\x85J\xff\xff\xff\x7ft\x85R")},
		{name: "memo number 2^32-1, then 2^31", code: fixed("Nr\xff\xff\xff\xff0j\xff\xff\xff\x7f")},
		{name: "memo text number", code: fixed("Np99999999999999999999\n")},
		{name: "16 M nils", stays: true, many: true, code: fixed("(" + times("N", messageSize) + "l")},
		{name: "5 M lists", stays: true, many: true, code: fixed("](" + times("]", messageSize) + "e")},
		{name: "5 M memo entries", stays: true, many: true, code: fixed("N" + times("\x94", messageSize))},
		{name: "1 M of text, 5 M times", stays: true, many: true, code: fixed(binText(times("x", messageSize>>4)) + "q\x00(" + times("h\x00", messageSize-(messageSize>>3)) + "l")},
		{name: "16 M marks", stays: true, many: true, code: fixed(times("(", messageSize))},
		{name: "end in the middle", code: fixed("(K\x01\x8c\xff")},
		{name: "no opcode", code: fixed("\xff\xfe")},
		{name: "values from below", code: fixed("0000")},
	}
	// Each opcode with a length, with lengths that nothing stands behind.
	for _, length := range []uint64{1<<31 - 1, 1 << 31, 1<<32 - 1, 1 << 62, 1 << 63, 1<<64 - 1} {
		four, eight := le(length, 4), le(length, 8)
		if length < 1<<32 {
			for _, op := range []string{"T", "X", "B", "\x8b"} {
				all = append(all, attack{name: fmt.Sprintf("opcode %q of %d", op, length), code: fixed(op + four)})
			}
		}
		for _, op := range []string{"\x8d", "\x8e", "\x96", "\x95"} {
			all = append(all, attack{name: fmt.Sprintf("opcode %q of %d", op, length), code: fixed(op + eight)})
		}
	}
	return all
}

// doubling holds 2^n of leaf, by the memo.
func doubling(leaf, pair string, n int) string {
	b := []byte(leaf + "q\x00")
	for i := range n {
		b = append(b, '0', 'h', byte(i), 'h', byte(i))
		b = append(b, pair...)
		b = append(b, 'q', byte(i+1))
	}
	return string(b)
}

// nestedFrozen puts what is filed under 0 into n frozensets, each twice in the next.
func nestedFrozen(n int) string {
	var b []byte
	for i := range n {
		b = append(b, '0', '(', 'h', byte(i), 'h', byte(i), 0x85, 0x91, 'q', byte(i+1))
	}
	return string(b)
}

// forms are the messages that an attack can stand in.
var forms = []struct {
	name string
	make func(code string) []byte
}{
	{"alone", func(code string) []byte { return []byte("\x80\x05" + code + ".") }},
	{"as an argument", func(code string) []byte { return []byte("\x80\x05" + short("echo") + code + "\x85\x86.") }},
	{"in the recipe", func(code string) []byte {
		inner := "\x80\x05" + short("echo") + code + "\x85}\x87."
		return []byte("\x80\x05B" + le(uint64(len(inner)), 4) + inner + ".")
	}},
	{"in the recipe of Python 2", func(code string) []byte {
		inner := "(S'echo'\n(" + code + "t(dt."
		return []byte("\x80\x02T" + le(uint64(len(inner)), 4) + inner + ".")
	}},
	{"to a manager", func(code string) []byte { return []byte("\x80\x05(N" + short("create") + code + "\x85}t.") }},
	{"to an object of a manager", func(code string) []byte {
		return []byte("\x80\x05(" + short("1") + short("echo") + code + "\x85}t.")
	}},
}

// xmlAttacks are messages of the other serializer.
var xmlAttacks = map[string]string{
	"entity bomb": `<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "` + strings.Repeat("x", 1000) + `">` + entities(9) +
		`]><methodCall><methodName>echo</methodName><params><param><value><string>&a9;</string></value></param></params></methodCall>`,
	"entity of a file": `<?xml version="1.0"?><!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><methodCall><methodName>echo</methodName>` +
		`<params><param><value><string>&f;</string></value></param></params></methodCall>`,
	"deep nesting": `<params><param>` + strings.Repeat("<value><array><data>", 5000) + strings.Repeat("</data></array></value>", 5000) + `</param></params>`,
	"digits":       `<params><param><value><int>` + strings.Repeat("9", 1<<20) + `</int></value></param></params>`,
	"half":         `<params><param><value><array><data>`,
	"no XML":       `<` + strings.Repeat("<", 5000),
}

// xmlStays are those of which no more is wrong than that they are too much.
var xmlStays = map[string]bool{"deep nesting": true, "digits": true}

func entities(n int) string {
	b := `<!ENTITY a1 "&a;&a;">`
	for i := 2; i <= n; i++ {
		b += fmt.Sprintf(`<!ENTITY a%d "%s">`, i, strings.Repeat(fmt.Sprintf("&a%d;", i-1), 10))
	}
	return b
}

// rawFrames are what comes in the place of a frame, behind a login.
var rawFrames = map[string][]byte{
	"length -2":                        {0xff, 0xff, 0xff, 0xfe},
	"length -2^31":                     {0x80, 0, 0, 0},
	"length 2^31-1":                    {0x7f, 0xff, 0xff, 0xff},
	"length just above the limit":      binary.BigEndian.AppendUint32(nil, 16*(16<<20)+1), // and above what is read over
	"length 2^31 by the long header":   slices.Concat([]byte{0xff, 0xff, 0xff, 0xff}, binary.BigEndian.AppendUint64(nil, 1<<31)),
	"length 2^62 by the long header":   slices.Concat([]byte{0xff, 0xff, 0xff, 0xff}, binary.BigEndian.AppendUint64(nil, 1<<62)),
	"length 2^64-1 by the long header": slices.Concat([]byte{0xff, 0xff, 0xff, 0xff}, binary.BigEndian.AppendUint64(nil, 1<<64-1)),
}
