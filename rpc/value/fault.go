package value

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// FaultParts returns the fault that two dynamic values stand for, each nil if it
// was missing. Servers exist that send the code as text or as a double, text as
// the code, and the message as binary because of its letters. A code that is no
// integer is 0, and what it was stands before the message.
func FaultParts(code, message any) (int, string) {
	text := faultText(message)
	n, ok := faultCode(code)
	if !ok {
		return 0, strings.TrimSuffix(faultText(code)+": "+text, ": ")
	}
	return n, text
}

// faultCode returns the integer that a code is; none is 0.
func faultCode(v any) (code int, ok bool) {
	switch v := v.(type) {
	case nil:
		return 0, true
	case int64:
		return int(v), int64(int(v)) == v
	case float64:
		code = int(int32(v))
		return code, float64(code) == v
	case string:
		if v = strings.TrimSpace(v); v == "" {
			return 0, true
		}
		code, err := strconv.Atoi(v)
		return code, err == nil
	}
	return 0, false
}

// faultText returns what a part of a fault says.
func faultText(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case []byte:
		return strings.ToValidUTF8(string(v), "\uFFFD")
	}
	return fmt.Sprint(v)
}

// ClipLines leaves text from a peer as it is, in several lines maybe, unless it has
// more than n bytes or holds what could harm a terminal; then it is as Clip has it.
func ClipLines(s string, n int) string {
	harmful := func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' && r != '\r' }
	if len(s) <= n && !strings.ContainsFunc(s, harmful) {
		return s
	}
	return Clip(s, n)
}
