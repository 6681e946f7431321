package xmlrpc

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/parley-rpc/parley/rpc/value"
)

// notation is how a language writes values.
type notation struct {
	null, yes, no string
	text          func(string) string
	binary        func([]byte) string
	date          func(time.Time) string
	list, record  [2]string // around their items
	pair          string    // between a member's name and its value
}

// write writes a dynamic value. A kind that XML-RPC does not know is written as
// null: no example holds one.
func (n *notation) write(v any) string {
	switch v := v.(type) {
	case bool:
		if v {
			return n.yes
		}
		return n.no
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return floatLiteral(v)
	case string:
		return n.text(v)
	case []byte:
		return n.binary(v)
	case value.ByteArray:
		return n.binary(v)
	case time.Time:
		return n.date(v)
	case value.LocalTime:
		return n.date(v.Time)
	case []any:
		return n.sequence(v)
	case value.Tuple:
		return n.sequence(v)
	case value.Set:
		return n.sequence(v.Items)
	case map[string]any:
		names := make([]string, 0, len(v))
		for name := range v {
			names = append(names, name)
		}
		slices.Sort(names)
		for i, name := range names {
			names[i] = n.text(name) + n.pair + n.write(v[name])
		}
		return n.record[0] + strings.Join(names, ", ") + n.record[1]
	case fmt.Stringer: // a large integer, a fraction, a UUID: what crosses as text
		return n.text(v.String())
	}
	return n.null
}

// hasNumberedRecord reports whether a member of a record in v has a number for a
// name.
func hasNumberedRecord(v any) bool {
	switch v := v.(type) {
	case []any:
		return slices.ContainsFunc(v, hasNumberedRecord)
	case map[string]any:
		for name, member := range v {
			if _, err := strconv.Atoi(name); err == nil || hasNumberedRecord(member) {
				return true
			}
		}
	}
	return false
}

func (n *notation) sequence(items []any) string {
	parts := make([]string, len(items))
	for i, item := range items {
		parts[i] = n.write(item)
	}
	return n.list[0] + strings.Join(parts, ", ") + n.list[1]
}

// floatLiteral keeps 2.0 a float.
func floatLiteral(f float64) string {
	s := strconv.FormatFloat(f, 'g', -1, 64)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return s
}

const wireDate = "20060102T15:04:05"

var (
	pythonNotation = notation{
		"None", "True", "False",
		func(s string) string { return quoted(s, "") },
		func(b []byte) string { return "xmlrpc.client.Binary(b" + quotedBytes(b) + ")" },
		func(t time.Time) string { return "xmlrpc.client.DateTime(" + t.Format(`"`+wireDate+`"`) + ")" },
		[2]string{"[", "]"},
		[2]string{"{", "}"},
		": ",
	}
	rubyNotation = notation{
		"nil", "true", "false",
		func(s string) string { return quoted(s, "#") },
		func(b []byte) string { return "XMLRPC::Base64.new(" + quotedBytes(b) + ")" },
		func(t time.Time) string { return "XMLRPC::DateTime.new(" + t.Format("2006, 1, 2, 15, 4, 5") + ")" },
		[2]string{"[", "]"},
		[2]string{"{", "}"},
		" => ",
	}
	phpNotation = notation{
		"null", "true", "false",
		func(s string) string { return quoted(s, "$") },
		func(b []byte) string { return "typed(" + quotedBytes(b) + `, "base64")` },
		func(t time.Time) string { return "typed(" + t.Format(`"`+wireDate+`"`) + `, "datetime")` },
		[2]string{"[", "]"},
		[2]string{"[", "]"},
		" => ",
	}
	goNotation = notation{
		"nil", "true", "false",
		func(s string) string { return quoted(s, "") },
		func(b []byte) string { return "[]byte(" + quotedBytes(b) + ")" },
		func(t time.Time) string { return "time.Date(" + t.Format("2006, 1, 2, 15, 4, 5") + ", 0, time.UTC)" },
		[2]string{"[]any{", "}"},
		[2]string{"map[string]any{", "}"},
		": ",
	}
)

func pythonLiteral(v any) string { return pythonNotation.write(v) }
func rubyLiteral(v any) string   { return rubyNotation.write(v) }
func phpLiteral(v any) string    { return phpNotation.write(v) }
func goLiteral(v any) string     { return goNotation.write(v) }

// quoted writes text between double quotes, as Python, Ruby, PHP and Go all
// read it. special are characters that mean something there and get a backslash
// too; control characters and what cannot be seen are left out.
func quoted(s, special string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\' || strings.ContainsRune(special, r):
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case unicode.IsPrint(r):
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// quotedBytes writes binary as those languages read it in quotes: every byte
// that is no letter, digit or space as \x and two digits.
func quotedBytes(p []byte) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range p {
		if c == ' ' || c < 0x80 && (unicode.IsLetter(rune(c)) || unicode.IsDigit(rune(c))) {
			b.WriteByte(c)
			continue
		}
		fmt.Fprintf(&b, `\x%02x`, c)
	}
	b.WriteByte('"')
	return b.String()
}

// shellQuoted makes one word of a text for a POSIX shell.
func shellQuoted(s string) string {
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// pythonKeywords cannot stand behind a dot.
var pythonKeywords = []string{
	"False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del",
	"elif", "else", "except", "exec", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda",
	"nonlocal", "not", "or", "pass", "print", "raise", "return", "try", "while", "with", "yield",
}

// isPythonName reports whether a word can stand behind a dot in Python.
func isPythonName(word string) bool {
	for i, c := range word {
		if !(c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || i > 0 && c >= '0' && c <= '9') {
			return false
		}
	}
	return word != "" && !strings.HasPrefix(word, "__") && !slices.Contains(pythonKeywords, word)
}
