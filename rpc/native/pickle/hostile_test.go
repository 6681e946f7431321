package pickle

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc/value"
)

// A list that was packed is copied no more than once, however many batches for it
// turn out to be none.
func TestThreatBatchesThatAreNone(t *testing.T) {
	tests := map[string]string{"ints": "K\x01", "floats": "G\x00\x00\x00\x00\x00\x00\x00\x00", "records": "}(\x8c\x01aNu"}
	for name, item := range tests {
		t.Run(name, func(t *testing.T) {
			var data []byte
			data = append(data, "\x80\x04]("...)
			const n = 1 << 14 // in one batch, which fills what room the list has
			for range n {
				data = append(data, item...)
			}
			data = append(data, 'e')
			for range n {
				data = append(append(append(data, '('), item...), '1')
			}
			data = append(data, '.')
			o := Options{MaxElements: 1 << 22, MaxExpanded: 1 << 30}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if _, err := Read(data, o); err != nil {
				t.Fatal(err)
			}
			runtime.ReadMemStats(&after)
			if got, want := after.TotalAlloc-before.TotalAlloc, uint64(256<<20); got > want {
				t.Errorf("got %d bytes taken in all for a message of %d; want at most %d", got, len(data), want)
			}
		})
	}
}

// An instance that is the state of an instance stands within it.
func TestThreatInstancesAsStates(t *testing.T) {
	const n = 1000
	data := "\x80\x04\x8c\x04uuid\x8c\x04UUID\x93\x940" + strings.Repeat("h\x00)\x81", n) + strings.Repeat("b", n-1) + "."
	_, _, err := Decode([]byte(data), Options{Objects: true})
	if !errors.Is(err, ErrLimit) {
		t.Errorf("got %v; want ErrLimit", err)
	}
}

type hue int

// The name of a member is of the peer's choice: long ones take memory each time.
func TestThreatLongNamesOfMembers(t *testing.T) {
	reg := NewRegistry()
	if err := reg.Name("paint.Hue", hue(0)); err != nil {
		t.Fatal(err)
	}
	name := "Hue." + strings.Repeat("x", 1<<20)
	var data bytes.Buffer
	data.WriteString("\x80\x04\x8c\x05paint\x940X")
	data.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(name))))
	data.WriteString(name + "\x940(")
	data.WriteString(strings.Repeat("h\x00h\x01\x93", 1000))
	data.WriteString("t.")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, _, err := Decode(data.Bytes(), Options{Registry: reg})
	runtime.ReadMemStats(&after)
	if err == nil || len(err.Error()) > 1000 {
		t.Errorf("got an error of %d bytes; want a short one", len(fmt.Sprint(err)))
	}
	if got := after.TotalAlloc - before.TotalAlloc; got > 64<<20 {
		t.Errorf("got %d bytes taken for a message of %d; want at most 64 MiB", got, data.Len())
	}
}

type label struct {
	Text string `rpc:"text"`
}

// What stands at many places is counted as often, with its texts.
func TestThreatSharedTexts(t *testing.T) {
	text := strings.Repeat("x", 1<<16)
	var data bytes.Buffer
	fmt.Fprintf(&data, "\x80\x04](X\x00\x00\x01\x00%se\x940(", text)
	data.WriteString(strings.Repeat("h\x00", 2000))
	data.WriteString("l.")
	for _, shared := range []bool{false, true} {
		if _, _, err := Decode(data.Bytes(), Options{Shared: shared}); !errors.Is(err, ErrLimit) {
			t.Errorf("Shared %v: got %v; want ErrLimit", shared, err)
		}
	}
}

// Keys that are instances are told apart by their text, which takes time.
func TestThreatInstancesAsKeys(t *testing.T) {
	reg := NewRegistry()
	if err := reg.Name("shop.Label", &label{}); err != nil {
		t.Fatal(err)
	}
	var data bytes.Buffer
	data.WriteString("\x80\x04\x8c\x04shop\x8c\x05Label\x93)\x81}\x8c\x04textX\x00\x00\x01\x00" + strings.Repeat("x", 1<<16) + "sb\x940}(")
	for i := range 2000 {
		fmt.Fprintf(&data, "h\x00M%s\x86N", []byte{byte(i), byte(i >> 8)})
	}
	data.WriteString("u.")
	start := time.Now()
	if _, _, err := Decode(data.Bytes(), Options{Registry: reg}); !errors.Is(err, ErrLimit) {
		t.Errorf("got %v after %v; want ErrLimit", err, time.Since(start))
	}
}

type secret int

func (secret) String() string { return "hidden" }

// Two members of an enumeration are two keys, whatever they show as.
func TestKeysAreNotTheirTexts(t *testing.T) {
	reg := NewRegistry()
	if err := reg.Name("paint.Secret", secret(0)); err != nil {
		t.Fatal(err)
	}
	data := "\x80\x04}(\x8c\x05paint\x8c\x06Secret\x93\x94K\x01\x85RK\x07h\x00K\x02\x85RK\x07u."
	v, _, err := Decode([]byte(data), Options{Registry: reg})
	if m, _ := v.(value.Map); err != nil || len(m) != 2 {
		t.Errorf("got %v, %v; want a dict of two entries", v, err)
	}
}

type crate struct {
	Object Object `rpc:"object"`
	Pause  pause  `rpc:"pause"`
}

// pause makes the garbage collector run while a message is written.
type pause struct{}

func (pause) MarshalText() ([]byte, error) { runtime.GC(); return nil, nil }
func (*pause) UnmarshalText([]byte) error  { return nil }

// Objects within structs are written each for itself, also where the memory of one
// is that of the one before.
func TestObjectsOfStructsAreNotMixedUp(t *testing.T) {
	boxes := make([]crate, 50)
	for i := range boxes {
		boxes[i].Object = Object{Module: "shop", Name: fmt.Sprintf("Box%d", i), How: Reference}
	}
	data, err := Append(nil, boxes, EncodeOptions{Objects: true, Shared: true})
	if err != nil {
		t.Fatal(err)
	}
	v, _, err := Decode(data, Options{Objects: true})
	if err != nil {
		t.Fatal(err)
	}
	for i, item := range v.([]any) {
		o, _ := item.(map[string]any)["object"].(*Object)
		if want := fmt.Sprintf("Box%d", i); o == nil || o.Name != want {
			t.Fatalf("object %d: got %v; want %s", i, o, want)
		}
	}
}

// MEMOIZE counts the entries there are, as CPython does.
func TestMemoizeAfterGaps(t *testing.T) {
	tests := map[string]string{
		"one gap":   "\x80\x04K\x07q\x010K\x08\x94h\x01\x86.", // replaces entry 1
		"far":       "\x80\x04K\x07q\x090K\x08\x94h\x01\x86.", // is entry 1
		"far, near": "\x80\x04K\x07q\x020K\x00q\x000K\x01q\x010K\x08q\x02K\x09\x94h\x03\x87.",
	}
	for name, data := range tests {
		v, _, err := Decode([]byte(data), Options{})
		got, _ := v.(value.Tuple)
		if err != nil || got[len(got)-1] != got[len(got)-2] {
			t.Errorf("%s: got %v, %v; want the last item twice", name, v, err)
		}
	}
}
