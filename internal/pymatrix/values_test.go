package pymatrix

import "fmt"

// A row is one value of the matrix.
type row struct {
	python string // an expression; see testdata/values.py for the names in it
	sees   string // what a Go function sees, by show; "" if it is refused
	back   string // what Python gets back, by show in values.py; "" is the same
	since  int    // the Python 3 minor version that has it; 0 is Python 2 as well, 1 any Python 3
	only2  bool   // Python 2 alone
	look   string // a further thing to look at in what comes back, an expression of v
	hidden bool   // one more of a kind: in the tests, but not in the document
	object bool   // read with Options.Objects
}

// refused is the text in the place of sees for a message that is not read.
const refused = "refused: "

// groups are the rows as the document has them.
var groups = []struct {
	name string
	rows []row
}{
	{"Nothing, truth and numbers", []row{
		{python: "None", sees: "nil"},
		{python: "True", sees: "true"},
		{python: "False", sees: "false", hidden: true},
		{python: "0", sees: "int64 0"},
		{python: "-1", sees: "int64 -1", hidden: true},
		{python: "255", sees: "int64 255", hidden: true},
		{python: "256", sees: "int64 256", hidden: true},
		{python: "65535", sees: "int64 65535", hidden: true},
		{python: "65536", sees: "int64 65536", hidden: true},
		{python: "-32769", sees: "int64 -32769", hidden: true},
		{python: "2**31 - 1", sees: "int64 2147483647", hidden: true},
		{python: "2**31", sees: "int64 2147483648", hidden: true},
		{python: "-2**31 - 1", sees: "int64 -2147483649", hidden: true},
		{python: "2**63 - 1", sees: "int64 9223372036854775807"},
		{python: "-2**63", sees: "int64 -9223372036854775808"},
		{python: "2**63", sees: "*big.Int 9223372036854775808"},
		{python: "-2**63 - 1", sees: "*big.Int -9223372036854775809", hidden: true},
		{python: "2**100", sees: "*big.Int 1267650600228229401496703205376"},
		{python: "-2**100 + 1", sees: "*big.Int -1267650600228229401496703205375", hidden: true},
		{python: "2**4096 - 1", sees: "*big.Int of 4096 bits"},
		{python: "2**4096", sees: refused + "an integer of 4097 bits, above 4096: beyond the limit"},
		{python: "1.5", sees: "float64 1.5"},
		{python: "-0.0", sees: "float64 -0.0"},
		{python: "1e308", sees: "float64 1e+308", hidden: true},
		{python: "5e-324", sees: "float64 5e-324"},
		{python: "0.1 + 0.2", sees: "float64 0.30000000000000004", hidden: true},
		{python: "float('inf')", sees: "float64 +Inf"},
		{python: "float('-inf')", sees: "float64 -Inf", hidden: true},
		{python: "float('nan')", sees: "float64 NaN"},
		{python: "complex(1.5, -2)", sees: "complex128 (1.5-2.0i)"},
		{python: "complex(0.0, -0.0)", sees: "complex128 (0.0-0.0i)", hidden: true},
		{python: "Decimal('1.50')", sees: "value.Decimal 1.50"},
		{python: "Decimal('-1E+1000')", sees: "value.Decimal -1E+1000"},
		{python: "Decimal('Infinity')", sees: "value.Decimal Infinity", hidden: true},
		{python: "Decimal('sNaN12')", sees: "value.Decimal sNaN12", hidden: true},
		{python: "Fraction(1, 3)", sees: "*big.Rat 1/3"},
		{python: "Fraction(-2**70, 3)", sees: "*big.Rat -1180591620717411303424/3", hidden: true},
	}},
	{"Text and bytes", []row{
		{python: "u''", sees: `string ""`},
		{python: "u'abc'", sees: `string "abc"`},
		{python: `u'h\u00e9 \u20ac \U0001F600'`, sees: `string "hé € 😀"`},
		{python: `u'a\x00b'`, sees: `string "a\x00b"`},
		{python: `u'line\nline\r\\u0041'`, sees: `string "line\nline\r\\u0041"`, hidden: true},
		{python: `u'\ufffe\uffff'`, sees: `string "\ufffe\uffff"`, hidden: true},
		{python: "u'x' * 255", sees: "string of 255 bytes", hidden: true},
		{python: "u'x' * 256", sees: "string of 256 bytes", hidden: true},
		{python: "u'x' * 1000000", sees: "string of 1000000 bytes"},
		{python: `u'\ud800'`, sees: refused + "got a str with a lone surrogate, which is no Unicode text; send it as bytes, or see Options.Surrogates"},
		{python: `u'a\udcff'`, sees: refused + "got a str with a lone surrogate, which is no Unicode text; send it as bytes, or see Options.Surrogates", hidden: true},
		{python: "b''", sees: "[]byte \"\"", since: 1},
		{python: `b'\xff\x00abc'`, sees: `[]byte "\xff\x00abc"`, since: 1},
		{python: "b'abc'", sees: `[]byte "abc"`, since: 1, hidden: true},
		{python: `b'\xff' * 100000`, sees: "[]byte of 100000 bytes", since: 1},
		{python: "'abc'", sees: `string "abc"`, back: "u'abc'", only2: true},
		{python: `'h\xc3\xa9'`, sees: `string "hé"`, back: `u'h\xe9'`, only2: true},
		{python: `'\xff\x00'`, sees: `[]byte "\xff\x00"`, only2: true},
		{python: "bytearray()", sees: `value.ByteArray ""`},
		{python: `bytearray(b'\xff\x00')`, sees: `value.ByteArray "\xff\x00"`},
	}},
	{"Containers", []row{
		{python: "[]", sees: "[]any{}"},
		{python: "[1, u'a', None]", sees: `[]any{1, "a", nil}`},
		{python: "[[], [[]]]", sees: "[]any{[]any{}, []any{[]any{}}}", hidden: true},
		{python: "list(range(2500))", sees: "[]any of 2500"},
		{python: "[[1.5] * 3] * 3", sees: "[]any{[]any{1.5, 1.5, 1.5}, []any{1.5, 1.5, 1.5}, []any{1.5, 1.5, 1.5}}", hidden: true},
		{python: "()", sees: "value.Tuple{}"},
		{python: "(1,)", sees: "value.Tuple{1}"},
		{python: "(1, (2, 3), (4, 5, 6), (7, 8, 9, 10))", sees: "value.Tuple{1, value.Tuple{2, 3}, value.Tuple{4, 5, 6}, value.Tuple{7, 8, 9, 10}}"},
		{python: "{}", sees: "map[string]any{}"},
		{python: "{u'a': 1, u'b': [2]}", sees: `map[string]any{"a": 1, "b": []any{2}}`},
		{python: "{u'': {u'x': {}}}", sees: `map[string]any{"": map[string]any{"x": map[string]any{}}}`, hidden: true},
		{python: "dict((u'k%d' % i, i) for i in range(1500))", sees: "map[string]any of 1500"},
		{python: "{u'b': 1, u'a': 2}", sees: `map[string]any{"a": 2, "b": 1}`, look: "'in the order ' + ', '.join(v)", back: "{u'a': 2, u'b': 1}, in the order a, b", since: 7},
		{python: "{2: 1, 1: 2}", sees: "value.Map{1: 2, 2: 1}", look: "list(v)", since: 7, hidden: true},
		{python: "{1: u'a', 2: u'b'}", sees: `value.Map{1: "a", 2: "b"}`},
		{python: "{u'a': 1, 1: u'a'}", sees: `value.Map{"a": 1, 1: "a"}`},
		{python: "{None: 1}", sees: "value.Map{nil: 1}"},
		{python: "{True: 1, 0: 2}", sees: "value.Map{0: 2, true: 1}", hidden: true},
		{python: "{1.5: 1}", sees: "value.Map{1.5: 1}"},
		{python: "{(1, u'a'): 1}", sees: `value.Map{value.Tuple{1, "a"}: 1}`},
		{python: "{frozenset([1]): 1}", sees: "value.Map{frozen value.Set{1}: 1}"},
		{python: "{Decimal('1.5'): 1}", sees: "value.Map{value.Decimal 1.5: 1}"},
		{python: "{UUID(int=1): 1}", sees: "value.Map{value.UUID 00000000-0000-0000-0000-000000000001: 1}", hidden: true},
		{python: "{date(2024, 2, 29): 1}", sees: "value.Map{pickle.Date 2024-02-29: 1}"},
		{python: "{2**70: 1}", sees: "value.Map{*big.Int 1180591620717411303424: 1}", hidden: true},
		{python: "{b'\\xff': 1}", sees: `value.Map{[]byte "\xff": 1}`},
		{python: "set()", sees: "value.Set{}"},
		{python: "set([1, u'a'])", sees: `value.Set{"a", 1}`},
		{python: "frozenset()", sees: "frozen value.Set{}", hidden: true},
		{python: "frozenset([(1, 2)])", sees: "frozen value.Set{value.Tuple{1, 2}}"},
		{python: "set([frozenset([1])])", sees: "value.Set{frozen value.Set{1}}", hidden: true},
		{python: "range_(10)", sees: "value.Range 0:10:1"},
		{python: "range_(10, -5, -5)", sees: "value.Range 10:-5:-5"},
		{python: "nested(60)", sees: "[]any, 60 within each other"},
		{python: "nested(70)", sees: refused + "more than 64 containers within each other: beyond the limit"},
		{python: "itself()", sees: refused + "a value contains itself; expected a tree"},
		{python: "twice([1])", sees: "[]any{[]any{1}, []any{1}}", look: "'one list' if v[0] is v[1] else 'two lists'", back: "[[1], [1]], two lists"},
		{python: "twice((1, u'a'))", sees: `[]any{value.Tuple{1, "a"}, value.Tuple{1, "a"}}`, hidden: true},
		{python: "twice({u'k': [None]})", sees: `[]any{map[string]any{"k": []any{nil}}, map[string]any{"k": []any{nil}}}`, hidden: true},
		{python: "OrderedDict([(u'b', 1), (u'a', 2)])", sees: `map[string]any{"a": 2, "b": 1}`, back: "{u'a': 2, u'b': 1}"},
		{python: "OrderedDict([(2, u'b'), (1, u'a')])", sees: `value.Map{1: "a", 2: "b"}`, back: "{1: u'a', 2: u'b'}"},
		{python: "defaultdict(list, {u'a': [1]})", sees: `map[string]any{"a": []any{1}}`, back: "{u'a': [1]}"},
		{python: "defaultdict(int, {1: 2})", sees: "value.Map{1: 2}", back: "{1: 2}", hidden: true},
		{python: "Counter(u'aab')", sees: `map[string]any{"a": 2, "b": 1}`, back: "{u'a': 2, u'b': 1}"},
		{python: "deque([1, 2])", sees: "[]any{1, 2}", back: "[1, 2]"},
		{python: "deque([1, 2], 5)", sees: "[]any{1, 2}", back: "[1, 2]"},
	}},
	{"Dates, times, and others", []row{
		{python: "datetime(2024, 2, 29, 12, 30, 15, 250001)", sees: "value.LocalTime 2024-02-29T12:30:15.250001"},
		{python: "datetime(1, 1, 1)", sees: "value.LocalTime 0001-01-01T00:00:00", hidden: true},
		{python: "datetime(9999, 12, 31, 23, 59, 59, 999999)", sees: "value.LocalTime 9999-12-31T23:59:59.999999", hidden: true},
		{python: "datetime(2024, 10, 27, 2, 30, fold=1)", sees: "value.LocalTime 2024-10-27T02:30:00", back: "datetime 2024-10-27T02:30:00", since: 6},
		{python: "datetime(2024, 1, 2, tzinfo=timezone.utc)", sees: "time.Time 2024-01-02T00:00:00Z", since: 1},
		{python: "datetime(2024, 1, 2, tzinfo=timezone(timedelta(minutes=330)))", sees: "time.Time 2024-01-02T00:00:00+05:30", since: 1},
		{python: "datetime(2024, 1, 2, tzinfo=timezone(timedelta(hours=1), 'CET'))", sees: "time.Time 2024-01-02T00:00:00+01:00 CET", since: 1},
		{python: "datetime(2024, 1, 2, tzinfo=timezone(timedelta(seconds=3601)))", sees: "time.Time 2024-01-02T00:00:00+01:00:01", back: "datetime 2024-01-01T23:59:59+01:00 UTC+01:00", since: 7},
		{python: "datetime(2024, 7, 1, 12, tzinfo=ZoneInfo('Europe/Berlin'))", sees: "time.Time 2024-07-01T12:00:00+02:00 Europe/Berlin", back: "datetime 2024-07-01T12:00:00+02:00 UTC+02:00", since: 9},
		{python: "date(2024, 2, 29)", sees: "pickle.Date 2024-02-29"},
		{python: "time(12, 30, 15, 250001)", sees: "pickle.Clock 12:30:15.250001"},
		{python: "time(12, 30, tzinfo=timezone.utc)", sees: "pickle.ZoneClock 12:30:00+00:00", since: 1},
		{python: "timedelta(-1, 2, 3)", sees: "pickle.Delta -1 days 2.000003 s"},
		{python: "timedelta.max", sees: "pickle.Delta 999999999 days 86399.999999 s", hidden: true},
		{python: "UUID('12345678-1234-5678-9234-567812345678')", sees: "value.UUID 12345678-1234-5678-9234-567812345678"},
		{python: "ValueError(u'no', 1)", sees: `*pickle.Exception ValueError("no", 1)`},
		{python: "KeyError(u'k')", sees: `*pickle.Exception KeyError("k")`, hidden: true},
		{python: "StopIteration()", sees: "*pickle.Exception StopIteration()", hidden: true},
		{python: "TypeError([1], {u'a': set([1])})", sees: `*pickle.Exception TypeError([]any{1}, map[string]any{"a": value.Set{1}})`, hidden: true},
		{python: "FileNotFoundError(2, 'no such file')", sees: `*pickle.Exception FileNotFoundError(2, "no such file")`, since: 1},
		{python: "OSError(13, 'denied', 'f.txt')", sees: `*pickle.Exception PermissionError(13, "denied", "f.txt")`, since: 1},
		{python: "UnicodeDecodeError('utf-8', b'\\xff', 0, 1, 'bad')", sees: `*pickle.Exception UnicodeDecodeError("utf-8", []byte "\xff", 0, 1, "bad")`, since: 1},
		{python: "with_attribute(ValueError(u'x'))", sees: `*pickle.Exception ValueError("x")`, look: "getattr(v, 'code', 'no attribute code')", back: "ValueError(u'x'), no attribute code"},
		{python: "ImportError('x', name='m')", sees: `*pickle.Exception ImportError("x")`, look: "v.name", back: "ImportError(u'x'), None", since: 3},
		{python: "ExceptionGroup('g', [ValueError(1)])", sees: `*pickle.Exception ExceptionGroup("g", []any{*pickle.Exception ValueError(1)})`, since: 11},
	}},
	{"Registered classes", []row{
		{python: "Item(u'tea', 3)", sees: "Item{Name:tea Price:3}"},
		{python: "[Item(u'tea', 3), Item(u'milk', 1)]", sees: "[]any{Item{Name:tea Price:3}, Item{Name:milk Price:1}}", hidden: true},
		{python: "OldItem(u'tea', 3)", sees: "OldItem{Name:tea Price:3}", only2: true},
		{python: "SlotItem(u'tea', 3)", sees: "SlotItem{Name:tea Price:3}"},
		{python: "PairItem(u'tea', 3)", sees: "PairItem{Name:tea Price:3}"},
		{python: "DataItem(u'tea', 3)", sees: "DataItem{Name:tea Price:3}", since: 7},
		{python: "Level.HIGH", sees: "Level 2", since: 4},
		{python: "ItemError(u'none', 3)", sees: "*ItemError{Args:[none 3]}"},
	}},
	{"Classes that are not registered, with `Options.Objects`", objectRows([]row{
		{python: "Plain(2)", sees: `*pickle.Object shop.Plain {"x": 2}`},
		{python: "Plain([Plain(u'a')])", sees: `*pickle.Object shop.Plain {"x": []any{*pickle.Object shop.Plain {"x": "a"}}}`, hidden: true},
		{python: "Old(2)", sees: `*pickle.Object shop.Old {"x": 2}`, only2: true},
		{python: "Slots(2)", sees: `*pickle.Object shop.Slots {"x": 2}`},
		{python: "Point(1, 3)", sees: "*pickle.Object shop.Point (1, 3)"},
		{python: "Record(2)", sees: `*pickle.Object shop.Record {"x": 2}`, since: 7},
		{python: "MyError(u'x', 2)", sees: `*pickle.Object shop.MyError ("x", 2)`},
		{python: "Names([u'a'])", sees: `*pickle.Object shop.Names ["a"]`},
		{python: "Ages({u'a': 1})", sees: `*pickle.Object shop.Ages {"a": 1}`},
		{python: "types.SimpleNamespace(a=1)", sees: `*pickle.Object types.SimpleNamespace {"a": 1}`, since: 4},
		{python: "slice(1, 5, 2)", sees: "*pickle.Object builtins.slice (1, 5, 2)", since: 1},
		{python: "(Ellipsis,)", sees: "value.Tuple{*pickle.Object builtins.Ellipsis}", since: 4},
		{python: "ip_address('10.0.0.1')", sees: `*pickle.Object ipaddress.IPv4Address (167772161)`, since: 3},
		{python: "[Plain]", sees: "[]any{*pickle.Object shop.Plain}"},
	})},
	{"Classes that are not registered, and what is no data", []row{
		{python: "Plain(1)", sees: refused + "class shop.Plain is not plain data"},
		{python: "Old(1)", sees: refused + "class shop.Old is not plain data", only2: true},
		{python: "Slots(1)", sees: refused + "class shop.Slots is not plain data"},
		{python: "Point(1, 2)", sees: refused + "class shop.Point is not plain data"},
		{python: "Color.RED", sees: refused + "class shop.Color is not plain data", since: 4},
		{python: "Record(1)", sees: refused + "class shop.Record is not plain data", since: 7},
		{python: "MyError(u'x')", sees: refused + "class shop.MyError is not plain data"},
		{python: "function", sees: refused + "class shop.function is not plain data"},
		{python: "Plain", sees: refused + "class shop.Plain is not plain data", hidden: true},
		{python: "int", sees: refused + "class builtins.int is not plain data"},
		{python: "len", sees: refused + "class builtins.len is not plain data"},
		{python: "Ellipsis", sees: refused + "class builtins.Ellipsis is not plain data", since: 4},
		{python: "PurePosixPath('/tmp')", sees: refused + "class pathlib.PurePosixPath is not plain data", since: 4},
		{python: "re.compile('a')", sees: refused + "class re._compile is not plain data", hidden: true},
		{python: "timezone.utc", sees: refused + "class datetime.timezone is not plain data", since: 2},
	}},
}

// A flatRow is a row with its number, which the scripts print.
type flatRow struct {
	row
	id int
}

// objectRows are read with Options.Objects.
func objectRows(rows []row) []row {
	for i := range rows {
		rows[i].object = true
	}
	return rows
}

func allRows() []flatRow {
	var all []flatRow
	for _, g := range groups {
		for _, r := range g.rows {
			all = append(all, flatRow{r, len(all)})
		}
	}
	return all
}

// version is a Python's, as the recordings name it.
type version struct{ major, minor int }

func (v version) String() string { return fmt.Sprintf("%d.%d", v.major, v.minor) }

// highest is the highest protocol that a Python knows.
func (v version) highest() int {
	switch {
	case v.major == 2:
		return 2
	case v.minor < 8:
		return 4
	}
	return 5
}

// has reports whether a Python has the value of a row.
func (v version) has(r row) bool {
	if v.major == 2 {
		return r.since == 0
	}
	return !r.only2 && v.minor >= r.since
}
