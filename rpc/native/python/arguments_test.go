package python

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-rpc/parley/rpc/value"
)

// What a client passes on may have parameters of any kind: names without a
// place, places without a name.
func TestBind(t *testing.T) {
	for _, test := range []struct {
		name   string
		args   arguments
		params int
		p      *value.Params
		want   []any
		err    string
	}{
		{"none", arguments{}, 0, nil, nil, ""},
		{"by position", arguments{positional: []any{1}}, 2, nil, []any{1}, ""},
		{"no Params", arguments{named: dict{"a": 1}}, 2, nil, nil, "keyword arguments are not taken: got a"},
		{"no names", arguments{named: dict{"a": 1}}, 2, &value.Params{}, nil, "keyword arguments are not taken: got a"},
		{"optional in between", arguments{positional: []any{1}, named: dict{"c": 3}}, 3, &value.Params{Names: []string{"a", "b", "c"}, Required: 1}, []any{1, nil, 3}, ""},
		{"variadic, all of it", arguments{positional: []any{1, 2, 3}, named: dict{"b": 3}}, 2, &value.Params{Names: []string{"a", "b"}, Required: 1, Variadic: true}, nil, `no parameter is named "b": expected a`},
		{"fewer names than parameters", arguments{positional: nil, named: dict{"a": 1}}, 2, &value.Params{Names: []string{"a"}, Required: 1}, []any{1}, ""},
		{"more names than parameters", arguments{positional: nil, named: dict{"b": 1}}, 1, &value.Params{Names: []string{"a", "b"}}, nil, `no parameter is named "b": expected a`},
		{"names that do not print", arguments{positional: nil, named: dict{"\x1b[2J": 1}}, 1, nil, nil, `keyword arguments are not taken: got \x1b[2J`},
		{"many names", arguments{positional: nil, named: dict{"a": 1, "b": 1, "c": 1, "d": 1, "e": 1, "f": 1, "g": 1, "h": 1, "i": 1, "j": 1}}, 1, nil, nil, "keyword arguments are not taken: got a, b, c, d, e, f, g, h and 2 more"},
	} {
		got, err := test.args.bind(test.params, test.p)
		if test.err != "" {
			if err == nil || err.Error() != test.err {
				t.Errorf("%s: got error %v; want %q", test.name, err, test.err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}
