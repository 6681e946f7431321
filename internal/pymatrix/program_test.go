package pymatrix

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
)

// A programmer writes pickles opcode by opcode, as choices tell it: programs that
// CPython mostly takes, in all the ways in which one value can be written, with
// some mistakes among them. Choices are the bytes that a fuzzer mutates; when they
// are used up, each choice is the first, so that a program ends.
type programmer struct {
	choices []byte
	out     []byte
	memo    []bool // what was filed: whether it can be a key
	wild    bool   // mistakes are made
}

// program returns what choices say.
func program(choices []byte) []byte {
	p := &programmer{choices: choices}
	p.wild = p.pick(4) == 3
	if n := p.pick(8); n < 6 {
		p.op("\x80" + string(rune(n)))
	}
	p.value(0)
	return append(p.out, '.')
}

func (p *programmer) pick(n int) int {
	if len(p.choices) == 0 {
		return 0
	}
	c := int(p.choices[0])
	p.choices = p.choices[1:]
	return c % n
}

func (p *programmer) op(s string) { p.out = append(p.out, s...) }

func choose[T any](p *programmer, of []T) T { return of[p.pick(len(of))] }

// le writes n little-endian in size bytes.
func le(n uint64, size int) string {
	return string(binary.LittleEndian.AppendUint64(nil, n)[:size])
}

const deepest = 6

// value writes opcodes that leave one value more on the stack.
func (p *programmer) value(depth int) {
	if p.wild && p.pick(32) == 31 {
		p.mistake()
	}
	if depth >= deepest {
		p.atom()
		return
	}
	switch p.pick(16) {
	case 0, 1, 2, 3:
		p.atom()
	case 4, 5:
		p.list(depth)
	case 6:
		p.tuple(depth, func() { p.value(depth + 1) })
	case 7, 8:
		p.dict(depth)
	case 9:
		p.set(depth)
	case 10, 11, 12:
		p.construct(depth)
	case 13:
		p.filed(depth, false)
	case 14:
		p.value(depth + 1)
		if p.pick(2) == 0 {
			p.op("20") // DUP, POP
		} else {
			p.op("(1") // MARK, POP_MARK
		}
	case 15:
		p.key(depth)
	}
}

// key writes a value that can be a key of a dict.
func (p *programmer) key(depth int) {
	switch p.pick(6) {
	case 0, 1, 2:
		p.atom()
	case 3:
		if depth < deepest {
			p.tuple(depth, func() { p.key(depth + 1) })
			return
		}
		p.atom()
	case 4:
		if depth < deepest {
			p.call("builtins", "frozenset", func() {
				p.op("(")
				for range p.pick(3) {
					p.key(depth + 1)
				}
				p.op("l")
			})
			return
		}
		p.atom()
	case 5:
		p.filed(depth, true)
	}
}

// filed uses the memo: files a new value, or takes one out.
func (p *programmer) filed(depth int, key bool) {
	for i, canBeKey := range p.memo {
		if (canBeKey || !key) && p.pick(2) == 1 {
			switch p.pick(3) {
			case 0:
				p.op("h" + string([]byte{byte(i)}))
			case 1:
				p.op("j" + le(uint64(i), 4))
			case 2:
				p.op(fmt.Sprintf("g%d\n", i))
			}
			return
		}
	}
	if key {
		p.key(depth + 1)
	} else {
		p.value(depth + 1)
	}
	if i := len(p.memo); i < 200 {
		switch p.pick(4) {
		case 0:
			p.op("\x94")
		case 1:
			p.op("q" + string([]byte{byte(i)}))
		case 2:
			p.op("r" + le(uint64(i), 4))
		case 3:
			p.op(fmt.Sprintf("p%d\n", i))
		}
		p.memo = append(p.memo, key)
	}
}

var integers = []string{"0", "1", "-1", "00", "01", "127", "128", "255", "256", "-256", "65535", "65536", "2147483647", "2147483648", "-2147483648", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "1267650600228229401496703205376"}

var texts = []string{"", "a", "abc", "latin1", "1", "1/3", "0.5", "hé", "€ 😀", "a\x00b", "x\ny", `\u0041\\`, "args", "int", "NaN", strings.Repeat("y", 300)}

var floats = []float64{0, 1, -1.5, math.Copysign(0, -1), math.Inf(1), math.NaN(), 1e308, 5e-324, 0.1, 1 << 53, 1 << 63, 1e19}

// atom writes a value that holds no others.
func (p *programmer) atom() {
	switch p.pick(12) {
	case 0:
		p.op(choose(p, []string{"N", "\x88", "\x89"}))
	case 1:
		p.op(choose(p, []string{"I", "L"}) + choose(p, integers) + choose(p, []string{"\n", "\n", "\n", "L\n"}))
	case 2:
		p.op("K" + string([]byte{byte(p.pick(256))}))
	case 3:
		p.op("M" + string([]byte{byte(p.pick(256)), byte(p.pick(256))}))
	case 4:
		p.op("J" + string([]byte{byte(p.pick(256)), byte(p.pick(256)), byte(p.pick(256)), byte(p.pick(256))}))
	case 5:
		digits := make([]byte, choose(p, []int{0, 1, 2, 7, 8, 9, 16, 255}))
		for i := range digits {
			digits[i] = byte(p.pick(256))
		}
		if p.pick(2) == 0 {
			p.op("\x8a" + string([]byte{byte(len(digits))}) + string(digits))
		} else {
			p.op("\x8b" + le(uint64(len(digits)), 4) + string(digits))
		}
	case 6:
		f := choose(p, floats)
		if p.pick(2) == 0 {
			p.op("G" + string(binary.BigEndian.AppendUint64(nil, math.Float64bits(f))))
		} else {
			p.op(fmt.Sprintf("F%v\n", f))
		}
	case 7:
		s := choose(p, texts)
		switch p.pick(4) {
		case 0:
			p.op("X" + le(uint64(len(s)), 4) + s)
		case 1:
			p.op("\x8d" + le(uint64(len(s)), 8) + s)
		case 2:
			if len(s) < 256 {
				p.op("\x8c" + string([]byte{byte(len(s))}) + s)
				return
			}
			p.op("\x8d" + le(uint64(len(s)), 8) + s)
		case 3:
			p.op("V" + strings.NewReplacer("\n", `\u000a`, "\x00", `\u0000`).Replace(s) + "\n") // its UTF-8 is read as Latin-1
		}
	case 8:
		s := choose(p, texts)
		switch p.pick(3) {
		case 0:
			p.op("T" + le(uint64(len(s)), 4) + s)
		case 1:
			s = s[:min(len(s), 255)]
			p.op("U" + string([]byte{byte(len(s))}) + s)
		case 2:
			p.op("S'" + strings.NewReplacer(`\`, `\\`, "\n", `\n`, "'", `\'`, "\x00", `\x00`).Replace(s) + "'\n")
		}
	case 9:
		s := choose(p, append(texts, "\xff\xfe\x00", "\x07\xe8\x02\x1d\x0c\x1e\x0f\x03\xd0\x91"))
		switch p.pick(3) {
		case 0:
			p.op("B" + le(uint64(len(s)), 4) + s)
		case 1:
			p.op("\x8e" + le(uint64(len(s)), 8) + s)
		case 2:
			s = s[:min(len(s), 255)]
			p.op("C" + string([]byte{byte(len(s))}) + s)
		}
	case 10:
		s := choose(p, texts)
		p.op("\x96" + le(uint64(len(s)), 8) + s)
	case 11:
		p.op(choose(p, []string{")", "]", "}", "\x8f", "(t", "(l", "(d", "(\x91"}))
	}
}

func (p *programmer) list(depth int) {
	item := func() { p.value(depth + 1) }
	switch p.pick(3) {
	case 0:
		p.op("](")
		p.some(item)
		p.op("e")
	case 1:
		p.op("(")
		p.some(item)
		p.op("l")
	case 2:
		p.op("]")
		for range p.pick(4) {
			item()
			p.op("a")
		}
	}
}

func (p *programmer) some(item func()) {
	for range p.pick(5) {
		item()
	}
}

func (p *programmer) tuple(depth int, item func()) {
	switch n := p.pick(5); n {
	case 1, 2, 3:
		for range n {
			item()
		}
		p.op(string([]byte{byte(0x84 + n)}))
	default:
		p.op("(")
		p.some(item)
		p.op("t")
	}
}

func (p *programmer) dict(depth int) {
	pair := func() {
		p.key(depth + 1)
		p.value(depth + 1)
	}
	switch p.pick(3) {
	case 0:
		p.op("}(")
		p.some(pair)
		p.op("u")
	case 1:
		p.op("(")
		p.some(pair)
		p.op("d")
	case 2:
		p.op("}")
		for range p.pick(4) {
			pair()
			p.op("s")
		}
	}
}

func (p *programmer) set(depth int) {
	item := func() { p.key(depth + 1) }
	switch p.pick(3) {
	case 0:
		p.op("\x8f(")
		p.some(item)
		p.op("\x90")
	case 1:
		p.op("(")
		p.some(item)
		p.op("\x91")
	case 2:
		p.call("builtins", choose(p, []string{"set", "frozenset"}), func() {
			p.op("(")
			p.some(item)
			p.op("l")
		})
	}
}

// class writes a name in one of its forms.
func (p *programmer) class(module, name string) {
	switch p.pick(3) {
	case 0:
		p.op("c" + module + "\n" + name + "\n")
	case 1:
		p.op("\x8c" + string([]byte{byte(len(module))}) + module + "\x8c" + string([]byte{byte(len(name))}) + name + "\x93")
	case 2:
		old := map[string]string{"builtins": "__builtin__", "copyreg": "copy_reg"}
		if m, ok := old[module]; ok {
			module = m
		}
		p.op("c" + module + "\n" + name + "\n")
	}
}

// call writes the call of a class with arguments.
func (p *programmer) call(module, name string, args ...func()) {
	switch p.pick(4) {
	case 0, 1:
		p.class(module, name)
		p.op("(")
		for _, arg := range args {
			arg()
		}
		p.op("tR")
	case 2:
		p.op("(")
		for _, arg := range args {
			arg()
		}
		p.op("i" + module + "\n" + name + "\n")
	case 3:
		p.op("(")
		p.class(module, name)
		for _, arg := range args {
			arg()
		}
		p.op("o")
	}
}

var exceptions = []string{"ValueError", "KeyError", "OSError", "FileNotFoundError", "StopIteration", "SystemExit", "UnicodeDecodeError", "SyntaxError", "ImportError", "AttributeError", "NameError", "ExceptionGroup", "KeyboardInterrupt"}

// construct writes one of the types that are made by a call.
func (p *programmer) construct(depth int) {
	value := func() { p.value(depth + 1) }
	number := func() { p.op("K" + string([]byte{byte(p.pick(60))})) }
	raw := func(n int) func() {
		return func() {
			b := make([]byte, n)
			for i := range b {
				b[i] = byte(p.pick(64))
			}
			p.op("C" + string([]byte{byte(n)}) + string(b))
		}
	}
	text := func(all ...string) func() {
		return func() {
			s := choose(p, all)
			p.op("\x8c" + string([]byte{byte(len(s))}) + s)
		}
	}
	switch p.pick(19) {
	case 0:
		p.call("decimal", "Decimal", text("1", "1.50", "-0", "1E+5", "NaN", "-sNaN5", "Infinity", ".5", "5.", "1e-7", "inf", " 1", "1_0"))
	case 1:
		p.call("fractions", "Fraction", number, func() { p.op("K\x07") })
	case 2:
		p.call("fractions", "Fraction", text("1/3", "5", "-7/2", "0.5", " 1/3", "1/0"))
	case 3:
		p.call("uuid", "UUID", text("12345678-1234-5678-9234-567812345678", "12345678123456789234567812345678", "{12345678-1234-5678-9234-567812345678}", "1-2"))
	case 4:
		p.class("uuid", "UUID")
		p.op(")\x81}\x8c\x03int")
		value()
		p.op("sb")
	case 5:
		p.call("datetime", "date", raw(4))
	case 6:
		p.call("datetime", "time", raw(6))
	case 7:
		p.call("datetime", "datetime", func() {
			if p.pick(2) == 0 {
				raw(10)()
				return
			}
			p.op("C\x0a\x07\xe8" + string([]byte{byte(1 + p.pick(12)), byte(1 + p.pick(28)), byte(p.pick(24)), byte(p.pick(60)), byte(p.pick(60)), 0, 1, byte(p.pick(256))}))
		})
	case 8:
		p.call("datetime", "timedelta", number, number, number)
	case 9:
		p.call("datetime", "datetime",
			func() {
				p.op("C\x0a\x07\xe8" + string([]byte{byte(1 + p.pick(12)), byte(1 + p.pick(28)), byte(p.pick(24)), 0, 0, 0, 0, 0}))
			},
			func() {
				p.call("datetime", "timezone", func() {
					p.call("datetime", "timedelta", func() { p.op(choose(p, []string{"K\x00", "J\xff\xff\xff\xff"})) },
						func() { p.op("J" + le(uint64(p.pick(256)*340), 4)) }, func() { p.op("K\x00") })
				})
			})
	case 10:
		p.call("collections", "OrderedDict")
		p.op("(")
		p.some(func() { p.key(depth + 1); value() })
		p.op("u")
	case 11:
		p.call("collections", "defaultdict", func() { p.class("builtins", choose(p, []string{"list", "int", "set", "dict"})) })
		p.op("(")
		p.some(func() { p.key(depth + 1); value() })
		p.op("u")
	case 12:
		p.call("collections", "Counter", func() { p.dict(depth + 1) })
	case 13:
		p.call("collections", "deque", func() { p.list(depth + 1) }, func() { p.op(choose(p, []string{"N", "K\x09", "K\x01"})) })
		p.op("(")
		p.some(value)
		p.op("e")
	case 14:
		p.call("builtins", "complex", func() { p.op("G" + le(uint64(p.pick(256)), 8)) }, func() { p.op("G\x3f\xf0\x00\x00\x00\x00\x00\x00") })
	case 15:
		p.call("builtins", "range", number, number, func() { p.op(choose(p, []string{"K\x01", "J\xff\xff\xff\xff", "K\x00"})) })
	case 16:
		p.call("builtins", choose(p, exceptions), func() { p.op(choose(p, []string{"K\x02", "Vx\n"})) }, value)
		if p.pick(3) == 2 {
			p.dict(depth + 1)
			p.op("b")
		}
	case 17:
		p.call("_codecs", "encode", text("", "abc", "\xc3\xbf", "\xe2\x82\xac"), text("latin1", "latin-1", "utf-8"))
	case 18:
		p.call("builtins", "bytearray", func() { p.op("C\x03abc") })
	}
}

// mistake writes what hardly ever stands in the right place.
func (p *programmer) mistake() {
	p.op(choose(p, []string{
		"0", "1", "2", "(", "a", "e", "s", "u", "\x90", "\x91", "t", "l", "d", "R", "b", "o", "\x81", "\x92", "\x93",
		"\x95\x02\x00\x00\x00\x00\x00\x00\x00", "\x80\x04", "h\x00", "q\x05", "Pid\n", "Q", "\x82\x01", "\x97", "\x98",
		"\x8c\xff", "cos\nsystem\n", "cbuiltins\nlist\n", "\x85", "\x86", ".",
	}))
}
