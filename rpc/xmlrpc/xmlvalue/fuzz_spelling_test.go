package xmlvalue

import (
	"bytes"
	"errors"
	"math/big"
	"math/rand/v2"
	"regexp"
	"slices"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/parley-rpc/parley/rpc/value"
)

// One document has many spellings. FuzzDocuments makes documents out of bytes, so
// that a fuzzer gets to their grammar without having to find it, and changes them
// by the token; sameSpellings holds any document against other spellings of it.

// markup finds what is no character data. It knows comments and sections from
// tags, and where a tag ends whose attributes hold a '>'.
var markup = regexp.MustCompile(`(?s)<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>|<[^<>"']*(?:"[^"]*"[^<>"']*|'[^']*'[^<>"']*)*>`)

// tokensOf splits a document into markup and the text between.
func tokensOf(doc []byte) (tokens [][]byte) {
	for len(doc) > 0 {
		at := markup.FindIndex(doc)
		if at == nil {
			return append(tokens, doc)
		}
		if at[0] > 0 {
			tokens = append(tokens, doc[:at[0]])
		}
		tokens = append(tokens, doc[at[0]:at[1]])
		doc = doc[at[1]:]
	}
	return tokens
}

// isTag reports whether a token is a start tag or an empty-element tag.
func isTag(token []byte) bool { return len(token) > 1 && token[0] == '<' && startsName(token[1:]) }

func isAlone(token []byte) bool { return isTag(token) && bytes.HasSuffix(token, []byte("/>")) }

// tagName returns the name in a start tag.
func tagName(token []byte) []byte {
	end := 1
	for end < len(token) && nameByte[token[end]] {
		end++
	}
	return token[1:end]
}

// spellings are what may be changed about a document without another meaning.
var spellings = map[string]func(tokens [][]byte) [][]byte{
	"<x/> as <x></x>": func(tokens [][]byte) (out [][]byte) {
		for _, token := range tokens {
			if isAlone(token) {
				out = append(out, slices.Concat(bytes.TrimSuffix(token, []byte("/>")), []byte("></"), tagName(token), []byte(">")))
				continue
			}
			out = append(out, token)
		}
		return out
	},
	"<x></x> as <x/>": func(tokens [][]byte) (out [][]byte) {
		for i := 0; i < len(tokens); i++ {
			token := tokens[i]
			if isTag(token) && !isAlone(token) && i+1 < len(tokens) && bytes.Equal(tokens[i+1], slices.Concat([]byte("</"), tagName(token), []byte(">"))) {
				token = append(bytes.TrimSuffix(bytes.Clone(token), []byte(">")), "/>"...)
				i++
			}
			out = append(out, token)
		}
		return out
	},
	"comments everywhere": func(tokens [][]byte) (out [][]byte) {
		for i, token := range tokens {
			out = append(out, token)
			if i+1 < len(tokens) || isTag(token) || token[0] != '<' {
				out = append(out, []byte("<!-- </value> - <int>1</int> & -->"))
			}
		}
		return out
	},
	"attributes everywhere": func(tokens [][]byte) (out [][]byte) {
		for _, token := range tokens {
			if isTag(token) {
				end := []byte(">")
				if isAlone(token) {
					end = []byte("/>")
				}
				token = slices.Concat(bytes.TrimSuffix(token, end), []byte(` xmlns:zz="/>" zz-1 = '&lt;"' `), end)
			} else if bytes.HasPrefix(token, []byte("</")) {
				token = slices.Concat(bytes.TrimSuffix(token, []byte(">")), []byte("\r\n>"))
			}
			out = append(out, token)
		}
		return out
	},
	"text as CDATA": func(tokens [][]byte) (out [][]byte) {
		for _, token := range tokens {
			if token[0] != '<' && len(trim(token)) > 0 && !bytes.ContainsAny(token, "&") && !bytes.Contains(token, []byte("]]>")) {
				first := 0 // neither a character nor a CR LF is split
				if token[0] < utf8.RuneSelf && token[0] != '\r' {
					first = 1
				}
				token = slices.Concat([]byte("<![CDATA["), token[:first], []byte("]]><![CDATA["), token[first:], []byte("]]>"))
			}
			out = append(out, token)
		}
		return out
	},
	"line ends": func(tokens [][]byte) (out [][]byte) {
		for _, token := range tokens {
			if !bytes.Contains(token, []byte("\r")) {
				token = bytes.ReplaceAll(token, []byte("\n"), []byte("\r\n"))
			}
			out = append(out, token)
		}
		return out
	},
}

// sameSpellings reads other spellings of doc, which mean the same or are refused
// with the same code. What it knows as one token must be one, so it is for
// documents that encoding/xml has not refused.
func sameSpellings(t *testing.T, doc []byte, read func([]byte, Options) (*Decoder, error)) {
	t.Helper()
	if _, err := referenceTree(doc); err != nil {
		return
	}
	want, code := reading(doc, read)
	if code == CodeOverLimit {
		return
	}
	bare, marked := bytes.CutPrefix(doc, []byte(utf8BOM))
	mark := doc[:0:0]
	if marked {
		mark = doc[:len(utf8BOM):len(utf8BOM)]
	}
	tokens := tokensOf(bare)
	for name, spell := range spellings {
		other := append(mark, bytes.Join(spell(tokens), nil)...)
		got, gotCode := reading(other, read)
		if gotCode == CodeOverLimit && code != gotCode {
			continue // attributes have a limit
		}
		if gotCode != code || code == 0 && !same(got, want) {
			t.Fatalf("%s: code %d, %#v\n%s\nwant %d, %#v, as\n%s", name, gotCode, got, other, code, want, doc)
		}
	}
}

// reading is what a document says: its values, or the code that it is refused with.
func reading(doc []byte, read func([]byte, Options) (*Decoder, error)) (v any, code int) {
	d, err := read(doc, Options{})
	var method string
	if err == nil {
		if c, message, isFault := d.Fault(); isFault {
			return []any{"fault", int64(c), []byte(message)}, 0
		}
		method, v = d.Method, value.DecodeAny(d)
		err = d.Finish()
	}
	var syntax *SyntaxError
	if errors.As(err, &syntax) {
		return nil, syntax.Code
	}
	return []any{method, v}, 0
}

// sameTyped reads what has been read as v into types that v fits, which must give
// the same.
func sameTyped(t *testing.T, doc []byte, read func([]byte, Options) (*Decoder, error), v any) {
	t.Helper()
	sameAs[[]any](t, doc, read, v)
	sameAs[map[string]any](t, doc, read, v)
	sameAs[int64](t, doc, read, v)
	sameAs[string](t, doc, read, v)
	sameAs[[]byte](t, doc, read, v)
	sameAs[float64](t, doc, read, v)
	sameAs[bool](t, doc, read, v)
	sameAs[time.Time](t, doc, read, v)
	sameAs[*big.Int](t, doc, read, v)
	sameList[int64](t, doc, read, v)
	sameList[float64](t, doc, read, v)
	sameList[string](t, doc, read, v)
	sameList[[]byte](t, doc, read, v)
	sameList[bool](t, doc, read, v)
	sameList[map[string]any](t, doc, read, v)
	sameList[[]any](t, doc, read, v)
}

func sameAs[T any](t *testing.T, doc []byte, read func([]byte, Options) (*Decoder, error), v any) {
	if _, ok := v.(T); ok {
		var dst T
		intoTyped(t, doc, read, &dst, v)
	}
}

func sameList[T any](t *testing.T, doc []byte, read func([]byte, Options) (*Decoder, error), v any) {
	list, ok := v.([]any)
	if !ok || slices.ContainsFunc(list, func(v any) bool { _, ok := v.(T); return !ok }) {
		return
	}
	var dst []T
	intoTyped(t, doc, read, &dst, v)
}

func intoTyped(t *testing.T, doc []byte, read func([]byte, Options) (*Decoder, error), dst, v any) {
	t.Helper()
	d, err := read(doc, Options{})
	if err == nil {
		value.Decode(d, dst)
		err = d.Finish()
	}
	if err != nil {
		t.Fatalf("into %T: %v; but it was read as %#v", dst, err, v)
	}
	if !writtenAlike(dst, v) {
		t.Fatalf("%T: got %#v; want %#v", dst, dst, v)
	}
}

// program is a source of chances that are the bytes of an input, one for each,
// and others when they are used up.
type program struct {
	code []byte
	rest rand.PCG
}

func (p *program) Uint64() uint64 {
	if len(p.code) == 0 {
		return p.rest.Uint64()
	}
	b := uint64(p.code[0])
	p.code = p.code[1:]
	return b<<56 | b<<40 | b<<16 | b
}

// oddTokens are what a document may have in a wrong place, or in a rare one.
var oddTokens = []string{
	"<value>", "</value>", "<value/>", "<nil/>", "<ex:nil/>", "<array>", "</array>", "<array/>", "<data>", "</data>", "<data/>", "<struct>", "</struct>", "<struct/>",
	"<member>", "</member>", "<member/>", "<name>", "</name>", "<name/>", "<param>", "</param>", "<param/>", "<params>", "</params>", "<params/>", "<fault>", "</fault>", "<fault/>",
	"<methodCall>", "</methodCall>", "<methodResponse>", "</methodResponse>", "<methodResponse/>", "<methodName>", "</methodName>", "<methodName/>",
	"<int>", "</int>", "<int/>", "<string>", "</string>", "<string/>", "<base64/>", "<boolean/>", "<double/>", "<dateTime.iso8601/>", "<string></string>", "<base64></base64>", "<nil></nil>",
	"<!-- -->", "<![CDATA[]]>", "<![CDATA[ ]]>", "<?x?>", "<?xml version='1.0'?>", "<!DOCTYPE x>", " ", "\r", "\n", "\t", "x", "0", "1", "-", "+", ".", "e5", "_", "=", "nan", "inf",
	"&amp;", "&#10;", "&#13;", "&#x41;", "&#0;", "&nbsp;", "&", "]]>", "]]", ">", "\"", "é", "\xe9", "\x01", "\ufffe", utf8BOM,
}

// change makes some changes to a document, each to a token.
func (a *author) change(doc []byte) []byte {
	for range a.IntN(4) {
		tokens := tokensOf(doc)
		i := a.IntN(len(tokens))
		switch odd := []byte(a.oneOf(oddTokens...)); a.IntN(8) {
		case 0:
			tokens = slices.Delete(tokens, i, i+1)
		case 1:
			tokens[i] = odd
		case 2, 3:
			tokens = slices.Insert(tokens, i, odd)
		case 4: // once more, elsewhere
			tokens = slices.Insert(tokens, a.IntN(len(tokens)), tokens[i])
		case 5: // nothing up to its end tag
			end := slices.Concat([]byte("</"), tagName(append(tokens[i], '>')), []byte(">"))
			if n := slices.IndexFunc(tokens[i:], func(b []byte) bool { return bytes.Equal(b, end) }); isTag(tokens[i]) && n > 0 {
				tokens = slices.Delete(tokens, i+1, i+n)
			}
		case 6: // two change places
			j := a.IntN(len(tokens))
			tokens[i], tokens[j] = tokens[j], tokens[i]
		case 7: // within a token
			at := a.IntN(len(tokens[i]) + 1)
			tokens[i] = slices.Insert(bytes.Clone(tokens[i]), at, odd...)
		}
		if doc = bytes.Join(tokens, nil); len(doc) == 0 {
			break
		}
	}
	return doc
}

// FuzzDocuments: documents made of bytes are read as what they were made of; and
// with some tokens changed, as the reference reads them, in whatever spelling.
func FuzzDocuments(f *testing.F) {
	r := rand.New(rand.NewPCG(7, 7))
	for range 60 {
		code := make([]byte, 20+r.IntN(200))
		for i := range code {
			code[i] = byte(r.Uint32())
		}
		f.Add(code)
	}
	f.Fuzz(func(t *testing.T, code []byte) {
		if len(code) > 2000 {
			return
		}
		a := &author{Rand: rand.New(&program{code: code, rest: *rand.NewPCG(1, 2)})}
		doc, response, v := a.document()
		if _, got, err := readAny(doc, response); err != nil || canonical(got) != canonical(v) {
			t.Fatalf("got %s, %v\nwant %s\n%s", canonical(got), err, canonical(v), doc)
		}
		read := ReadCall
		if response {
			read = ReadResponse
		}
		sameSpellings(t, doc, read)
		doc = a.change(doc)
		checkCall(t, doc)
		checkResponse(t, doc)
	})
}
