package cbor

import "strconv"

// A table can be read like a list of maps, or by these three methods.

// Columns returns the number of columns of the table just entered.
func (d *Decoder) Columns() int {
	if d.in != inTable || d.left != d.grid.total {
		return 0
	}
	d.grid.name = d.grid.names
	return d.grid.columns
}

// Column returns the name of the next column.
func (d *Decoder) Column() []byte {
	name, next := columnName(d.data, d.grid.name)
	d.grid.name = next
	return name
}

// Row enters the next row of a table, as one of values without names.
func (d *Decoder) Row() bool {
	if d.in == inCells {
		if d.left > 0 {
			d.mismatch("a row")
			return false
		}
		d.leave()
	}
	number := d.grid.total - d.left
	switch {
	case d.in != inTable:
		return false
	case d.left <= 0:
		d.leave()
		return false
	case !d.row():
		return false
	case !d.room(2 * d.grid.columns): // as many as if it were read as a map
		d.Err().Path = "[" + strconv.Itoa(number) + "]"
		return false
	}
	d.pos += headSize(d.data[d.pos])
	d.grid.rows = d.left - 1
	d.in, d.left = inCells, d.grid.columns
	return true
}

// textBlock is how much of a message, in bytes, becomes one string that texts
// are cut from. It is also what a text that is kept can hold on to.
const textBlock = 1 << 10

// texts makes the texts of table rows. They are many and short, and a block for
// a number of them costs a fraction of an allocation for each.
type texts struct {
	block string // a copy of the message, from at on
	at    int
	used  int  // bytes of it that are texts
	apart bool // texts are too far from each other
}

// textOf returns the text just read, b.
func (d *Decoder) textOf(b []byte) string {
	if d.in != inCells || len(b) == 0 {
		return string(b)
	}
	return d.texts.cut(d.data, d.pos-len(b), d.pos)
}

// cut returns data[start:end], which is behind all that was cut before.
func (t *texts) cut(data []byte, start, end int) string {
	if end > t.at+len(t.block) {
		// A block less than a quarter of which was text is the last.
		t.apart = t.apart || 4*t.used < len(t.block)
		if t.apart || end-start > textBlock/4 {
			return string(data[start:end])
		}
		*t = texts{block: string(data[start:min(start+textBlock, len(data))]), at: start}
	}
	t.used += end - start
	return t.block[start-t.at : end-t.at]
}
