package xmlvalue

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// A second reader of XML-RPC, to hold the first one against: encoding/xml makes
// a tree of the document and regular expressions say what its content means. It
// shares nothing with the package, knows no limits, and is as lenient and as
// strict as docs/wire-xmlrpc.md says, no more and no less.

// node is an element, or a piece of text if it has no tag.
type node struct {
	tag   string
	text  string // of text, with its references resolved
	blank bool   // of text: nothing but white space, and written as such
	parts []node
}

// readReference reads a document. For a fault it returns the struct of it.
func readReference(doc []byte) (root, method string, v any, err error) {
	top, err := referenceTree(doc)
	if err != nil {
		return "", "", nil, err
	}
	kids, err := top.elements()
	if err != nil {
		return "", "", nil, err
	}
	switch top.tag {
	case "methodCall":
		if len(kids) == 0 || kids[0].tag != "methodName" || len(kids) > 2 || len(kids) == 2 && kids[1].tag != "params" {
			return "", "", nil, errors.New("a call is a name and parameters")
		}
		method, err = kids[0].content()
		method = strings.Trim(method, " \t\r\n")
		if err != nil || method == "" {
			return "", "", nil, fmt.Errorf("no name: %w", err)
		}
		args := []any{}
		if len(kids) == 2 {
			args, err = kids[1].params()
		}
		return top.tag, method, args, err
	case "methodResponse":
		switch {
		case len(kids) == 0:
			return top.tag, "", nil, nil
		case len(kids) == 1 && kids[0].tag == "params":
			results, err := kids[0].params()
			if err != nil || len(results) > 1 {
				return "", "", nil, fmt.Errorf("%d results: %w", len(results), err)
			}
			return top.tag, "", append(results, nil)[0], nil
		case len(kids) == 1 && kids[0].tag == "fault":
			v, err := kids[0].only("value")
			if err != nil {
				return "", "", nil, fmt.Errorf("no fault: %w", err)
			}
			m, ok := v.(map[string]any)
			if text, isText := v.(string); isText && text != "" {
				m = map[string]any{"faultString": text}
			} else if !ok {
				m = map[string]any{}
			}
			return kids[0].tag, "", m, nil
		}
	}
	return "", "", nil, errors.New("no document of XML-RPC")
}

var (
	refDeclaration = regexp.MustCompile(`^<\?xml[ \t\r\n]+version[ \t\r\n]*=[ \t\r\n]*(?:"1\.0"|'1\.0')(?:[ \t\r\n]+encoding[ \t\r\n]*=[ \t\r\n]*(?:"([^"<&]+)"|'([^'<&]+)'))?(?:[ \t\r\n]+standalone[ \t\r\n]*=[ \t\r\n]*(?:"(?:yes|no)"|'(?:yes|no)'))?[ \t\r\n]*\?>`)
	refName        = `[A-Za-z_][A-Za-z0-9_.-]*(?::[A-Za-z_][A-Za-z0-9_.-]*)?`
	refAttribute   = regexp.MustCompile(`[ \t\r\n]+(` + refName + `)[ \t\r\n]*=[ \t\r\n]*("[^"<]*"|'[^'<]*')`)
	refStart       = regexp.MustCompile(`^<(` + refName + `)(?:` + refAttribute.String() + `)*[ \t\r\n]*/?>$`)
	refEnd         = regexp.MustCompile(`^</(` + refName + `)[ \t\r\n]*>$`)
	refReference   = regexp.MustCompile(`^&(?:lt|gt|amp|quot|apos|#[0-9]+|#x[0-9A-Fa-f]+);`)
)

// refDecode brings a document to UTF-8 and cuts off what stands before its root.
func refDecode(doc []byte) ([]byte, error) {
	doc, marked := bytes.CutPrefix(doc, []byte("\xEF\xBB\xBF"))
	charset := ""
	if m := refDeclaration.FindSubmatch(doc); m != nil {
		charset, doc = strings.ToLower(string(m[1])+string(m[2])), doc[len(m[0]):]
	}
	switch charset {
	case "", "utf-8", "utf8":
	case "us-ascii", "ascii":
		if bytes.ContainsFunc(doc, func(r rune) bool { return r >= 0x80 }) && !marked {
			return nil, errors.New("not ASCII")
		}
	case "iso-8859-1", "iso8859-1", "iso_8859-1", "latin1", "windows-1252", "cp1252":
		if marked {
			break
		}
		table := charmap.ISO8859_1
		if strings.HasSuffix(charset, "1252") {
			table = charmap.Windows1252
		}
		var out []byte
		for _, c := range doc {
			r := table.DecodeByte(c)
			if r == utf8.RuneError {
				return nil, fmt.Errorf("a byte that %s does not have", charset)
			}
			out = utf8.AppendRune(out, r)
		}
		doc = out
	default:
		return nil, errors.New("unknown encoding")
	}
	if !utf8.Valid(doc) {
		return nil, errors.New("not UTF-8")
	}
	for _, r := range string(doc) {
		if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF {
			return nil, errors.New("a character that XML does not have")
		}
	}
	return doc, nil
}

// referenceTree parses a document with encoding/xml, and sees to what that does
// not look at.
func referenceTree(doc []byte) (node, error) {
	doc, err := refDecode(doc)
	if err != nil {
		return node{}, err
	}
	d := xml.NewDecoder(bytes.NewReader(doc))
	open := []node{{}}
	for {
		start := d.InputOffset()
		token, err := d.RawToken()
		if err == io.EOF {
			break
		}
		if err != nil {
			return node{}, err
		}
		raw := string(doc[start:d.InputOffset()])
		top := &open[len(open)-1]
		switch token := token.(type) {
		case xml.StartElement:
			if !refStart.MatchString(raw) {
				return node{}, fmt.Errorf("no start tag: %q", raw)
			}
			names := map[string]bool{}
			for _, m := range refAttribute.FindAllStringSubmatch(raw, -1) {
				if names[m[1]] || !refReferences(m[2]) {
					return node{}, fmt.Errorf("bad attribute: %q", raw)
				}
				names[m[1]] = true
			}
			open = append(open, node{tag: refStart.FindStringSubmatch(raw)[1]})
		case xml.EndElement:
			// That of an empty-element tag is made up.
			if m := refEnd.FindStringSubmatch(raw); len(open) == 1 || raw != "" && (m == nil || m[1] != top.tag) {
				return node{}, fmt.Errorf("no end tag: %q", raw)
			}
			n := *top
			open = open[:len(open)-1]
			open[len(open)-1].parts = append(open[len(open)-1].parts, n)
		case xml.CharData:
			cdata := strings.HasPrefix(raw, "<![CDATA[")
			if !cdata && !refReferences(raw) {
				return node{}, fmt.Errorf("bad reference: %q", raw)
			}
			top.parts = append(top.parts, node{text: string(token), blank: !cdata && strings.Trim(raw, " \t\r\n") == ""})
		case xml.Comment:
		default:
			return node{}, errors.New("a processing instruction or document type")
		}
	}
	if len(open) != 1 {
		return node{}, errors.New("elements are left open")
	}
	roots, err := open[0].elements()
	if err != nil || len(roots) != 1 {
		return node{}, fmt.Errorf("not one root: %w", err)
	}
	return roots[0], nil
}

// refReferences reports whether every & in raw begins a reference to a character
// that XML has.
func refReferences(raw string) bool {
	for {
		i := strings.IndexByte(raw, '&')
		if i < 0 {
			return true
		}
		raw = raw[i:]
		m := refReference.FindString(raw[:min(len(raw), 64)])
		if m == "" || len(m) > 32 {
			return false
		}
		if number, ok := strings.CutPrefix(m, "&#"); ok {
			base := 10
			if number[0] == 'x' {
				base, number = 16, number[1:]
			}
			n, err := strconv.ParseUint(strings.TrimSuffix(number, ";"), base, 32)
			if err != nil || n > utf8.MaxRune || n < ' ' && n != '\t' && n != '\n' && n != '\r' || n >= 0xD800 && n <= 0xDFFF || n == 0xFFFE || n == 0xFFFF {
				return false
			}
		}
		raw = raw[1:]
	}
}

// elements returns the elements in n, where there is nothing else.
func (n node) elements() ([]node, error) {
	var kids []node
	for _, p := range n.parts {
		if p.tag == "" && !p.blank {
			return nil, fmt.Errorf("text in <%s>", n.tag)
		}
		if p.tag != "" {
			kids = append(kids, p)
		}
	}
	return kids, nil
}

// content returns the text in n, where there is nothing else.
func (n node) content() (string, error) {
	var text strings.Builder
	for _, p := range n.parts {
		if p.tag != "" {
			return "", fmt.Errorf("<%s> in <%s>", p.tag, n.tag)
		}
		text.WriteString(p.text)
	}
	return text.String(), nil
}

func (n node) params() ([]any, error) {
	kids, err := n.elements()
	values := []any{}
	for _, p := range kids {
		inside, wrong := p.elements()
		if wrong != nil || p.tag != "param" {
			return nil, fmt.Errorf("no <param>: %w", wrong)
		}
		var v any
		if len(inside) > 0 {
			if v, wrong = p.only("value"); wrong != nil {
				return nil, wrong
			}
		}
		values = append(values, v)
	}
	return values, err
}

// only returns the value that is all there is in n.
func (n node) only(tag string) (any, error) {
	kids, err := n.elements()
	if err != nil || len(kids) != 1 || kids[0].tag != tag {
		return nil, fmt.Errorf("no <%s> alone in <%s>: %w", tag, n.tag, err)
	}
	return kids[0].value()
}

// value reads a <value>.
func (n node) value() (any, error) {
	if n.tag != "value" {
		return nil, fmt.Errorf("<%s> is no value", n.tag)
	}
	for _, p := range n.parts {
		if p.tag == "" && !p.blank {
			break
		}
		if p.tag != "" {
			kids, err := n.elements()
			if err != nil || len(kids) != 1 {
				return nil, fmt.Errorf("more than a type: %w", err)
			}
			return kids[0].typed()
		}
	}
	return n.content()
}

func (n node) typed() (any, error) {
	tag := n.tag
	if _, local, prefixed := strings.Cut(tag, ":"); prefixed && local != "array" && local != "struct" {
		tag = local
	}
	switch tag {
	case "array":
		return n.array()
	case "struct":
		return n.members()
	}
	text, err := n.content()
	if err != nil {
		return nil, err
	}
	plain := strings.Trim(text, " \t\r\n")
	switch tag {
	case "string":
		return text, nil
	case "int", "i1", "i2", "i4", "i8", "biginteger":
		if b, ok := new(big.Int).SetString(plain, 10); ok && !strings.Contains(plain, "_") {
			if b.IsInt64() {
				return b.Int64(), nil
			}
			return b, nil
		}
		if strings.Trim(strings.ToLower(plain), "+-") != plain && strings.ContainsAny(plain, "nN") || !strings.ContainsAny(plain, "0123456789") {
			return nil, errors.New("no number")
		}
		return refFloat(plain)
	case "double", "float", "bigdecimal":
		return refFloat(plain)
	case "boolean":
		switch plain {
		case "1", "true", "True", "TRUE":
			return true, nil
		case "0", "false", "False", "FALSE":
			return false, nil
		}
	case "dateTime.iso8601", "dateTime":
		return refDate(plain)
	case "base64":
		return refBase64(text)
	case "nil":
		if plain == "" {
			return nil, nil
		}
	}
	return nil, fmt.Errorf("no %s: %q", tag, text)
}

func refFloat(s string) (any, error) {
	if low := strings.ToLower(s); low == "-nan" || low == "+nan" {
		return math.NaN(), nil
	}
	return strconv.ParseFloat(s, 64)
}

var refBase64Form = regexp.MustCompile(`^[A-Za-z0-9+/]*={0,2}$`)

func refBase64(s string) (any, error) {
	s = strings.NewReplacer(" ", "", "\t", "", "\r", "", "\n", "").Replace(s)
	data := strings.TrimRight(s, "=")
	if !refBase64Form.MatchString(s) || len(s)-len(data) > (4-len(data)%4)%4 {
		return nil, errors.New("no base64")
	}
	b, err := base64.RawStdEncoding.DecodeString(data)
	return b, err
}

var refDateForm = regexp.MustCompile(`^(\d{4})(-?)(\d\d)(-?)(\d\d)[Tt ](\d\d)(:?)(\d\d)(:?)(\d\d)(?:[.,](\d+))?(?:([Zz])|([+-])(\d\d):?(\d\d)?)?$`)

func refDate(s string) (any, error) {
	m := refDateForm.FindStringSubmatch(s)
	if m == nil || m[2] != m[4] || m[7] != m[9] || m[13] != "" && strings.HasSuffix(s, ":") {
		return nil, errors.New("no date")
	}
	n := func(i int) int { v, _ := strconv.Atoi(m[i]); return v }
	year, month, day, hour, minute, second := n(1), n(3), n(5), n(6), n(8), n(10)
	nanos, _ := strconv.Atoi((m[11] + "000000000")[:9])
	east := n(14)*3600 + n(15)*60
	if m[13] == "-" {
		east = -east
	}
	if year == 0 && month == 0 && day == 0 && hour == 0 && minute == 0 && second == 0 && nanos == 0 && east == 0 {
		return time.Time{}, nil
	}
	noon := time.Date(year, time.Month(month), day, 12, 0, 0, 0, time.UTC)
	if noon.Year() != year || int(noon.Month()) != month || noon.Day() != day || hour > 23 || minute > 59 || second > 60 || n(14) > 23 || n(15) > 59 {
		return nil, errors.New("no such date")
	}
	at := time.Date(year, time.Month(month), day, hour, minute, second, nanos, time.UTC).Add(-time.Duration(east) * time.Second)
	if at.Year() < 0 || at.Year() > 9999 {
		return nil, errors.New("not of four digits")
	}
	return at, nil
}

func (n node) array() (any, error) {
	kids, err := n.elements()
	if err == nil && len(kids) > 0 && kids[0].tag == "data" {
		if len(kids) > 1 {
			return nil, errors.New("more than <data>")
		}
		kids, err = kids[0].elements()
	}
	list := []any{}
	for _, k := range kids {
		v, wrong := k.value()
		if wrong != nil {
			return nil, wrong
		}
		list = append(list, v)
	}
	return list, err
}

func (n node) members() (any, error) {
	kids, err := n.elements()
	members := map[string]any{}
	for _, k := range kids {
		parts, wrong := k.elements()
		if wrong != nil || k.tag != "member" || len(parts) != 2 {
			return nil, fmt.Errorf("no member: %w", wrong)
		}
		if parts[0].tag != "name" {
			parts[0], parts[1] = parts[1], parts[0]
		}
		if parts[0].tag != "name" {
			return nil, errors.New("no name")
		}
		name, wrong := parts[0].content()
		if wrong != nil {
			return nil, wrong
		}
		if members[name], wrong = parts[1].value(); wrong != nil {
			return nil, wrong
		}
	}
	return members, err
}

// checkReference holds what was read of a document, or that it was refused,
// against the reference.
func checkReference(t *testing.T, doc []byte, root, method string, v any, err error) {
	t.Helper()
	wantRoot, wantMethod, want, wrong := readReference(doc)
	if wrong == nil && wantRoot != root && (root == "methodCall" || wantRoot == "methodCall") {
		wrong = fmt.Errorf("<%s>", wantRoot)
	}
	var syntax *SyntaxError
	switch {
	case err == nil && wrong != nil:
		t.Fatalf("accepted as\n%#v\nbut the reference says: %v", v, wrong)
	case errors.As(err, &syntax) && syntax.Code == CodeOverLimit: // the reference knows no limits
	case err != nil && wrong == nil:
		t.Fatalf("refused: %v\nbut the reference accepts it as\n%#v", err, want)
	case err != nil:
	case wantRoot != root || wantMethod != method:
		t.Fatalf("got <%s> %q; the reference says <%s> %q", root, method, wantRoot, wantMethod)
	case root != "fault" && !same(v, want):
		t.Fatalf("got\n%#v\nthe reference says\n%#v", v, want)
	case root == "fault" && !sameFault(v.(fault), want.(map[string]any)):
		t.Fatalf("got %#v; the reference says\n%#v", v, want)
	}
}

// sameFault holds a fault against its struct, where both parts are of their
// usual type; nothing that was in it may be lost otherwise.
func sameFault(f fault, m map[string]any) bool {
	code, isInt := m["faultCode"].(int64)
	text, isText := m["faultString"].(string)
	_, coded := m["faultCode"]
	switch {
	case isInt && int64(int(code)) == code && int64(f.code) != code:
		return false
	case isInt && isText && int64(int(code)) == code:
		return f.message == text
	case isText:
		return strings.HasSuffix(f.message, text) || text == ""
	}
	return coded || f.code == 0
}
