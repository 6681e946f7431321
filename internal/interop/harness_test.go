package interop

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// printed is what a program prints for which all went well, with some lines
// replaced.
func printed(lines map[string]string) string {
	var b strings.Builder
	for _, tc := range cases {
		line, ok := lines[tc.name]
		if !ok {
			line = tc.name + "\tok"
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}

func TestParseResults(t *testing.T) {
	for _, test := range []struct {
		name string
		out  string
		want string // "" if the output can be read, else a part of the error
	}{
		{"all well", printed(nil), ""},
		{"each outcome", printed(map[string]string{"i8": "i8\tcannot\ttoo large", "double": "double\tgot\ta\tb", "true": "true\terror\tx"}), ""},
		{"line ends of Windows", strings.ReplaceAll(printed(nil), "\n", "\r\n"), ""},
		{"nothing", "", `line 1 is ""`},
		{"one too few", strings.TrimSuffix(printed(nil), "fault\tok\n"), "got 15 lines"},
		{"one too many", printed(nil) + "fault\tok\n", `line 17 is "fault\tok"`},
		{"another order", "i8\tok\n" + printed(nil), `line 1 is "i8\tok"`},
		{"a warning", "warning: deprecated\n" + printed(nil), `line 1 is "warning: deprecated"`},
		{"no outcome", printed(map[string]string{"i8": "i8"}), `line 3 is "i8"`},
		{"another outcome", printed(map[string]string{"i8": "i8\tfine"}), "want ok, got, error or cannot"},
		{"no text", printed(map[string]string{"i8": "i8\tgot"}), "want a text after got"},
		{"a text after ok", printed(map[string]string{"i8": "i8\tok\tbut"}), "none after ok"},
	} {
		results, err := parseResults(test.out)
		switch {
		case test.want == "" && (err != nil || len(results) != len(cases)):
			t.Errorf("%s: got %d results, %v; want %d", test.name, len(results), err, len(cases))
		case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%s: got %v; want an error with %q", test.name, err, test.want)
		}
	}
}

func TestOutcome(t *testing.T) {
	tc := cases[slices.IndexFunc(cases, func(tc testCase) bool { return tc.name == "nested" })]
	right := &exchange{arrived: &arrival{tc.name, tc.want}}
	wrong := &exchange{arrived: &arrival{tc.name, map[string]any{
		"list": []any{int64(1), []any{int64(2), "three"}, map[string]any{"four": int64(4)}}, "empty": "", "more": nil,
	}}}
	const differs = `.empty = string "", .list[2].four = int 4, .none is missing, .more = nil`
	for _, test := range []struct {
		name    string
		x       *exchange // nil: nothing was sent
		r       result
		mark    string
		explain string
	}{
		{"well", right, result{outcome: "ok"}, markFine, ""},
		{"arrives as something else", wrong, result{outcome: "ok"}, markArrives, "arrives as `" + differs + "`"},
		{"both ways", wrong, result{outcome: "got", text: "b`c\x01"}, markArrives + " " + markReturns, "arrives as `" + differs + "`; comes back as `b'c\\u0001`"},
		{"back as something else", right, result{outcome: "got", text: "a|b"}, markReturns, "comes back as `a\\|b`"},
		{"the answer is not read", right, result{outcome: "error", text: "e"}, markError, "the answer is an error to the library: `e`"},
		{"refused by us", &exchange{}, result{outcome: "error", text: "fault -32700"}, markError, "does not arrive; the program gets `fault -32700`"},
		{"the program thinks that it is well", &exchange{}, result{outcome: "ok"}, markError, "does not arrive, though the program gets its value"},
		{"cannot", nil, result{outcome: "cannot", text: "no way"}, markCannot, "is not sent: `no way`"},
		{"cannot, and does", right, result{outcome: "cannot", text: "no way"}, markError, "arrives, though the program says that it is not sent: `no way`"},
		{"refused by the library", nil, result{outcome: "error", text: "too large"}, markCannot, "is not sent: `too large`"},
	} {
		c := conversation{byName: map[string]*exchange{}}
		if test.x != nil {
			c.byName[tc.name] = test.x
		}
		if got := c.outcome(tc, test.r); got.mark != test.mark || got.text != test.explain {
			t.Errorf("%s: got %q, %q; want %q, %q", test.name, got.mark, got.text, test.mark, test.explain)
		}
	}
}

func TestSplit(t *testing.T) {
	const (
		plain   = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
		chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n1\r\nf\r\n0\r\n\r\n"
		old     = "POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\nghij" // two bytes more than it says
	)
	all, err := split([]byte(plain + chunked + old + plain))
	if err != nil || len(all) != 4 {
		t.Fatalf("got %d requests, %v; want 4", len(all), err)
	}
	for i, want := range []struct{ raw, body string }{{plain, "abc"}, {chunked, "def"}, {old, "gh"}, {plain, "abc"}} {
		if string(all[i].raw) != want.raw || string(all[i].body) != want.body {
			t.Errorf("request %d: got %q with body %q; want %q with %q", i, all[i].raw, all[i].body, want.raw, want.body)
		}
	}
	for _, cut := range []string{plain[:len(plain)-1], plain[:10], "\x00" + plain} {
		if all, err := split([]byte(cut)); err == nil {
			t.Errorf("split %q: got %d requests; want an error", cut, len(all))
		}
	}

	const reply = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"
	post := &exchange{request: &http.Request{Method: http.MethodPost}}
	replies, err := splitReplies([]byte(reply+"HTTP/1.1 100 Continue\r\n\r\n"+reply), []*exchange{post, post})
	if err != nil || len(replies) != 2 || string(replies[0]) != reply || !strings.HasSuffix(string(replies[1]), reply) {
		t.Errorf("got %q, %v; want two answers", replies, err)
	}
	for _, n := range []int{1, 3} {
		if _, err := splitReplies([]byte(reply+reply), slices.Repeat([]*exchange{post}, n)); err == nil {
			t.Errorf("two answers to %d requests: got no error; want one", n)
		}
	}
}

// TestWireFacts: the table tells variants of the same document apart.
func TestWireFacts(t *testing.T) {
	request := func(value string) *exchange {
		return &exchange{body: []byte("<methodCall><params><param><value>n</value></param><param>" + value + "</param></params></methodCall>")}
	}
	c := conversation{byName: map[string]*exchange{}}
	for value, want := range map[string]string{
		"<value><int>5</int></value>":           "`<int>5</int>`",
		"\n <value>\n  <i4>5</i4>\n </value>\n": "`<i4>5</i4>`",
		"<value></value>":                       "`<value></value>`",
		"<value/>":                              "`<value/>`",
		"<value>text</value>":                   "`text`",
		"":                                      "`<param></param>`",
		"<value><string>a|b</string></value>":   "`<string>a\\|b</string>`",
		"<value>" + strings.Repeat("1", 100) + "<": "`<value>" + strings.Repeat("1", 62) + "…`",
	} {
		c.byName["i8"] = request(value)
		if got := c.element("i8"); got != want {
			t.Errorf("element of %q: got %s; want %s", value, got, want)
		}
	}
	for value, want := range map[string]string{
		"a &lt; ü": "`&lt;`", "<![CDATA[<ü]]>": "CDATA", "&#60;ü": "`&#60;`", "<b>ü": "as it is", "&lt; &#252;": "`&lt;`, letters as numbers",
	} {
		c.byName["unicode"] = request("<value>" + value + "</value>")
		if got := c.escapes(); got != want {
			t.Errorf("escapes of %q: got %s; want %s", value, got, want)
		}
	}
	for value, want := range map[string]string{
		"<base64>AAEC</base64>": "one line", "<base64>\nAAEC\n</base64>": "one line", "<base64>AA\nEC</base64>": "lines",
		"<base64>AA&#10;EC</base64>": "line ends as `&#10;`", "<array/>": "no `<base64>`",
	} {
		c.byName["binary"] = request("<value>" + value + "</value>")
		if got := c.base64(); got != want {
			t.Errorf("binary of %q: got %s; want %s", value, got, want)
		}
	}
}
