package xmlvalue

import (
	"strings"
	"testing"
)

// TestGrowth: what a document, its text and an answer with that take beyond three
// times its size is foreseen, and not by far more than it is.
func TestGrowth(t *testing.T) {
	const size = 20_000
	latin := `<?xml version="1.0" encoding="ISO-8859-1"?>`
	windows := `<?xml version="1.0" encoding='cp1252' standalone="yes"?>`
	for name, tt := range map[string]struct{ before, text string }{
		"plain":               {"", strings.Repeat("a", size)},
		"UTF-8":               {"", strings.Repeat("é", size)},
		"references":          {"", strings.Repeat("&lt;", size)},
		"signs in CDATA":      {"", "<![CDATA[" + strings.Repeat("&", size) + "]]>"},
		"others in CDATA":     {"", "<![CDATA[" + strings.Repeat("<>", size) + "]]>"},
		"some signs in CDATA": {"", "<![CDATA[" + strings.Repeat("a longer text & a sign ", size/20) + "]]>"},
		"Latin-1, ASCII":      {latin, strings.Repeat("a", size)},
		"Latin-1":             {latin, strings.Repeat("\xe9", size)},
		"windows-1252":        {windows, strings.Repeat("\x80", size)},
		"both":                {windows, "<![CDATA[" + strings.Repeat("\x80<", size) + "]]>"},
		"marked":              {utf8BOM + latin, strings.Repeat("é", size)},
	} {
		t.Run(name, func(t *testing.T) {
			doc := tt.before + response("<value>"+tt.text+"</value>")
			d, err := ReadResponse([]byte(doc), Options{})
			if err != nil {
				t.Fatal(err)
			}
			text, _ := d.Text(), d.Finish()
			answer, err := AppendResponse(nil, text, Options{})
			if err != nil {
				t.Fatal(err)
			}
			more := len(text) + len(answer) - 2*len(doc)
			if d.recoded {
				more += len(d.data)
			}
			const slack = 2000
			got := Growth([]byte(doc))
			if got+slack < more {
				t.Errorf("got %d; it is %d", got, more)
			}
			if got > 3*max(more, 0)+slack {
				t.Errorf("got %d; it is only %d", got, more)
			}
		})
	}
}
