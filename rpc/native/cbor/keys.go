package cbor

import (
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"
	"unicode/utf8"

	"github.com/parley-rpc/parley/rpc/value"
)

// keys finds the keys that come twice in a map. Two keys are the same if their
// bytes are, which for integers, text and bytes is the same as being equal.
//
// Keys in ascending order, as Append writes those of a Go map, cost one
// comparison each. Those of a struct come in any order, but they are few and
// each is compared with all. Beyond that they go into a hash table whose seed
// no peer can know.
type keys struct {
	spans []span   // of all maps that the Decoder stands in, outermost first
	slots []uint32 // hash tables in the same order: 1 + the number of a span
	seed  maphash.Seed
}

// span is where a key stands. The text of a key that is text begins at body.
type span struct{ start, body, end int }

func (s span) isText() bool { return s.body > s.start }

// keyFrame is the part of one map.
type keyFrame struct {
	first       int // of its spans
	slot, slots int // where its hash table begins, and its size, zero if it has none
	unsorted    bool
}

// fewKeys is how many keys each new one is compared with, at most.
const fewKeys = 16

var errTwice = errors.New("the same key twice")

func (k *keys) enter() keyFrame {
	return keyFrame{first: len(k.spans), slot: len(k.slots)}
}

func (k *keys) leave(f keyFrame) {
	k.spans = k.spans[:f.first]
	k.slots = k.slots[:f.slot]
}

func (k *keys) last() span { return k.spans[len(k.spans)-1] }

func (k *keys) reset() {
	if cap(k.spans) > keepStack || cap(k.slots) > keepStack {
		k.spans, k.slots = nil, nil
	}
	k.leave(keyFrame{})
}

// addKey adds the key at data[at:] to those of a map and returns where what
// follows it begins.
func (d *Decoder) addKey(f *keyFrame, at int) (next int, err error) {
	known := d.keys.spans[f.first:]
	n := len(known)
	if n > 0 && known[n-1].start == at {
		return known[n-1].end, nil // looked at before
	}
	key, err := d.keyAt(at)
	if err != nil {
		return at, err
	}
	if n > 0 && !f.unsorted {
		f.unsorted = !d.less(known[n-1], key)
	}
	twice := false
	switch {
	case !f.unsorted:
	case n <= fewKeys:
		for _, other := range known {
			if d.same(other, key) {
				twice = true
				break
			}
		}
	default:
		twice = d.hashed(f, known, key)
	}
	if twice {
		return at, fmt.Errorf("%w: %s", errTwice, d.keyText(key))
	}
	d.keys.spans = append(d.keys.spans, key)
	return key.end, nil
}

// keyAt measures the key at data[at:].
func (d *Decoder) keyAt(at int) (span, error) {
	major, n, body, err := readHead(d.data, at)
	if err != nil {
		return span{}, err
	}
	if major != majorText {
		end, _, err := d.walk(at)
		return span{at, at, end}, err
	}
	if n > uint64(len(d.data)-body) {
		return span{}, errCut
	}
	end := body + int(n)
	if !utf8.Valid(d.data[body:end]) {
		return span{}, errUTF8
	}
	return span{at, body, end}, nil
}

// less orders text by its bytes without the head, as sorted Go maps come, and
// other keys by theirs with it. Keys in ascending order are all different.
func (d *Decoder) less(a, b span) bool {
	return bytes.Compare(d.data[a.body:a.end], d.data[b.body:b.end]) < 0
}

func (d *Decoder) same(a, b span) bool {
	return a.end-a.start == b.end-b.start && bytes.Equal(d.data[a.start:a.end], d.data[b.start:b.end])
}

// hashed reports whether key is among known, the keys of f, and if not puts it
// into their hash table as the next.
func (d *Decoder) hashed(f *keyFrame, known []span, key span) bool {
	k := &d.keys
	if 2*len(known) >= f.slots {
		if k.seed == (maphash.Seed{}) {
			k.seed = maphash.MakeSeed()
		}
		f.slots = max(4*fewKeys, 2*f.slots)
		for f.slots <= 2*len(known) {
			f.slots *= 2
		}
		k.slots = append(k.slots[:f.slot], make([]uint32, f.slots)...)
		for i, other := range known {
			*d.slot(f, known, other) = uint32(i + 1)
		}
	}
	slot := d.slot(f, known, key)
	if *slot != 0 {
		return true
	}
	*slot = uint32(len(known) + 1)
	return false
}

// slot returns the place of a key: an empty one, or that of the same key.
func (d *Decoder) slot(f *keyFrame, known []span, key span) *uint32 {
	slots := d.keys.slots[f.slot:]
	mask := uint64(f.slots - 1) // a power of two
	for i := maphash.Bytes(d.keys.seed, d.data[key.start:key.end]) & mask; ; i = (i + 1) & mask {
		if n := slots[i]; n == 0 || d.same(known[n-1], key) {
			return &slots[i]
		}
	}
}

func (d *Decoder) keyText(key span) string {
	if key.isText() {
		return `"` + value.Clip(string(d.data[key.body:key.end]), 64) + `"`
	}
	return fmt.Sprintf("%x", d.data[key.start:min(key.end, key.start+16)])
}
