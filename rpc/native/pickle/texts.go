package pickle

import "unicode/utf8"

// texts cuts strings out of a message. Short ones that stand near each other share
// an allocation.
type texts struct {
	data   []byte
	window string // data from start on
	start  int
}

const (
	shortText  = 64  // in bytes; longer ones have memory of their own
	textWindow = 512 // what a short one keeps at most, in bytes
)

// cut returns n bytes from at on.
func (t *texts) cut(at, n int) string {
	end := t.start + len(t.window)
	switch {
	case n > shortText || at < t.start:
		return string(t.data[at : at+n])
	case at+n <= end:
		return t.window[at-t.start : at-t.start+n]
	case at < end:
		return string(t.data[at : at+n])
	}
	// Windows do not overlap: all of them together are no larger than the message.
	t.start = at
	t.window = string(t.data[at:min(at+textWindow, len(t.data))])
	return t.window[:n]
}

// pushText reads a text of n bytes.
func (d *decoder) pushText(n uint64) {
	b := d.take(n)
	if d.err != nil {
		return
	}
	if !utf8.Valid(b) {
		d.push(d.badText(b))
		return
	}
	d.push(d.texts.cut(d.pos-len(b), len(b)))
}
