package pickle

import (
	"bytes"
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
			if strings.Contains(err.Error(), "year") {
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
