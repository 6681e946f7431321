package value

// Deferred is a value that has been read and not yet converted to a Go type, for
// whoever has to look at it before its type is known, or wants the others to
// arrive if it does not fit. It is converted as it would have been where it was
// read, but for the order in which a map with text keys stood there. The zero
// Deferred is nil.
type Deferred struct {
	v           any // dynamic, and nobody else's
	falseIsZero bool
}

func deferred(s Source) Deferred { return Deferred{DecodeAny(s), takesFalse(s)} }

// Value returns the value as a dynamic one, which must not be changed.
func (d Deferred) Value() any { return d.v }

// Convert sets *dst to the value by the mapping. The two share no memory.
func (d Deferred) Convert(dst any) error {
	s := &treeSource{}
	s.FalseIsZero = d.falseIsZero
	s.stand(d.v)
	Decode(s, dst)
	if err := s.Err(); err != nil {
		return err
	}
	return nil
}

// Items returns the elements of a sequence, and false if the value is none.
func (d Deferred) Items() ([]Deferred, bool) {
	var items []any
	switch v := d.v.(type) {
	case []any:
		items = v
	case Tuple:
		items = v
	default:
		return nil, false
	}
	list := make([]Deferred, len(items))
	for i, item := range items {
		list[i] = Deferred{item, d.falseIsZero}
	}
	return list, true
}
