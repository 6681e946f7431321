package doctest

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// shown are the blocks that nothing of the above holds: pictures, and text that
// a test of its own compares with the code. Each is found by its document and by
// a line of it.
var shown = []struct {
	document, line string
	by             string // a picture, figures, or the file with the test that reads this block, and its name
}{
	{"docs/command.md", "[Service]", "the unit of a service manager: no test has one; the command in it is looked at"},
	{"docs/performance.md", "goals                                                           ratio         min .. max   goal                     by CPU", "figures of a long run, which nobody gets twice"},
	{"docs/wire-cbor.md", " major |    low      0..23  low is the argument", "a picture"},
	{"docs/wire-cbor.md", "da 50 72 6c 52                     tag \"PrlR\"", "rpc/native/cbor/document_test.go TestDocument"},
	{"docs/wire-login.md", "C1  p=tls-exporter,,n=<id>,r=<client nonce>", "a picture"},
	{"docs/wire-login.md", "proof            ClientKey xor HMAC(StoredKey, AuthMessage)", "a picture"},
	{"docs/wire-login.md", "parley1_<id>_<key>_<checksum>", "a picture"},
	{"docs/wire-login.md", "SaltedPassword 853b272a44db1421c02962669a55eb0994f3cab385ed1c4c79253eee19bab49e", "auth/internal/scram/scram_test.go TestVectors"},
	{"docs/wire-login.md", "SaltedPassword 76cbd935e32f0cf1a96958857bd4c881c8b49bfe5ae24335b5b8bc8f23bddc5d", "auth/internal/scram/scram_test.go TestVectors"},
	{"docs/wire-native.md", "session          each frame is one session frame                      (Server and Client)", "a picture"},
	{"docs/wire-native.md", " | ff*4   |       n        |payload|      n >= 2^31, unsigned; Python 3.8 and later", "a picture"},
	{"docs/wire-native.md", "  \"#WELCOME#\"  or  \"#FAILURE#\"    ------>", "a picture"},
	{"docs/wire-native.md", "{sha256} | 40 random bytes | \"parley/1 \" role \" \" offer", "a picture"},
	{"docs/wire-native.md", "  ClientHello: TLS 1.3, ALPN \"parley/1\"          ------>", "a picture"},
	{"docs/wire-native.md", " |   n    | type | flags |    id    |         body         |", "a picture"},
	{"docs/wire-native.md", " uvarint us   uvarint   UTF-8   uvarint    uvarint  UTF-8  uvarint  UTF-8          one CBOR array, to the end", "a picture"},
	{"docs/wire-native.md", "   02 00 01                      CALL, no flags, id 1", "rpc/native/document_test.go TestDocumentedFrames"},
	{"docs/wire-native.md", "CALL MORE 7 | 1048611 | 65526 bytes of message", "rpc/native/document_test.go TestDocumentedSplit"},
	{"docs/wire-native.md", "  CALL 5, ITEMS        catalog.watch(\"a\")  ---->", "a picture"},
	{"docs/wire-native.md", " open  ------------------------------->  leaving", "a picture"},
	{"docs/wire-native.md", "                        | room, split          first frame          last frame    | |  | context ends: CANCEL", "a picture"},
	{"docs/wire-native.md", "      | whole     | MORE             | too many calls,         | after our GOAWAY", "a picture"},
	{"docs/wire-native.md", " caller ──encode──┤ update: append a frame                │", "a picture"},
	{"docs/wire-xmlrpc.md", "params[0].list[3].name: byte 412: expected a boolean, 0 or 1, got \"2\"", "rpc/xmlrpc/xmlvalue/errors_test.go TestDocumentedError"},
}

// words are what may stand after the language of a block, and whether with a
// value.
var words = map[string]bool{"file": true, "run": false, "start": false, "restart": false, "output": false, "needs": true}

// Every block of every document is compiled, run, parsed or compared.
func TestEveryBlockIsHeld(t *testing.T) {
	seen := make([]bool, len(shown))
	blocks := 0
	for _, d := range documents(t) {
		for _, b := range d.Blocks {
			blocks++
			if i := shownAs(b); i >= 0 {
				seen[i] = true
				continue
			}
			if err := held(b); err != nil {
				t.Errorf("%s: %v", b, err)
			}
		}
	}
	if blocks < 80 {
		t.Errorf("got %d blocks; want those of all documents", blocks)
	}
	for i, s := range shown {
		if !seen[i] {
			t.Errorf("%s has no block with the line %q any more: take it off the list", s.document, s.line)
		}
		if err := exists(s.by); err != nil {
			t.Errorf("%s: the block with %q: %v", s.document, s.line, err)
		}
	}
}

// shownAs is the place of a block in the list of those shown, or -1.
func shownAs(b Block) int {
	for i, s := range shown {
		if s.document == b.Document && (b.Language == "text" || b.Language == "ini") && slices.Contains(strings.Split(b.Text, "\n"), s.line) {
			return i
		}
	}
	return -1
}

// exists looks for the test that holds a block, if there is one to be.
func exists(by string) error {
	file, name, ok := strings.Cut(by, " ")
	if !ok || !strings.HasSuffix(file, "_test.go") {
		return nil
	}
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(file)))
	if err != nil {
		return err
	}
	if !strings.Contains(string(text), "\nfunc "+name+"(t *testing.T) {\n") {
		return fmt.Errorf("%s has no %s", file, name)
	}
	return nil
}

// held says why nothing would notice if a block were wrong.
func held(b Block) error {
	for _, w := range b.Words {
		if value, ok := words[w.Name]; !ok || value != (w.Value != "") {
			return fmt.Errorf("the word %q after the language: the package comment of internal/doctest has those that there are", strings.TrimSuffix(w.Name+"="+w.Value, "="))
		}
	}
	switch {
	case b.Language == "":
		return errors.New("it has no language: write one after the backticks, such as go, python, sh, toml, json, xml, or text for anything else")
	case b.isCommand() && b.Language != "sh":
		return fmt.Errorf("it is %s; only blocks of sh can be run", b.Language)
	case b.isCommand(), b.Has("file"), b.Has("output"):
		return nil // by TestSessions
	case b.Language == "sh":
		return nil // by TestCommandsExist
	case code[b.Language] != "":
		name, err := pieceOf(b)
		if err == nil && name == "" {
			err = fmt.Errorf("no file in examples, and no test, has these lines of %s: take them from one, or write them into one; or make it a file=NAME that a block of sh runs:\n%s", b.Language, b.Text)
		}
		return err
	case b.Language == "json":
		return json.Unmarshal([]byte(b.Text), new(any))
	case b.Language == "xml":
		return wellFormed(b.Text)
	}
	return fmt.Errorf("nothing holds it (%s): if it is what a command prints, mark it as output; else put it into the list \"shown\" of internal/doctest, with the test that reads it", b.Language)
}

func wellFormed(text string) error {
	d := xml.NewDecoder(strings.NewReader(text))
	for {
		if _, err := d.Token(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func TestHeldFindsWhatIsNot(t *testing.T) {
	run, file := Word{Name: "run"}, Word{"file", "x.go"}
	for _, test := range []struct {
		block Block
		want  string // "" if the block is held
	}{
		{Block{Text: "x\n"}, "no language"},
		{Block{Language: "text", Text: "x\n"}, "nothing holds it"},
		{Block{Language: "text", Words: []Word{{Name: "output"}}, Text: "x\n"}, ""},
		{Block{Language: "sh", Words: []Word{run}, Text: "x\n"}, ""},
		{Block{Language: "sh", Words: []Word{{"run", "x"}}}, `the word "run=x"`},
		{Block{Language: "sh", Words: []Word{{Name: "background"}}}, `the word "background"`},
		{Block{Language: "go", Words: []Word{run}, Text: "x\n"}, "only blocks of sh"},
		{Block{Language: "go", Words: []Word{file}, Text: "x\n"}, ""},
		{Block{Language: "go", Words: []Word{{Name: "file"}}, Text: "x\n"}, `the word "file"`},
		{Block{Language: "go", Text: "no := such(piece)\n"}, "no file in examples"},
		{Block{Language: "python", Text: "import no_such_module\n"}, "no file in examples"},
		{Block{Language: "json", Text: `{"a": 1}`}, ""},
		{Block{Language: "json", Text: `{a: 1}`}, "invalid character"},
		{Block{Language: "xml", Text: "<a><b/></a>"}, ""},
		{Block{Language: "xml", Text: "<a><b></a>"}, "syntax error"},
		{Block{Language: "cobol", Text: "x\n"}, "nothing holds it"},
	} {
		err := held(test.block)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !regexp.MustCompile(test.want).MatchString(err.Error())) {
			t.Errorf("%+v: got %v; want %q", test.block, err, test.want)
		}
	}
}
