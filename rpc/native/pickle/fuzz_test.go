package pickle

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// checkDecode decodes data; if that works, the value must hold to the limits,
// share nothing, and come back the same when it is sent.
func checkDecode(t testing.TB, data []byte) {
	t.Helper()
	v, info, err := Decode(data, Options{})
	if err != nil {
		return
	}
	checkAlone(t, string(data), v)
	if info.Protocol < 0 || info.Protocol > MaxProtocol {
		t.Errorf("%q: got protocol %d", data, info.Protocol)
	}
	for protocol := 2; protocol <= MaxProtocol; protocol++ {
		first, err := Append(nil, v, EncodeOptions{Protocol: protocol})
		if err != nil {
			if strings.Contains(err.Error(), "year") || strings.Contains(err.Error(), "needs protocol") {
				return // the first or last day, moved by an offset
			}
			t.Fatalf("%q: %T %v cannot be sent again: %v", data, v, v, err)
		}
		again, info, err := Decode(first, Options{})
		if err != nil {
			t.Fatalf("%q: what was sent for it, %q, cannot be read: %v", data, first, err)
		}
		if info.Protocol != protocol {
			t.Fatalf("%q: got protocol %d; want %d", data, info.Protocol, protocol)
		}
		second, err := Append(nil, again, EncodeOptions{Protocol: protocol})
		if err != nil || !bytes.Equal(first, second) {
			t.Fatalf("%q: sent as %q, then as %q, %v", data, first, second, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, data := range samples(f) {
		f.Add(data)
	}
	for _, test := range brokenPickles {
		f.Add([]byte(test.data))
	}
	for _, data := range shells("touch /nowhere/x") {
		f.Add([]byte(data))
	}
	f.Fuzz(func(t *testing.T, data []byte) { checkDecode(t, data) })
}

// FuzzClasses does what FuzzDecode does with classes that are registered, any
// other ones, and values at several places.
func FuzzClasses(f *testing.F) {
	for _, data := range classSamples(f) {
		f.Add(data, true, false)
		f.Add(data, false, true)
	}
	for _, data := range shells("touch /nowhere/x") {
		f.Add([]byte(data), false, true)
	}
	reg := shapesRegistry(f)
	f.Fuzz(func(t *testing.T, data []byte, registered, shared bool) {
		o := Options{Objects: true, Shared: shared, Surrogates: SurrogatesAsBytes}
		if registered {
			o.Registry = reg
		}
		v, info, err := Decode(data, o)
		if err != nil {
			return
		}
		m, err := Read(data, o)
		if err != nil {
			t.Fatalf("%q: decoded, but not read: %v", data, err)
		}
		if _, err := m.Value(); err != nil {
			t.Fatalf("%q: decoded, but no value of it: %v", data, err)
		}
		to := o.EncodeOptions(max(info.Protocol, 4))
		first, err := Append(nil, v, to)
		if err != nil {
			if strings.Contains(err.Error(), "year") || strings.Contains(err.Error(), "name of a class") {
				return
			}
			t.Fatalf("%q: %T %v cannot be sent again: %v", data, v, v, err)
		}
		again, _, err := Decode(first, o)
		if err != nil {
			if errors.Is(err, ErrLimit) { // what was a field is an entry of a state now
				return
			}
			t.Fatalf("%q: what was sent for it, %q, cannot be read: %v", data, first, err)
		}
		second, err := Append(nil, again, to)
		if err != nil || !bytes.Equal(first, second) {
			t.Fatalf("%q: sent as %q, then as %q, %v", data, first, second, err)
		}
	})
}

// classSamples are messages with instances of classes.
func classSamples(t testing.TB) [][]byte {
	reg := shapesRegistry(t)
	var list [][]byte
	for name, v := range shapeValues {
		for _, protocol := range []int{2, 4} {
			data, err := Append(nil, v, EncodeOptions{Protocol: protocol, Registry: reg})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			list = append(list, data)
		}
	}
	for _, data := range objectForms {
		list = append(list, []byte(data))
	}
	return list
}
