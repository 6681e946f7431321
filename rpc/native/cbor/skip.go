package cbor

import (
	"unicode/utf8"

	"github.com/parley-rpc/parley/rpc/value"
)

// Skip reads over one value. It holds it to the same limits as one that is
// read, but neither looks for keys that come twice nor needs to know its tags,
// so that a peer may add fields that this program does not know.
func (d *Decoder) Skip() {
	if d.left <= 0 {
		d.mismatch("a value")
		return
	}
	if d.atName() {
		d.Name()
		return
	}
	end, n, err := d.walk(d.pos)
	if err != nil {
		d.fail(d.pos, err)
		return
	}
	d.free -= n
	d.took(end)
}

// walk measures the value at data[at:] and returns where it ends and how many
// elements the containers in it have. A tag counts as an element.
func (d *Decoder) walk(at int) (end, elements int, err error) {
	open := d.open[:0]
	depth := d.o.MaxDepth - d.depth
	for left := 1; ; {
		for left == 0 {
			if len(open) == 0 {
				d.open = open
				return at, elements, nil
			}
			left = open[len(open)-1]
			open = open[:len(open)-1]
		}
		left--
		major, arg, next, err := readHead(d.data, at)
		if err != nil {
			return 0, 0, &value.Error{Offset: at, Err: err}
		}
		rest := uint64(len(d.data) - next)
		entries := 1
		switch major {
		case majorBytes, majorText:
			if arg > rest {
				err = errCut
				break
			}
			body := next
			next += int(arg)
			if major == majorText && !utf8.Valid(d.data[body:next]) {
				err = errUTF8
			}
		case majorMap:
			entries = 2
			fallthrough
		case majorArray:
			switch {
			case arg > rest: // each element has a byte at least
				err = errCut
			case len(open) >= depth:
				err = errDepth(d.o.MaxDepth)
			default:
				open = append(open, left)
				left = int(arg) * entries
				elements += left
			}
		case majorTag:
			left++
			elements++
		case majorSimple:
			switch d.data[at] {
			case itemFalse, itemTrue, itemNil:
			case itemFloat16, itemFloat32, itemFloat64:
				_, next, err = readFloat(d.data, at)
			default:
				err = errSimple(byte(arg))
			}
		}
		if elements > d.free && err == nil {
			err = errElements(d.o.MaxElements)
		}
		if err != nil {
			return 0, 0, &value.Error{Offset: at, Err: err}
		}
		at = next
	}
}
