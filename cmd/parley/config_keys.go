package main

import (
	"bytes"
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// configKeys are the keys that stand in a config file.
type configKeys struct {
	lines map[string]int // by the path of a key or table: "xmlrpc[1].listen"
	wrong []wrongKey
}

type wrongKey struct {
	line      int
	key, text string
}

// knownKeys returns the keys that a config file may have, tables as well, with
// the types of their values: "xmlrpc.listen". The names below "policy" are free.
func knownKeys() map[string]reflect.Type {
	known := map[string]reflect.Type{}
	var add func(table string, t reflect.Type)
	add = func(table string, t reflect.Type) {
		for field := range t.Fields() {
			name := field.Tag.Get("toml")
			switch {
			case field.Anonymous:
				add(table, field.Type)
			case name == "":
			default:
				known[table+name] = field.Type
				if inner := elem(field.Type); inner.Kind() == reflect.Struct && !isText(inner) {
					add(table+name+".", inner)
				}
			}
		}
	}
	add("", reflect.TypeFor[config]())
	return known
}

// elem is the type of the elements of a slice, or t itself.
func elem(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Slice {
		return t.Elem()
	}
	return t
}

// isText reports whether values of t are written as text.
func isText(t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

// wanted says what the value of a known key is.
func wanted(name string) string {
	t, ok := knownKeys()[name]
	switch {
	case strings.HasPrefix(name, "policy."):
		return `a list of texts, such as ["catalog.*"]`
	case !ok:
		return "something else"
	case isText(t) || t.Kind() == reflect.String:
		return "a text in quotes"
	case t.Kind() == reflect.Int:
		return "a whole number"
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() == reflect.Slice && elem(t).Kind() == reflect.Struct && !isText(elem(t)):
		return "a table of its own for each: [[" + name + "]]"
	case t.Kind() == reflect.Slice:
		return "a list of texts"
	}
	return "a table: [" + name + "]"
}

// keyReader goes through a document.
type keyReader struct {
	configKeys
	known  map[string]reflect.Type
	tables map[string]int // how many there are so far of a list
	parser unstable.Parser

	offset, line int // of the key before: they come one after another
}

// readKeys finds the keys of a document that can be decoded, and those that may
// not be there. The decoder does not tell a key in capitals from one in small
// letters, of which the last would win.
func readKeys(doc []byte) configKeys {
	r := keyReader{known: knownKeys(), tables: map[string]int{}, configKeys: configKeys{lines: map[string]int{}}}
	r.parser.Reset(doc)
	var table string
	for r.parser.NextExpression() {
		e := r.parser.Expression()
		switch e.Kind {
		case unstable.Table:
			table = r.key("", e.Key()) // its line
		case unstable.ArrayTable:
			name := r.key("", e.Key())
			line := r.lines[name]
			table = fmt.Sprintf("%s[%d]", name, r.tables[name])
			r.tables[name]++
			r.lines[table] = line
		case unstable.KeyValue:
			r.value(table, e)
		}
	}
	return r.configKeys
}

// value takes in a key with its value, and the keys inside of that.
func (r *keyReader) value(table string, e *unstable.Node) {
	path := r.key(table, e.Key())
	r.inside(path, r.lines[path], e.Value())
}

func (r *keyReader) inside(path string, line int, v *unstable.Node) {
	switch children := v.Children(); v.Kind {
	case unstable.InlineTable:
		for children.Next() {
			r.value(path, children.Node())
		}
	case unstable.Array:
		n := 0
		for ; children.Next(); n++ {
			r.inside(fmt.Sprintf("%s[%d]", path, n), line, children.Node())
		}
		if n == 0 {
			r.empty(path, line)
		}
	case unstable.String:
		if len(v.Data) == 0 {
			r.empty(path, line)
		}
	default:
		if t, ok := r.known[plain(path)]; ok && isText(elem(t)) {
			r.wrong = append(r.wrong, wrongKey{line, path, "want a text in quotes"})
		}
	}
}

// empty refuses a known key that says nothing. To the decoder it is the same as
// none, which opens what it should close: credentials, allow_from.
func (r *keyReader) empty(path string, line int) {
	if t, ok := r.known[plain(path)]; ok && (isText(elem(t)) || elem(t).Kind() == reflect.String) {
		r.wrong = append(r.wrong, wrongKey{line, path, "it is empty; write " + wanted(plain(path)) + ", or leave it out"})
	}
}

// key notes the line of a key in a table and returns its path.
func (r *keyReader) key(table string, parts unstable.Iterator) string {
	path, line := table, 0
	for parts.Next() {
		if path != "" {
			path += "."
		}
		path += string(parts.Node().Data)
		line = r.lineAt(int(parts.Node().Raw.Offset))
	}
	r.lines[path] = line
	name := plain(path)
	_, known := r.known[name]
	list, _, inList := strings.Cut(path, ".")
	switch {
	case strings.HasPrefix(name, "policy."):
	case !known:
		r.wrong = append(r.wrong, wrongKey{line, path, "there is no such key" + r.similar(name)})
	case inList && (list == "xmlrpc" || list == "native"):
		r.wrong = append(r.wrong, wrongKey{line, path, "write [[" + list + "]] above it, for there may be several"})
	}
	return path
}

// lineAt returns the line of an offset that is not before the last one.
func (r *keyReader) lineAt(offset int) int {
	r.line += bytes.Count(r.parser.Data()[r.offset:offset], []byte("\n"))
	r.offset = offset
	return 1 + r.line
}

// plain leaves the numbers out of a path.
func plain(path string) string {
	for {
		before, after, ok := strings.Cut(path, "[")
		if !ok {
			return path
		}
		_, after, _ = strings.Cut(after, "]")
		path = before + after
	}
}

// similar says which keys there are in the table of an unknown one.
func (r *keyReader) similar(name string) string {
	table, _, _ := cutLast(name)
	var there []string
	for k := range r.known {
		if in, last, _ := cutLast(k); in == table {
			there = append(there, last)
		}
	}
	if len(there) == 0 {
		return ""
	}
	slices.Sort(there)
	return "; there are " + strings.Join(there, ", ")
}
