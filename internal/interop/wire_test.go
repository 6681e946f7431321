package interop

import (
	"bytes"
	"fmt"
	"net/http"
	"regexp"
	"strings"
)

// connections is the one column that is not compared with a recording: Node.js,
// for one, keeps connections since version 19.
const connections = "connections"

// wireFacts are the columns of the document's table of what peers write, each
// with the function that finds it in a recording.
var wireFacts = []struct {
	title string
	of    func(c conversation) string
}{
	{"HTTP", func(c conversation) string {
		return c.each(func(x *exchange) string {
			text := strings.TrimPrefix(x.request.Proto, "HTTP/")
			if len(x.request.TransferEncoding) > 0 {
				text += " " + strings.Join(x.request.TransferEncoding, " ")
			}
			if x.request.Header.Get("Expect") != "" {
				text += " Expect"
			}
			return text
		})
	}},
	{"Content-Type", func(c conversation) string {
		return c.each(func(x *exchange) string { return headerText(x.request.Header, "Content-Type") })
	}},
	{"declared encoding", func(c conversation) string {
		return c.each(func(x *exchange) string {
			head, found := bytes.CutPrefix(bytes.TrimSpace(x.body), []byte("<?xml"))
			head, _, _ = bytes.Cut(head, []byte("?>"))
			switch m := encodingName.FindSubmatch(head); {
			case !found:
				return "no declaration"
			case m == nil:
				return "none"
			default:
				return code(string(m[1]))
			}
		})
	}},
	{"2147483647", func(c conversation) string { return c.element("int-max") }},
	{"2^40", func(c conversation) string { return c.element("i8") }},
	{"1e300", func(c conversation) string { return c.element("double") }},
	{"date", func(c conversation) string { return c.element("date") }},
	{"nil", func(c conversation) string { return c.element("nil") }},
	{"empty text", func(c conversation) string { return c.element("empty") }},
	{"`<` in text", func(c conversation) string { return c.escapes() }},
	{"binary", func(c conversation) string { return c.base64() }},
	{"no arguments", func(c conversation) string {
		x := c.byName["none"]
		if x == nil {
			return ""
		}
		if m := params.Find(x.body); m != nil {
			return code(strings.Join(strings.Fields(string(m)), ""))
		}
		return "nothing"
	}},
	{connections, func(c conversation) string {
		switch {
		case c.rec.conns == 1:
			return "one"
		case c.rec.conns >= len(c.exchanges):
			return "one for each call"
		}
		return fmt.Sprintf("%d for %d calls", c.rec.conns, len(c.exchanges))
	}},
	{"our server needs", func(c conversation) string {
		if c.peer.option == nil {
			return ""
		}
		return code(c.peer.option.name)
	}},
}

var (
	encodingName = regexp.MustCompile(`encoding\s*=\s*["']([^"']*)["']`)
	methodName   = regexp.MustCompile(`<methodName>\s*(?:<!\[CDATA\[)?([a-z]+)`)
	firstText    = regexp.MustCompile(`<param>\s*<value>\s*(?:<string>)?(?:<!\[CDATA\[)?([a-z0-9-]+)`)
	params       = regexp.MustCompile(`(?s)<params\s*/>|<params>.*</params>`)
	secondParam  = regexp.MustCompile(`(?s)<param>.*?</param>\s*<param>\s*(.*?)\s*</param>|<param>.*?</param>\s*(<param/>)`)
	base64Text   = regexp.MustCompile(`(?s)<base64>(.*)</base64>`)
	charRef      = regexp.MustCompile(`&#[0-9a-zA-Z]+;`)
	valueTags    = regexp.MustCompile(`(?s)^<value>(.*)</value>$`)
)

// conversation is the recording of a peer and what our server makes of it.
type conversation struct {
	peer      peer
	rec       *recording
	exchanges []*exchange
	byName    map[string]*exchange // by case
}

func newConversation(p peer, rec *recording, exchanges []*exchange) conversation {
	c := conversation{p, rec, exchanges, map[string]*exchange{}}
	for _, x := range exchanges {
		if name := x.caseName(); name != "" {
			c.byName[name] = x
		}
	}
	return c
}

// caseName is the case that a request belongs to: as its call said, or if that
// did not arrive, as its text says. "" if it is none.
func (x *exchange) caseName() string {
	if x.arrived != nil {
		return x.arrived.name
	}
	var method, name string
	if m := methodName.FindSubmatch(x.body); m != nil {
		method = string(m[1])
	}
	if m := firstText.FindSubmatch(x.body); m != nil {
		name = string(m[1])
	}
	for _, tc := range cases {
		if method == tc.method && (method != "see" || name == tc.name) {
			return tc.name
		}
	}
	return ""
}

// each returns what all requests have in common, or the variants there are.
func (c conversation) each(of func(*exchange) string) string {
	var variants []string
	seen := map[string]bool{}
	for _, x := range c.exchanges {
		if text := of(x); !seen[text] {
			seen[text] = true
			variants = append(variants, text)
		}
	}
	return strings.Join(variants, ", ")
}

// element is how the value of a case stands in its document.
func (c conversation) element(name string) string {
	x := c.byName[name]
	if x == nil {
		return ""
	}
	m := secondParam.FindSubmatch(x.body)
	if m == nil {
		return "no second parameter"
	}
	text := string(m[1]) + string(m[2])
	if v := valueTags.FindStringSubmatch(text); v != nil && v[1] != "" {
		text = v[1]
	} else if text == "" {
		text = "<param></param>"
	}
	return code(clip(strings.Join(strings.Fields(text), " "), 70))
}

// escapes is how markup and letters beyond ASCII stand in a text.
func (c conversation) escapes() string {
	x := c.byName["unicode"]
	if x == nil {
		return ""
	}
	has := func(text string) bool { return bytes.Contains(x.body, []byte(text)) }
	var parts []string
	if has("<![CDATA[") {
		parts = append(parts, "CDATA")
	}
	if has("&lt;") {
		parts = append(parts, code("&lt;"))
	}
	if has("&#60;") || has("&#x3c;") || has("&#x3C;") {
		parts = append(parts, code("&#60;"))
	}
	if len(parts) == 0 {
		parts = append(parts, "as it is")
	}
	if bytes.IndexFunc(x.body, func(r rune) bool { return r > 127 }) < 0 {
		parts = append(parts, "letters as numbers")
	}
	return strings.Join(parts, ", ")
}

// base64 is how binary is broken into lines.
func (c conversation) base64() string {
	x := c.byName["binary"]
	if x == nil {
		return ""
	}
	m := base64Text.FindSubmatch(x.body)
	switch {
	case m == nil:
		return "no " + code("<base64>")
	case bytes.Contains(m[1], []byte("&#")):
		return "line ends as " + code(string(charRef.Find(m[1])))
	case bytes.ContainsAny(bytes.TrimSpace(m[1]), "\r\n"):
		return "lines"
	}
	return "one line"
}

// code sets a text in a table as code.
func code(text string) string {
	return "`" + strings.ReplaceAll(text, "|", "\\|") + "`"
}

// headerText is the value of a header, or that there is none.
func headerText(h http.Header, name string) string {
	if v := h.Get(name); v != "" {
		return code(v)
	}
	return "none"
}
