package pickle

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/parley-rpc/parley/rpc/value"
)

// python2Text gives the str of Python 2, which may be text or binary.
func python2Text(b []byte) any {
	if utf8.Valid(b) {
		return string(b)
	}
	return slices.Clone(b)
}

// unescapeUnicode reads Python's codec raw-unicode-escape: Latin-1 in which
// \uXXXX and \UXXXXXXXX stand for other characters, unless the backslash is the
// second of a pair.
func (d *decoder) unescapeUnicode(line []byte) any {
	lone := false
	out := make([]byte, 0, len(line))
	for i := 0; i < len(line); {
		if line[i] != '\\' {
			out = utf8.AppendRune(out, rune(line[i]))
			i++
			continue
		}
		slashes := i
		for i < len(line) && line[i] == '\\' {
			i++
		}
		slashes = i - slashes
		if slashes%2 == 0 || i == len(line) || line[i] != 'u' && line[i] != 'U' {
			out = append(out, line[i-slashes:i]...)
			continue
		}
		out = append(out, line[i-slashes:i-1]...)
		r, size := escapedRune(line[i:])
		if r2, size2 := escapedRune(bytesAfter(line[i:], size)); utf16.IsSurrogate(r) && size2 > 0 {
			if both := utf16.DecodeRune(r, r2); both != utf8.RuneError {
				r, size = both, size+1+size2
			}
		}
		switch {
		case size == 0:
			d.fail(errors.New(`expected hexadecimal digits after \u or \U`))
			return ""
		case utf16.IsSurrogate(r):
			out, lone = appendSurrogate(out, r), true
			i += size
			continue
		case !utf8.ValidRune(r):
			d.fail(errors.New("got a character beyond U+10FFFF"))
			return ""
		}
		out = utf8.AppendRune(out, r)
		i += size
	}
	if lone {
		return d.badText(out)
	}
	return string(out)
}

// escapedRune reads uXXXX or UXXXXXXXX at the start of b; a size of 0 means that
// there is none.
func escapedRune(b []byte) (r rune, size int) {
	if len(b) > 0 && b[0] == 'u' {
		size = 5
	} else if len(b) > 0 && b[0] == 'U' {
		size = 9
	}
	if size == 0 || len(b) < size {
		return 0, 0
	}
	n, err := strconv.ParseUint(string(b[1:size]), 16, 32)
	if err != nil {
		return 0, 0
	}
	return rune(min(n, math.MaxInt32)), size
}

// bytesAfter returns what follows b[:n] and one backslash, nil if none does.
func bytesAfter(b []byte, n int) []byte {
	if n == 0 || n >= len(b) || b[n] != '\\' {
		return nil
	}
	return b[n+1:]
}

// unescapeString reads the repr of a Python 2 str.
func (d *decoder) unescapeString(line []byte) []byte {
	n := len(line)
	if n < 2 || line[0] != line[n-1] || line[0] != '\'' && line[0] != '"' {
		d.fail(errors.New("STRING: expected text in quotes"))
		return nil
	}
	line = line[1 : n-1]
	out := make([]byte, 0, len(line))
	for i := 0; i < len(line); i++ {
		if line[i] != '\\' {
			out = append(out, line[i])
			continue
		}
		if i++; i == len(line) {
			d.fail(errors.New("STRING: got a backslash before the closing quote"))
			return nil
		}
		c := line[i]
		switch {
		case c == '\\' || c == '\'' || c == '"':
			out = append(out, c)
		case c == 'n':
			out = append(out, '\n')
		case c == 'r':
			out = append(out, '\r')
		case c == 't':
			out = append(out, '\t')
		case c == 'x' && i+2 < len(line):
			n, err := strconv.ParseUint(string(line[i+1:i+3]), 16, 8)
			if err != nil {
				d.fail(errors.New(`STRING: expected two hexadecimal digits after \x`))
				return nil
			}
			out = append(out, byte(n))
			i += 2
		default: // repr writes no other escapes
			d.fail(fmt.Errorf("STRING: got an escape \\%s that repr does not write", value.Clip(string(rune(c)), 8)))
			return nil
		}
	}
	return out
}

// decimalInt reads the number of INT and LONG.
func (d *decoder) decimalInt(line []byte, boolean bool) any {
	if len(line) > d.maxDigits()+2 { // sign and L; before digits are worked on
		d.fail(fmt.Errorf("an integer of %d digits, above %d bits: %w", len(line), d.o.MaxIntBits, ErrLimit))
		return nil
	}
	text := string(line)
	switch {
	case boolean && text == "00":
		return false
	case boolean && text == "01":
		return true
	case !boolean && len(text) > 0 && text[len(text)-1] == 'L':
		text = text[:len(text)-1]
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && !isOctal(text) {
		return n
	}
	n, ok := new(big.Int).SetString(text, 10)
	if !ok || isOctal(text) {
		d.fail(fmt.Errorf("expected an integer, got %q", value.Clip(text, 32)))
		return nil
	}
	return d.integer(n)
}

// isOctal reports whether Python reads the text of an integer as octal, or not at
// all. No pickler writes such text.
func isOctal(text string) bool {
	digits := strings.TrimLeft(text, "+-")
	return len(digits) > 1 && digits[0] == '0'
}

// maxDigits is how many decimal digits an integer within MaxIntBits can have.
func (d *decoder) maxDigits() int { return d.o.MaxIntBits*3/10 + d.o.MaxIntBits/500 + 2 }

// binaryInt reads a two's complement, little-endian integer.
func (d *decoder) binaryInt(b []byte) any {
	if len(b) <= 8 {
		var n uint64
		for i := len(b) - 1; i >= 0; i-- {
			n = n<<8 | uint64(b[i])
		}
		shift := 64 - 8*len(b)
		return int64(n<<shift) >> shift
	}
	if len(b) > d.o.MaxIntBits/8+1 {
		d.fail(fmt.Errorf("an integer of %d bytes, above %d bits: %w", len(b), d.o.MaxIntBits, ErrLimit))
		return nil
	}
	bigEndian := slices.Clone(b)
	slices.Reverse(bigEndian)
	n := new(big.Int).SetBytes(bigEndian)
	if b[len(b)-1]&0x80 != 0 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	return d.integer(n)
}

func (d *decoder) integer(n *big.Int) any {
	if n.IsInt64() {
		return n.Int64()
	}
	if n.BitLen() > d.o.MaxIntBits {
		d.fail(fmt.Errorf("an integer of %d bits, above %d: %w", n.BitLen(), d.o.MaxIntBits, ErrLimit))
	}
	return n
}

// maxFloatText bounds the text of a FLOAT; repr writes at most 24 characters.
const maxFloatText = 64

func (d *decoder) decimalFloat(line []byte) any {
	text := string(line[:min(len(line), maxFloatText+1)])
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || len(text) > maxFloatText || strings.ContainsAny(text, "xXpP_") {
		d.fail(fmt.Errorf("FLOAT: expected a decimal number, got %q", value.Clip(text, 32)))
		return nil
	}
	return f
}
