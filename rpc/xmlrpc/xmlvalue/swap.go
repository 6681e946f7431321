package xmlvalue

import "bytes"

// nameBehind returns where the <name> of a member stands whose <value> comes
// first, and begins at pos start; -1 if there is none. It only counts tags,
// since all that it passes is read properly later; a tag that is none it finds
// by itself.
//
// On its way it notes the same for every such member within the value, so that
// however deep they are nested, the document is passed over once.
func (d *Decoder) nameBehind(start int) int {
	if name, ok := d.names[start]; ok {
		return name
	}
	if d.names == nil {
		d.names = map[int]int{}
	}
	type member struct{ depth, value int } // value -1: its name comes first
	var (
		open  = []member{{depth: 0, value: start}}
		depth = 0
		s     = scanner{data: d.data, pos: start}
	)
	for {
		n := bytes.IndexByte(s.data[s.pos:], '<')
		if n < 0 {
			return -1
		}
		s.pos += n
		rest := s.data[s.pos:]
		switch {
		case bytes.HasPrefix(rest, []byte(cdataOpen)):
			n := bytes.Index(rest, []byte(cdataClose))
			if n < 0 {
				return -1
			}
			s.pos += n + len(cdataClose)
		case bytes.HasPrefix(rest, []byte("<!")):
			if !s.comment() {
				d.failAs(&s)
				return -1
			}
		case bytes.HasPrefix(rest, []byte("</")):
			if depth--; depth < 0 {
				return -1
			}
			if m := open[len(open)-1]; m.depth > depth {
				open = open[:len(open)-1]
			}
			s.pos += 2
		default:
			at := s.pos
			tag, empty, ok := s.openTag()
			if !ok {
				d.failAs(&s)
				return -1
			}
			if m := &open[len(open)-1]; m.depth == depth {
				switch {
				case string(tag) == "value" && m.value == 0:
					m.value = at
				case string(tag) == "name" && m.value > 0:
					d.names[m.value] = at
					if len(open) == 1 {
						return at
					}
				}
			}
			if empty {
				continue
			}
			depth++
			if string(tag) == "member" {
				open = append(open, member{depth: depth})
			}
		}
	}
}

// failAs takes over the error that another scanner over the same data has.
func (d *Decoder) failAs(s *scanner) {
	if e, ok := s.Err().Err.(located); ok { //nolint:errorlint // it is never wrapped otherwise
		d.failAt(e.Offset, e.Code, e.Reason)
	}
}
