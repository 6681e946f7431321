package pickle

import (
	"math"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-rpc/parley/rpc/value"
)

// goldenPickles hold every opcode that is read. Most were written by hand after
// the text of Lib/pickletools.py; whole messages of Python are in peer_test.go.
var goldenPickles = []struct {
	name     string
	data     string
	want     any
	protocol int
}{
	{"None", "N.", nil, 0},
	{"INT", "I-42\n.", int64(-42), 0},
	{"INT booleans", "(I01\nI00\nl.", []any{true, false}, 0},
	{"INT of many digits", "I123456789012345678901234567890\n.", bigFrom("123456789012345678901234567890"), 0},
	{"LONG", "(L5L\nL-5\nL123456789012345678901234567890L\nl.", []any{int64(5), int64(-5), bigFrom("123456789012345678901234567890")}, 0},
	{"BININT", "(J\xff\xff\xff\xffJ\x01\x02\x03\x04l.", []any{int64(-1), int64(0x04030201)}, 0},
	{"BININT1 and 2", "(K\xffM\x01\xffl.", []any{int64(255), int64(0xff01)}, 0},
	{"LONG1", "\x80\x02(\x8a\x00\x8a\x01\xff\x8a\x02\xff\x00\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x80\x00\x8a\x09\xff\xff\xff\xff\xff\xff\xff\x7f\xffl.", []any{int64(0), int64(-1), int64(255), bigFrom("0x8000000000000000"), bigFrom("-0x8000000000000001")}, 2},
	{"LONG1 longer than needed", "\x80\x02\x8a\x0a\x05\x00\x00\x00\x00\x00\x00\x00\x00\x00.", int64(5), 2},
	{"LONG4", "\x80\x02\x8b\x02\x00\x00\x00\x00\x80.", int64(-32768), 2},
	{"FLOAT", "(F1.5\nF-inf\nFnan\nFinf\nF-0.0\nl.", []any{1.5, math.Inf(-1), math.NaN(), math.Inf(1), math.Copysign(0, -1)}, 0},
	{"BINFLOAT", "G?\xf8\x00\x00\x00\x00\x00\x00.", 1.5, 0},
	{"STRING", `(S'a\n\'\\\x41"'` + "\n" + `S"it's"` + "\nS''\nl.", []any{"a\n'\\A\"", "it's", ""}, 0},
	{"STRING that is binary", `S'\xff\x00'` + "\n.", []byte{0xff, 0}, 0},
	{"BINSTRING", "(T\x02\x00\x00\x00\xc3\xa9U\x01\xe9U\x00l.", []any{"é", []byte{0xe9}, ""}, 0},
	{"UNICODE", "(Vcaf\xe9\nV\\u20ac\\U0001f600\\ud83d\\ude00\nV\\\\u0041\\x\\\nV\nl.", []any{"café", "€😀😀", `\\u0041\x\`, ""}, 0},
	{"BINUNICODE", "X\x03\x00\x00\x00\xe2\x82\xac.", "€", 0},
	{"SHORT_BINUNICODE and BINUNICODE8", "\x80\x04(\x8c\x01a\x8d\x01\x00\x00\x00\x00\x00\x00\x00bl.", []any{"a", "b"}, 4},
	{"bytes", "\x80\x04(C\x01\xffB\x01\x00\x00\x00\xfe\x8e\x01\x00\x00\x00\x00\x00\x00\x00\xfdC\x00l.", []any{[]byte{0xff}, []byte{0xfe}, []byte{0xfd}, []byte{}}, 4},
	{"BYTEARRAY8", "\x80\x05\x96\x01\x00\x00\x00\x00\x00\x00\x00\xff.", value.ByteArray{0xff}, 5},
	{"booleans", "\x80\x02\x88\x89\x86.", value.Tuple{true, false}, 2},
	{"tuples", "\x80\x02()K\x01\x85K\x01K\x02\x86K\x01K\x02K\x03\x87(K\x01K\x02K\x03K\x04tt.", value.Tuple{value.Tuple{}, value.Tuple{int64(1)}, value.Tuple{int64(1), int64(2)}, value.Tuple{int64(1), int64(2), int64(3)}, value.Tuple{int64(1), int64(2), int64(3), int64(4)}}, 2},
	{"APPEND and APPENDS", "]K\x01a(K\x02K\x03e(e.", []any{int64(1), int64(2), int64(3)}, 0},
	{"DICT, SETITEM and SETITEMS", "(Va\nK\x01dVb\nK\x02s(Vc\nK\x03u.", map[string]any{"a": int64(1), "b": int64(2), "c": int64(3)}, 0},
	{"sets", "\x80\x04(\x8f(K\x01K\x02\x90(K\x03\x91l.", []any{value.Set{Items: []any{int64(1), int64(2)}}, value.Set{Items: []any{int64(3)}, Frozen: true}}, 4},
	{"POP, POP_MARK and DUP", "](K\x01K\x021K\x030(0K\x052\x86a.", []any{value.Tuple{int64(5), int64(5)}}, 0},
	{"memo by text", "(K\x07p0\ng0\nl.", []any{int64(7), int64(7)}, 0},
	{"memo from 1, as Python 2", "(K\x07q\x01h\x01l.", []any{int64(7), int64(7)}, 0},
	{"memo with gaps", "(K\x07q\xffK\x08r\xff\xff\xff\xff0h\xffj\xff\xff\xff\xffl.", []any{int64(7), int64(7), int64(8)}, 0},
	{"memo entry set twice", "(K\x07q\x00K\x08q\x00h\x00l.", []any{int64(7), int64(8), int64(8)}, 0},
	{"MEMOIZE and FRAME", "\x80\x04\x95\x08\x00\x00\x00\x00\x00\x00\x00]\x94(K\x01h\x000e.", []any{int64(1)}, 4},
	{"INST and OBJ", "((Vno\niexceptions\nValueError\n(cexceptions\nKeyError\nK\x01ol.", []any{NewException("ValueError", "no"), &Exception{Class: "KeyError", Args: []any{int64(1)}}}, 0},
	{"GLOBAL that is memoized", "(c__builtin__\nset\np0\n((ltRg0\n((ltRl.", []any{value.Set{Items: []any{}}, value.Set{Items: []any{}}}, 0},
	{"exception with attributes", "cbuiltins\nImportError\n(Vx\ntR}Vname\nVm\nsb.", NewException("ImportError", "x"), 0},
	{"UUID by its text", "cuuid\nUUID\n(V00000000-0000-0000-0000-0000000000ff\ntR.", value.UUID{15: 0xff}, 0},
	{"same key twice: the last value", "}(Va\nK\x01Va\nK\x02u.", map[string]any{"a": int64(2)}, 0},
	{"keys that are equal in Python", "\x80\x02}(K\x01Va\nG?\xf0\x00\x00\x00\x00\x00\x00Vb\n\x88Vc\nu.", value.Map{{Key: int64(1), Value: "c"}}, 2},
	{"set with equal elements", "\x80\x04\x8f(K\x01G?\xf0\x00\x00\x00\x00\x00\x00K\x02\x88\x90.", value.Set{Items: []any{int64(1), int64(2)}}, 4},
	{"empty text in Latin-1", "c_codecs\nencode\n(V\nVlatin1\ntR.", []byte{}, 0},
	{"time of Python 2 with its bytes as str", "cdatetime\ntime\n(S'\\x01\\x02\\x03\\x00\\x00\\x00'\ntR.", Clock{1, 2, 3, 0}, 0},
	{"offset of Python 3.7 with seconds", "cdatetime\ndatetime\n(c_codecs\nencode\n(V\x07\xe8\x01\x02\x03\x04\x05\x00\x00\x00\nVlatin1\ntRcdatetime\ntimezone\n(cdatetime\ntimedelta\n(I-1\nI86399\nI0\ntRtRtR.", time.Date(2024, 1, 2, 3, 4, 5, 0, time.FixedZone("", -1)), 0},
}

func TestDecodeGolden(t *testing.T) {
	for _, test := range goldenPickles {
		got, info, err := Decode([]byte(test.data), Options{})
		if err != nil {
			t.Errorf("%s: got error %v; want none", test.name, err)
			continue
		}
		if diff := cmp.Diff(test.want, got, sameValue); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
		if info.Protocol != test.protocol {
			t.Errorf("%s: got protocol %d; want %d", test.name, info.Protocol, test.protocol)
		}
	}
}

// brokenPickles are refused, with a message that holds want.
var brokenPickles = []struct{ name, data, want string }{
	{"nothing", "", "ends before its STOP"},
	{"no STOP", "N", "ends before its STOP"},
	{"STOP alone", ".", "more values than there are"},
	{"more after STOP", "N.N", "byte 1: expected the end of the message, got 1 more bytes"},
	{"unknown opcode", "N\x00.", "byte 1: expected a pickle opcode, got byte 0x00"},
	{"protocol 6", "\x80\x06N.", "expected protocol 5 or below, got 6"},
	{"POP below the mark", "N(a.", "more values than there are"},
	{"no mark", "]e.", "a mark where there is none"},
	{"APPEND to a dict", "}Na.", "APPEND: expected a list, got dict"},
	{"SETITEM on a list", "]NNs.", "SETITEM: expected a dict, got list"},
	{"ADDITEMS to an int", "K\x01(N\x90.", "ADDITEMS: expected a set, got int"},
	{"SETITEMS of an odd number", "}(Nu.", "got a key without"},
	{"DICT of an odd number", "(Nd.", "got a key without"},
	{"memo entry that is not there", "h\x05.", "memo entry 5 is used before it is set"},
	{"memo entry in a gap", "Nq\x01h\x00.", "memo entry 0 is used before it is set"},
	{"memo number that is none", "Npx\n.", `expected the number of a memo entry, got "x"`},
	{"PERSID", "Pabc\n.", "persistent id"},
	{"BINPERSID", "NQ.", "persistent id"},
	{"EXT1", "\x80\x02\x82\x01.", "extension code"},
	{"EXT4", "\x80\x02\x84\x01\x00\x00\x00.", "extension code"},
	{"NEXT_BUFFER", "\x80\x05\x97.", "buffer outside of the message"},
	{"READONLY_BUFFER", "\x80\x05\x98.", "buffer outside of the message"},
	{"list within itself", "]q\x00h\x00a.", "contains itself"},
	{"tuple within itself", "]q\x00(h\x00ta.", "contains itself"},
	{"dict within itself", "}q\x00Va\nh\x00s.", "contains itself"},
	{"exception within itself", "]q\x00cbuiltins\nKeyError\n(h\x00tRa.", "contains itself"},
	{"key that Python cannot hash", "}]Ns.", "got list"},
	{"key with a list inside", "}(]tNs.", "got tuple"},
	{"element that Python cannot hash", "\x80\x04\x8f(}\x90.", "got map"},
	{"lone surrogate", "X\x03\x00\x00\x00\xed\xa0\x80.", "lone surrogate"},
	{"lone surrogate by escape", "V\\ud800x\n.", "lone surrogate"},
	{"text that is no UTF-8", "X\x01\x00\x00\x00\xff.", "expected a str in UTF-8"},
	{"escape without digits", "V\\u12\n.", "hexadecimal digits"},
	{"character beyond Unicode", "V\\U00110000\n.", "beyond U+10FFFF"},
	{"STRING without quotes", "Sabc\n.", "in quotes"},
	{"STRING with a quote that is open", "S'\n.", "in quotes"},
	{"STRING that ends in a backslash", `S'\'` + "\n.", "backslash before the closing quote"},
	{"STRING with half an escape", `S'\x4'` + "\n.", "escape"},
	{"INT that is none", "Iabc\n.", `expected an integer, got "abc"`},
	{"INT in hexadecimal", "I0x10\n.", "expected an integer"},
	{"INT in octal", "I010\n.", "expected an integer"},
	{"INT in octal, below zero", "I-010\n.", "expected an integer"},
	{"LONG of many digits that begin with 0", "L0123456789012345678901234567890L\n.", "expected an integer"},
	{"FLOAT out of range", "F1e999\n.", "expected a decimal number"},
	{"INT with an underscore", "I1_0\n.", "expected an integer"},
	{"FLOAT that is none", "Fabc\n.", "expected a decimal number"},
	{"FLOAT in hexadecimal", "F0x1p3\n.", "expected a decimal number"},
	{"negative length", "T\xff\xff\xff\xff.", "expected a length, got -1"},
	{"REDUCE of a text", "Va\n(tR.", "expected a class to call, got string"},
	{"REDUCE with a list", "cbuiltins\nset\n]R.", "expected a tuple of arguments, got list"},
	{"class as a value", "cbuiltins\nint\n.", "class builtins.int is not plain data"},
	{"class that is not to be called", "cbuiltins\nint\n(VI1\ntR.", "class builtins.int is not plain data"},
	{"zone as a value", "cdatetime\ntimezone\n(cdatetime\ntimedelta\n(K\x00K\x00K\x00tRtR.", "class datetime.timezone is not plain data"},
	{"getattr of something else", "cbuiltins\ngetattr\n(cbuiltins\nset\nV__class__\ntR.", "class builtins.getattr is not plain data"},
	{"NEWOBJ of something else", "\x80\x02cbuiltins\nset\n)\x81.", "class builtins.set is not plain data"},
	{"_reconstructor of something else", "ccopy_reg\n_reconstructor\n(cbuiltins\nlist\ncbuiltins\nobject\nNtR.", "class builtins.list is not plain data"},
	{"_reconstructor on another base", "ccopy_reg\n_reconstructor\n(cuuid\nUUID\ncbuiltins\ndict\n}tR.", "class uuid.UUID is not plain data"},
	{"NEWOBJ_EX", "\x80\x04cuuid\nUUID\n)}\x92.", "class uuid.UUID is not plain data"},
	{"BUILD of a list", "]}b.", "BUILD: expected an object to fill, got list"},
	{"BUILD with a number", "cbuiltins\nKeyError\n(tRK\x01b.", "BUILD: expected a dict of attributes, got int"},
	{"exception with slots", "cbuiltins\nImportError\n(Vx\ntRN}\x86b.", "BUILD: expected a dict of attributes, got tuple"},
	{"UUID without its number", "\x80\x02cuuid\nUUID\n)\x81.", "expected an attribute int"},
	{"UUID below 0", "\x80\x02cuuid\nUUID\n)\x81}Vint\nI-1\nsb.", "expected 128 bits"},
	{"UUID above 128 bits", "\x80\x02cuuid\nUUID\n)\x81}Vint\n\x8a\x11\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01sb.", "expected 128 bits"},
	{"UUID by bad text", "cuuid\nUUID\n(V0000\ntR.", "32 hexadecimal digits"},
	{"datetime of 9 bytes", "\x80\x03cdatetime\ndatetime\nC\x09\x07\xe8\x01\x02\x00\x00\x00\x00\x00\x85R.", "expected 10 bytes"},
	{"datetime on February 30", "\x80\x03cdatetime\ndatetime\nC\x0a\x07\xe8\x02\x1e\x00\x00\x00\x00\x00\x00\x85R.", "out of range"},
	{"datetime at 24:00", "\x80\x03cdatetime\ndatetime\nC\x0a\x07\xe8\x02\x01\x18\x00\x00\x00\x00\x00\x85R.", "out of range"},
	{"datetime in the year 0", "\x80\x03cdatetime\ndatetime\nC\x0a\x00\x00\x02\x01\x00\x00\x00\x00\x00\x00\x85R.", "out of range"},
	{"datetime in zone 5", "\x80\x03cdatetime\ndatetime\nC\x0a\x07\xe8\x02\x01\x00\x00\x00\x00\x00\x00K\x05\x86R.", "expected a timezone as argument 2, got int"},
	{"timezone a day away", "cdatetime\ntimezone\n(cdatetime\ntimedelta\n(I-1\nK\x00K\x00tRtR.", "less than a day"},
	{"timedelta out of range", "cdatetime\ntimedelta\n(K\x00J\x80\x51\x01\x00K\x00tR.", "out of range"},
	{"date of text", "cdatetime\ndate\n(V2024-01-01\ntR.", "expected 4 bytes"},
	{"ZoneInfo out of its directory", "czoneinfo\nZoneInfo._unpickle\n(V../../etc/passwd\nK\x01tR.", "is not known on this machine"},
	{"Decimal that is none", "cdecimal\nDecimal\n(V1.5.5\ntR.", "expected a decimal number"},
	{"Fraction over 0", "cfractions\nFraction\n(K\x01K\x00tR.", "denominator other than 0"},
	{"Fraction of floats", "cfractions\nFraction\n(F1.5\nK\x02tR.", "expected integers, got float and int"},
	{"bytes beyond Latin-1", "c_codecs\nencode\n(V\\u0100\nVlatin1\ntR.", "got U+0100"},
	{"bytes in another encoding", "c_codecs\nencode\n(Vabc\nVrot13\ntR.", `got encoding "rot13"`},
	{"complex of ints", "cbuiltins\ncomplex\n(K\x01K\x01tR.", "expected a float as argument 1, got int"},
	{"range of one", "cbuiltins\nrange\n(K\x01tR.", "number of arguments: expected 3, got 1"},
	{"range with step 0", "cbuiltins\nrange\n(K\x01K\x02K\x00tR.", "a step other than 0"},
	{"set of a number", "cbuiltins\nset\n(K\x01tR.", "expected a list as argument 1, got int"},
	{"deque of three", "ccollections\ndeque\n(]K\x01K\x01tR.", "expected at most 2, got 3"},
	{"Counter of a list", "ccollections\nCounter\n(]tR.", "expected a dict as argument 1, got list"},
	{"OrderedDict of numbers", "ccollections\nOrderedDict\n((lp0\nK\x01atR.", "expected pairs, got int"},
	{"bytearray of a list", "cbuiltins\nbytearray\n(]tR.", "expected bytes as argument 1, got list"},
	{"UnicodeDecodeError without its arguments", "cexceptions\nUnicodeDecodeError\n(Vutf-8\nVx\nK\x00K\x01tR.", "class builtins.UnicodeDecodeError: expected the arguments"},
	{"ExceptionGroup of numbers", "cbuiltins\nExceptionGroup\n(Vx\n(K\x01ltR.", "class builtins.ExceptionGroup: expected the arguments"},
	{"SyntaxError at a number", "cexceptions\nSyntaxError\n(Vx\nK\x01tR.", "class builtins.SyntaxError: expected the arguments"},
	{"STACK_GLOBAL of numbers", "\x80\x04K\x01K\x02\x93.", "expected two str, got int and int"},
	{"OBJ of nothing", "(o.", "expected a class after its mark"},
}

func TestDecodeRefuses(t *testing.T) {
	for _, test := range brokenPickles {
		v, _, err := Decode([]byte(test.data), Options{})
		if err == nil {
			t.Errorf("%s: got %v; want an error with %q", test.name, v, test.want)
		} else if !strings.HasPrefix(err.Error(), "pickle: ") || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got error %q; want one with %q", test.name, err, test.want)
		}
	}
}

// What is decoded belongs to the caller: no part of it is another part as well,
// nor a part of the message.
func TestDecodeSharesNoMemory(t *testing.T) {
	for _, test := range []struct{ name, data string }{
		{"list twice", "\x80\x03]q\x00(]q\x01(C\x01aeh\x01e."},
		{"tuple with bytes twice", "\x80\x03]((C\x01atq\x01h\x01e."},
		{"bytes twice", "\x80\x03](C\x01aq\x01h\x01e."},
		{"list within a tuple twice", "\x80\x03](]C\x01aa\x85q\x01h\x01e."},
		{"bytearray of the same bytes", "\x80\x03](C\x01aq\x01cbuiltins\nbytearray\nh\x01\x85Re."},
		{"arguments that are also a value", "\x80\x03](]q\x01C\x01aa\x85q\x02cbuiltins\nKeyError\nh\x02Re."},
		{"bytearray twice", "\x80\x05](\x96\x01\x00\x00\x00\x00\x00\x00\x00aq\x01h\x01e."},
		{"big integer twice", "\x80\x02](\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00\x01q\x01h\x01e."},
		{"fraction twice", "\x80\x02](cfractions\nFraction\nK\x01K\x03\x86Rq\x01h\x01e."},
		{"attributes of an object, also a value", "\x80\x03](cuuid\nUUID\n)\x81}q\x01(X\x03\x00\x00\x00intK\x01X\x01\x00\x00\x00a](C\x01aeubh\x01e."},
		{"pairs of an OrderedDict, also values", "\x80\x03](](](K\x01](C\x01aeeq\x01eq\x02ccollections\nOrderedDict\nh\x02\x85Rh\x01e."},
		{"set state twice", "\x80\x03](cbuiltins\nKeyError\n)Rq\x01h\x01e."},
	} {
		data := []byte(test.data)
		v, _, err := Decode(data, Options{})
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		checkAlone(t, test.name, v)
		before, err := Append(nil, v, EncodeOptions{})
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		for i := range data {
			data[i] = 'x'
		}
		if after, _ := Append(nil, v, EncodeOptions{}); string(after) != string(before) {
			t.Errorf("%s: the value changed with the message", test.name)
		}
	}
}

// checkAlone fails the test if two parts of v share memory that can change.
func checkAlone(t testing.TB, name string, v any) {
	t.Helper()
	seen := map[any]bool{}
	var walk func(v any)
	once := func(at any) {
		if seen[at] {
			t.Errorf("%s: two parts of %v are the same memory", name, v)
		}
		seen[at] = true
	}
	items := func(list []any) {
		if len(list) > 0 {
			once(&list[0])
		}
		for _, item := range list {
			walk(item)
		}
	}
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			items(v)
		case value.Tuple:
			items(v)
		case value.Set:
			items(v.Items)
		case value.Map:
			for i := range v {
				once(&v[i])
				walk(v[i].Key)
				walk(v[i].Value)
			}
		case map[string]any:
			for _, item := range v {
				walk(item)
			}
		case *Exception:
			once(v)
			items(v.Args)
		case []byte:
			if len(v) > 0 {
				once(&v[0])
			}
		case value.ByteArray:
			if len(v) > 0 {
				once(&v[0])
			}
		case *big.Int, *big.Rat:
			once(v)
		}
	}
	walk(v)
}

// Keys that are equal in Python are one key. Each of these is given twice, in
// forms that differ where there are several.
func TestEqualKeys(t *testing.T) {
	const date = "cdatetime\ndatetime\nC\x0a\x07\xe8\x01\x02"
	const zone = "cdatetime\ntimezone\ncdatetime\ntimedelta\n"
	for _, test := range []struct{ name, one, other string }{
		{"None", "N", "N"},
		{"1", "K\x01", "\x88"},
		{"0", "\x89", "G\x00\x00\x00\x00\x00\x00\x00\x00"},
		{"1.5", "F1.5\n", "G?\xf8\x00\x00\x00\x00\x00\x00"},
		{"big integer", "L123456789012345678901234567890L\n", "I123456789012345678901234567890\n"},
		{"bytes", "C\x01\xff", "U\x01\xff"},
		{"tuple", "K\x01Va\n\x86", "(\x88\x8c\x01at"},
		{"frozenset", "(K\x01K\x02\x91", "(K\x02\x88\x91"},
		{"instant", date + "\x0c\x00\x00\x00\x00\x00" + zone + "K\x00K\x00K\x00\x87R\x85R\x86R", date + "\x0d\x00\x00\x00\x00\x00" + zone + "K\x00M\x10\x0eK\x00\x87R\x85R\x86R"},
		{"Decimal", "cdecimal\nDecimal\nV1.5\n\x85R", "cdecimal\nDecimal\n\x8c\x031.5\x85R"},
	} {
		data := "\x80\x04}(" + test.one + "Va\n" + test.other + "Vb\nu."
		v, _, err := Decode([]byte(data), Options{})
		if m, ok := v.(value.Map); !ok || len(m) != 1 || m[0].Value != "b" {
			t.Errorf("%s: got %v, %v; want one entry with the value b", test.name, v, err)
		}
		data = "\x80\x04\x8f(" + test.one + test.other + "\x90."
		v, _, err = Decode([]byte(data), Options{})
		if s, ok := v.(value.Set); !ok || len(s.Items) != 1 {
			t.Errorf("%s in a set: got %v, %v; want one element", test.name, v, err)
		}
	}
	for _, test := range []struct{ name, one, other string }{
		{"text and bytes", "Va\n", "C\x01a"},
		{"tuples", "K\x01\x85", "K\x01K\x01\x86"},
		{"tuple and frozenset", "K\x01\x85", "(K\x01\x91"},
		{"exceptions", "cbuiltins\nKeyError\n)R", "cbuiltins\nKeyError\n)R"},
		{"text of a number", "V1\n", "K\x01"},
	} {
		v, _, err := Decode([]byte("\x80\x04\x8f("+test.one+test.other+"\x90."), Options{})
		if s, ok := v.(value.Set); !ok || len(s.Items) != 2 {
			t.Errorf("%s: got %v, %v; want two elements", test.name, v, err)
		}
	}
}

func TestDecodeOptions(t *testing.T) {
	for _, o := range []Options{{MaxDepth: -1}, {MaxElements: -1}, {MaxMemo: -1}, {MaxIntBits: -1}, {MaxExpanded: -1}} {
		if _, _, err := Decode([]byte("N."), o); err == nil {
			t.Errorf("Options %+v: got no error; want one", o)
		}
	}
}
