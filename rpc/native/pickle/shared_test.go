package pickle

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-rpc/parley/internal/peertest"
	"github.com/parley-rpc/parley/rpc/value"
)

type knot struct {
	Name string `rpc:"name"`
	Next *knot  `rpc:"next"`
}

func knots(t testing.TB) *Registry {
	reg := NewRegistry()
	if err := reg.Name("knots.Knot", &knot{}); err != nil {
		t.Fatal(err)
	}
	return reg
}

func TestSharedPointers(t *testing.T) {
	reg := knots(t)
	k := &knot{Name: "k"}
	data, err := Append(nil, []any{k, &knot{"other", k}, k}, EncodeOptions{Registry: reg})
	if err != nil {
		t.Fatal(err)
	}
	got, _, err := Decode(data, Options{Registry: reg})
	if err != nil {
		t.Fatal(err)
	}
	list := got.([]any)
	first := list[0].(*knot)
	if list[2].(*knot) != first || list[1].(*knot).Next != first || first.Name != "k" {
		t.Errorf("got %v; want the same pointer in three places", list)
	}
	var typed []*knot
	m, err := Read(data, Options{Registry: reg})
	if err != nil {
		t.Fatal(err)
	}
	if s := m.Source(); true {
		if value.Decode(s, &typed); s.Err() != nil {
			t.Fatal(s.Err())
		}
	}
	if typed[2] != typed[0] || typed[1].Next != typed[0] {
		t.Errorf("got %v; want the same pointer in three places", typed)
	}
}

func TestSharedContainers(t *testing.T) {
	list, dict := []any{int64(1)}, map[string]any{"a": int64(1)}
	set := value.Set{Items: []any{int64(1)}}
	v := []any{list, list, dict, dict, set, set, value.Tuple{list}}
	data, err := Append(nil, v, EncodeOptions{Shared: true})
	if err != nil {
		t.Fatal(err)
	}
	got, _, err := Decode(data, Options{Shared: true})
	if diff := cmp.Diff(any(v), got); err != nil || diff != "" {
		t.Fatalf("got error %v (-want +got):\n%s", err, diff)
	}
	all := got.([]any)
	all[0].([]any)[0] = "changed"
	all[2].(map[string]any)["a"] = "changed"
	all[4].(value.Set).Items[0] = "changed"
	if all[1].([]any)[0] != "changed" || all[6].(value.Tuple)[0].([]any)[0] != "changed" || all[3].(map[string]any)["a"] != "changed" || all[5].(value.Set).Items[0] != "changed" {
		t.Errorf("got %v; want what is one in the message to be one", all)
	}
	got, _, err = Decode(data, Options{})
	if err != nil {
		t.Fatal(err)
	}
	got.([]any)[0].([]any)[0] = "changed"
	if got.([]any)[1].([]any)[0] != int64(1) {
		t.Error("without Shared: got one list at two places; want two")
	}
}

func TestSharedDoesNotLiftLimits(t *testing.T) {
	bomb := []byte("\x80\x02]q\x00")
	for i := range byte(60) {
		bomb = append(bomb, '0', opEmptyList, opMark, opBinGet, i, opBinGet, i, opAppends, opBinPut, i+1)
	}
	for _, o := range []Options{{Shared: true}, {Shared: true, MaxDepth: 1000}} {
		if v, _, err := Decode(append(bomb, '.'), o); !errors.Is(err, ErrLimit) {
			t.Errorf("%+v: got %T, %v; want an error that is ErrLimit", o, v, err)
		}
	}
	// [x, [[x]]], where x is [[]]: too deep only at its second place.
	const deep = "\x80\x02](]]aq\x00]]h\x00aae."
	if _, _, err := Decode([]byte(deep), Options{Shared: true, MaxDepth: 4}); !errors.Is(err, ErrLimit) {
		t.Errorf("too deep at the second place: got error %v; want ErrLimit", err)
	}
	if _, _, err := Decode([]byte(deep), Options{Shared: true, MaxDepth: 5}); err != nil {
		t.Errorf("deep enough: %v", err)
	}
}

func TestCycles(t *testing.T) {
	reg := knots(t)
	k := &knot{Name: "k"}
	k.Next = k
	list := []any{nil}
	list[0] = list
	for _, v := range []any{k, list} {
		if _, err := Append(nil, v, EncodeOptions{Registry: reg, Shared: true}); err == nil || !strings.Contains(err.Error(), "contains itself") {
			t.Errorf("%T: got error %v; want one that says so", v, err)
		}
	}
	if _, err := Append(nil, list, EncodeOptions{}); !errors.Is(err, ErrLimit) {
		t.Errorf("not shared: got error %v; want ErrLimit", err)
	}
	const self = "\x80\x02cknots\nKnot\n)\x81q\x00}(X\x04\x00\x00\x00nexth\x00ub."
	for _, o := range []Options{{Registry: reg}, {Objects: true}, {Objects: true, Shared: true}} {
		if v, _, err := Decode([]byte(self), o); err == nil || !strings.Contains(err.Error(), "contains itself") {
			t.Errorf("got %v, %v; want an error that says so", v, err)
		}
	}
}

func TestLiveShared(t *testing.T) {
	python := peertest.Python(t)
	list, dict := []any{int64(1)}, map[string]any{"a": int64(1)}
	for protocol := 2; protocol <= 4; protocol++ {
		data, err := Append(nil, []any{list, list, dict, value.Tuple{dict, list}, []any{}, []any{}}, EncodeOptions{Shared: true, Protocol: protocol})
		if err != nil {
			t.Fatal(err)
		}
		out := peertest.RunPython(t, t.Context(), python, fmt.Sprintf(`
import pickle
v = pickle.loads(bytes.fromhex("%x"))
print(v, v[0] is v[1], v[2] is v[3][0], v[0] is v[3][1], v[4] is v[5])
`, data))
		if want := "[[1], [1], {'a': 1}, ({'a': 1}, [1]), [], []] True True True False\n"; out != want {
			t.Errorf("protocol %d: got %q; want %q", protocol, out, want)
		}
	}
}
