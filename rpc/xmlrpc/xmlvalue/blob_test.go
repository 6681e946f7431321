package xmlvalue

import (
	"bytes"
	"encoding/base64"
	"reflect"
	"strings"
	"testing"

	"github.com/parley-rpc/parley/rpc/value"
)

// blobOf returns n bytes and their base64.
func blobOf(n int) (data []byte, text string) {
	data = make([]byte, n)
	for i := range data {
		data[i] = byte(i * 7)
	}
	return data, base64.StdEncoding.EncodeToString(data)
}

func responseOf(v string) []byte {
	return []byte("<methodResponse><params><param>" + v + "</param></params></methodResponse>")
}

// Large base64 is decoded out of turn. What a document means must not depend on
// that.
func TestLargeBase64(t *testing.T) {
	data, text := blobOf(3 * largeBlob)
	lines := base64.StdEncoding.EncodeToString(data[:57]) + "\r\n"
	lines = strings.Repeat(lines, 2*largeBlob/len(lines))
	wrapped, _ := base64.StdEncoding.DecodeString(lines)
	for name, tt := range map[string]struct {
		doc  string
		want any
	}{
		"one":            {"<value><base64>" + text + "</base64></value>", data},
		"white space":    {"<value><base64>\n" + text + " \t\r\n</base64></value>", data},
		"no padding":     {"<value><base64>" + text[:largeBlob+2] + "</base64></value>", data[:largeBlob/4*3+1]},
		"lines":          {"<value><base64>" + lines + "</base64></value>", wrapped},
		"two":            {"<value><array><data><value><base64>" + text + "</base64></value><value>a&amp;b</value><value><base64>" + text + "</base64></value></data></array></value>", []any{data, "a&b", data}},
		"in a section":   {"<value><string><![CDATA[<base64>" + text + "\r\n</base64>]]></string></value>", "<base64>" + text + "\n</base64>"},
		"in a comment":   {"<!-- <base64>" + text + "</base64> --><value>a</value>", "a"},
		"with a comment": {"<value><base64>" + text + "<!-- and so on -->" + text + "</base64></value>", nil},
		"reference":      {"<value><base64>" + text + "&#10;</base64></value>", data},
		"reference within": {
			"<value><base64>" + text[:400] + "&#13;" + text[400:] + "</base64></value>",
			data,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "with a comment" { // padding in the middle, unless the length leaves none
				tt.want = append(bytes.Clone(data), data...)
			}
			d, err := ReadResponse(responseOf(tt.doc), Options{})
			if err != nil {
				t.Fatal(err)
			}
			got := value.DecodeAny(d)
			if err := d.Finish(); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, tt.want) {
				t.Fatalf("got another value than was sent")
			}
		})
	}
}

// What has to be refused is refused within large base64 too, wherever that stands.
func TestLargeBase64HidesNothing(t *testing.T) {
	_, text := blobOf(3 * largeBlob)
	for name, bad := range map[string]string{"control character": "\x01", "no UTF-8": "\xff", "surrogate": "\xed\xa0\x80", "not base64": "AA.A", "a reference to nothing": "&nix;", "the end of a section": "]]>"} {
		for place, doc := range map[string]string{
			"in the middle": text[:largeBlob] + bad + text[largeBlob:],
			"at the end":    text + bad,
			"at the start":  bad + text,
		} {
			for around, form := range map[string][2]string{
				"value":   {"<value><base64>", "</base64></value>"},
				"comment": {"<!-- <base64>", "</base64> --><value>a</value>"},
				"section": {"<value><string><![CDATA[<base64>", "</base64>]]></string></value>"},
			} {
				if around != "value" && len(bad) > 3 || around != "value" && name == "the end of a section" {
					continue // allowed there, or the end of it
				}
				d, err := ReadResponse(responseOf(form[0]+doc+form[1]), Options{})
				if err == nil {
					_ = value.DecodeAny(d)
					err = d.Finish()
				}
				if err == nil {
					t.Errorf("%s %s of a %s: read; want an error", name, place, around)
				}
			}
		}
	}
}

func TestLargeBase64WithinMaxString(t *testing.T) {
	_, text := blobOf(3 * largeBlob)
	d, err := ReadResponse(responseOf("<value><base64>"+text+"</base64></value>"), Options{MaxString: len(text) - 1})
	if err == nil {
		_ = value.DecodeAny(d)
		err = d.Finish()
	}
	if err == nil || !strings.Contains(err.Error(), "MaxString") {
		t.Fatalf("got %v; want an error about MaxString", err)
	}
}

// Who gets bytes owns them: no two readers get the same ones, and none those of
// the document.
func TestLargeBase64IsHandedOutOnce(t *testing.T) {
	data, text := blobOf(3 * largeBlob)
	doc := responseOf("<value><base64>" + text + "</base64></value>")
	s := scanner{data: doc, maxString: len(doc)}
	if !s.checkCharacters() || len(s.blobs) != 1 {
		t.Fatalf("got %d blobs, %v; want 1", len(s.blobs), s.Err())
	}
	in := s.blobs[0].text
	first, _ := s.decodeText(in)
	second, _ := s.decodeText(in)
	clear(first)
	if !bytes.Equal(second, data) || !bytes.Contains(doc, []byte(text)) {
		t.Error("the bytes of one reader changed with those of another")
	}
}

// Large base64 is found wherever it begins, whatever stands before it.
func TestLargeBase64IsFound(t *testing.T) {
	_, text := blobOf(largeBlob * 3 / 4)
	for before := 0; before < 3*largeBlob; before += 509 {
		for _, filler := range []string{"a", "<i>", "<base64>"} {
			lead := "<value><string>" + strings.Repeat(filler, before/len(filler)) + "</string></value><value><base64>"
			s := scanner{data: []byte(lead + text + "</base64></value>"), maxString: len(text)}
			from, to, ok := s.findBlob(0)
			if !ok || from != len(lead) || to != len(lead)+len(text) {
				t.Fatalf("behind %d bytes of %s: got %d, %d, %v; want %d, %d", before, filler, from, to, ok, len(lead), len(lead)+len(text))
			}
		}
	}
}
