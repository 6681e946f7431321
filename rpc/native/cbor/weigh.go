package cbor

import (
	"github.com/parley-rpc/parley/rpc/value"
)

// Memory of the dynamic values that items become, in bytes, on a machine of 64
// bits. Each stands in a slot, an interface.
const (
	slotMemory   = 16
	scalarMemory = 8 // what an interface of a number points to
	headerMemory = 24
	mapMemory    = 48  // an empty map
	groupMemory  = 288 // the first eight entries of one
	entryMemory  = 80  // each entry of a larger one, free places included
	tagMemory    = 48  // a time, a decimal and the like
)

// weighOpen bounds the containers in one another that Weigh looks into. A
// Decoder with the default limits fails there.
const weighOpen = value.DefaultMaxDepth + 1

// light tells the size on the wire and in memory of the values for which the
// first byte is enough: numbers, bools, nil and short text.
var light = func() (light [256]struct{ size, weight uint8 }) {
	for i := range light {
		b := byte(i)
		low := b & lowMask
		l := &light[b]
		switch major := b & majorMask; {
		case low > 27:
		case (major == majorUint || major == majorNint || major == majorSimple) && low < oneByte:
			l.size, l.weight = 1, slotMemory
		case major == majorUint || major == majorNint || major == majorSimple:
			l.size, l.weight = uint8(headSize(b)), slotMemory+scalarMemory
		case (major == majorText || major == majorBytes) && low < oneByte:
			l.size, l.weight = 1+low, slotMemory+headerMemory+low
		}
	}
	return light
}()

// Weigh estimates how much memory the values in data take once they are read as
// dynamic ones, in bytes. It looks at the heads alone, in about a fiftieth of the
// time that reading takes, and checks nothing: where data is malformed, or beyond
// the default limits, it stops as a Decoder does, and returns what comes before.
func Weigh(data []byte) int {
	type level struct {
		left int
		rows bool // the arrays in it are rows of a table
	}
	var memory [weighOpen]level
	open := memory[:0]
	now := level{left: len(data)} // any number of values
	table := false                // a table tag came
	weight, elements := 0, value.DefaultMaxElements
	for at := 0; at < len(data); {
		for now.left == 0 {
			now = open[len(open)-1]
			open = open[:len(open)-1]
		}
		left := now.left
		for left > 0 && at < len(data) {
			// Known steps are foreseen by the processor; a table is not.
			b := data[at]
			if b < oneByte {
				at++
				weight += slotMemory
			} else if b == majorUint|oneByte+1 {
				at += 3
				weight += slotMemory + scalarMemory
			} else if l := light[b]; l.size > 0 {
				at += int(l.size)
				weight += int(l.weight)
			} else {
				break
			}
			left--
		}
		if left < now.left {
			now.left, table = left, false
		}
		if now.left == 0 || at >= len(data) {
			continue
		}
		now.left--
		major, arg, next, err := readHead(data, at)
		if err != nil {
			return weight
		}
		rest := uint64(len(data) - next)
		at = next
		switch major {
		case majorBytes, majorText:
			if arg > rest {
				return weight
			}
			at += int(arg)
			weight += slotMemory + headerMemory + int(arg)
		case majorTag:
			now.left++
			table = arg == tagTable
			weight += tagMemory
			continue
		default:
			if arg > rest || len(open) == weighOpen {
				return weight
			}
			n := int(arg)
			row := now.rows
			inner := level{left: n, rows: table && major == majorArray}
			count := n
			if major == majorMap {
				inner.left, count, row = 2*n, 2*n, true
			}
			if row && major == majorArray {
				count = 2 * n // the names of the columns count for each row
			}
			if elements -= count; elements < 0 {
				return weight
			}
			weight += slotMemory + containerMemory(row, n)
			open = append(open, now)
			now = inner
		}
		table = false
	}
	return weight
}

// containerMemory is the memory of a container without its elements.
func containerMemory(isMap bool, n int) int {
	switch {
	case !isMap:
		return headerMemory
	case n == 0:
		return mapMemory
	case n <= 8:
		return mapMemory + groupMemory
	}
	return mapMemory + n*entryMemory
}
