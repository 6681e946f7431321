package value

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// Params describes the parameters of a function.
type Params struct {
	// Names are the parameters' names in order, for keyword arguments and help;
	// empty if they were not given.
	Names []string
	// Required is how many arguments there must be at least. Parameters beyond
	// them keep the value that they have.
	Required int
	// Variadic says that the last of dst points to a slice, which takes all
	// arguments that are left.
	Variadic bool
}

// DecodeArgs reads the sequence of arguments that s stands before into dst, one
// pointer for each parameter, and holds their number against p. A nil p means
// that exactly len(dst) are expected. The path of an error begins with
// params[i].
func DecodeArgs(s Source, dst []any, p *Params) error {
	if p == nil {
		p = &Params{Required: len(dst)}
	}
	fixed := len(dst)
	if p.Variadic {
		fixed--
	}
	if k := s.Kind(); !k.IsSequence() {
		s.Fail(Mismatch("a list of arguments", k))
		return s.Err()
	}
	s.List()
	n := 0
	for ; s.More(); n++ {
		switch {
		case n < fixed:
			Decode(s, dst[n])
		case p.Variadic:
			decodeRest(s, reflect.ValueOf(dst[fixed]).Elem(), n-fixed)
		default:
			s.Skip() // only to count them
		}
		if err := s.Err(); err != nil {
			if n < fixed || p.Variadic {
				err.within("params[" + strconv.Itoa(n) + "]")
			}
			return err
		}
	}
	if err := s.Err(); err != nil {
		return err
	}
	if n < p.Required || n > fixed && !p.Variadic {
		return fmt.Errorf("expected %s, got %d", p.expected(fixed), n)
	}
	return nil
}

// decodeRest appends the next argument to a slice, as its element i.
func decodeRest(s Source, list reflect.Value, i int) {
	if i == 0 {
		list.SetZero()
	}
	if i == list.Cap() {
		list.Grow(1)
	}
	list.SetLen(i + 1)
	planOf(list.Type().Elem()).decode(s, list.Index(i))
}

// expected returns "2 arguments (a, b)", "1 to 3 arguments", "at least 1 argument".
func (p *Params) expected(fixed int) string {
	var text string
	switch {
	case p.Variadic:
		text = "at least " + plural(p.Required)
	case p.Required < fixed:
		text = strconv.Itoa(p.Required) + " to " + plural(fixed)
	default:
		text = plural(fixed)
	}
	if len(p.Names) > 0 {
		text += " (" + strings.Join(p.Names, ", ") + ")"
	}
	return text
}

func plural(n int) string {
	switch n {
	case 0:
		return "no arguments"
	case 1:
		return "1 argument"
	}
	return strconv.Itoa(n) + " arguments"
}
