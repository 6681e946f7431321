package doctest

import (
	"regexp"
	"strings"
)

// dots stand for what a document does not show.
const dots = "..."

// matches reports whether a program printed what a document says.
func matches(printed, want string) bool { return pattern(want, `\n*$`).MatchString(tidy(printed)) }

// beginsWith reports whether the lines that a program has printed so far begin
// with what a document says.
func beginsWith(printed, want string) bool {
	whole := printed[:strings.LastIndexByte(printed, '\n')+1]
	return pattern(want, "").MatchString(tidy(whole))
}

// pattern is the expression for what a document says that a program prints.
func pattern(want, end string) *regexp.Regexp {
	var b strings.Builder
	b.WriteString(`^`)
	for line := range strings.Lines(tidy(want)) {
		if strings.TrimSpace(line) == dots {
			b.WriteString(`(?:.*\n)*?`)
			continue
		}
		parts := strings.Split(strings.TrimSuffix(line, "\n"), dots)
		for i, part := range parts {
			parts[i] = regexp.QuoteMeta(part)
		}
		b.WriteString(strings.Join(parts, `.*`) + `\n`)
	}
	return regexp.MustCompile(b.String() + end)
}

// tidy drops the spaces at the ends of lines, and ends the last one.
func tidy(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimRight(line, " \t\r\n") + "\n")
	}
	return b.String()
}
