package tomlfile

import (
	"bytes"
	"encoding"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// foundKeys are the keys that stand in a document.
type foundKeys struct {
	lines map[string]int // by the path of a key or table: "xmlrpc[1].listen"
	wrong []wrongKey
}

type wrongKey struct {
	line      int
	key, text string
}

// knownKeys are the keys that a document may have, tables as well, with the
// types of their values: "xmlrpc.listen". A name that is free is a star:
// "server.*.url".
type knownKeys map[string]reflect.Type

// Known returns the keys and tables that a file may have that is decoded into
// the struct that into points to: "xmlrpc.listen". A name that is free is a star:
// "server.*.url".
func Known(into any) []string { return slices.Sorted(maps.Keys(keysOf(into))) }

// keysOf returns the keys of the struct that into points to.
func keysOf(into any) knownKeys {
	known := knownKeys{}
	var add func(table string, t reflect.Type)
	add = func(table string, t reflect.Type) {
		for field := range t.Fields() {
			name := table + field.Tag.Get("toml")
			switch {
			case field.Anonymous:
				add(table, field.Type)
				continue
			case name == table:
				continue
			}
			known[name] = field.Type
			inner := elem(field.Type)
			if inner.Kind() == reflect.Map && inner.Elem().Kind() == reflect.Struct {
				name, inner = name+".*", inner.Elem()
				known[name] = inner
			}
			if inner.Kind() == reflect.Struct && !isText(inner) {
				add(name+".", inner)
			}
		}
	}
	add("", reflect.TypeOf(into).Elem())
	return known
}

// of returns the type of a key; false if there is no such key.
func (k knownKeys) of(name string) (reflect.Type, bool) {
	if t, ok := k[name]; ok {
		return t, true
	}
	if t, ok := k[strings.TrimSuffix(name, ".*")]; ok && t.Kind() == reflect.Map {
		return t.Elem(), true
	}
	return nil, false
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

// isTables reports whether t is a list of tables.
func isTables(t reflect.Type) bool {
	return t != nil && t.Kind() == reflect.Slice && elem(t).Kind() == reflect.Struct && !isText(elem(t))
}

// wanted says what the value of a key is.
func (k knownKeys) wanted(name string) string {
	t, ok := k.of(name)
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
	case isTables(t):
		return "a table of its own for each: [[" + name + "]]"
	case t.Kind() == reflect.Slice:
		return "a list of texts"
	}
	return "a table: [" + strings.Replace(name, "*", "NAME", 1) + "]"
}

// plain leaves the numbers out of a path, and puts stars for names that are free.
// All that follows the name of a rule is part of it.
func (k knownKeys) plain(path string) string {
	for {
		before, after, ok := strings.Cut(path, "[")
		if !ok {
			break
		}
		_, after, _ = strings.Cut(after, "]")
		path = before + after
	}
	table, rest, ok := strings.Cut(path, ".")
	if t := k[table]; !ok || t == nil || t.Kind() != reflect.Map {
		return path
	}
	_, key, ok := strings.Cut(rest, ".")
	if !ok || k[table+".*"] == nil {
		return table + ".*"
	}
	return table + ".*." + key
}

// keyReader goes through a document.
type keyReader struct {
	foundKeys
	known   knownKeys
	refused map[string]string // why there is no such key, by its last word
	tables  map[string]int    // how many there are so far of a list
	parser  unstable.Parser

	offset, line int // of the key before: they come one after another
}

// readKeys finds the keys of a document that can be decoded, and those that may
// not be there. The decoder does not tell a key in capitals from one in small
// letters, of which the last would win.
func readKeys(doc []byte, known knownKeys, refused map[string]string) foundKeys {
	r := keyReader{known: known, refused: refused, tables: map[string]int{}, foundKeys: foundKeys{lines: map[string]int{}}}
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
	return r.foundKeys
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
		if t, ok := r.known.of(r.known.plain(path)); ok && isText(elem(t)) {
			r.wrong = append(r.wrong, wrongKey{line, path, "want a text in quotes"})
		}
	}
}

// empty refuses a known key that says nothing. To the decoder it is the same as
// none, which opens what it should close: credentials, allow_from.
func (r *keyReader) empty(path string, line int) {
	name := r.known.plain(path)
	if t, ok := r.known[name]; ok && (isText(elem(t)) || elem(t).Kind() == reflect.String) {
		r.wrong = append(r.wrong, wrongKey{line, path, "it is empty; write " + r.known.wanted(name) + ", or leave it out"})
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
	name := r.known.plain(path)
	_, known := r.known.of(name)
	list, _, inList := strings.Cut(path, ".")
	_, last, _ := cutLast(name)
	switch {
	case !known && r.refused[last] != "":
		r.wrong = append(r.wrong, wrongKey{line, path, r.refused[last]})
	case !known:
		r.wrong = append(r.wrong, wrongKey{line, path, "there is no such key" + r.similar(name)})
	case inList && isTables(r.known[list]):
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
