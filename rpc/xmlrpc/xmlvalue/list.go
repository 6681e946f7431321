package xmlvalue

import "github.com/parley-rpc/parley/rpc/value"

const (
	listOpen  = "<value><array><data>"
	listClose = "</data></array></value>"
)

// AppendListOpen and AppendListClose append what stands around the elements of a
// <methodResponse> whose result is an array, for who appends them one by one with
// AppendListElement.
func AppendListOpen(dst []byte) []byte { return append(dst, responseOpen+listOpen...) }

// AppendListClose ends what AppendListOpen began.
func AppendListClose(dst []byte) []byte { return append(dst, listClose+responseClose...) }

// AppendListElement appends v as the <value> of an element of that array, which
// counts for MaxDepth. On an error, dst is returned as it was.
func AppendListElement(dst []byte, v any, o Options) ([]byte, error) {
	if err := o.Validate(); err != nil {
		return dst, err
	}
	e := NewEncoder(dst, o)
	e.stack = append(e.stack, inList)
	value.Encode(e, v)
	if err := e.Err(); err != nil {
		return dst, err
	}
	return e.buf, nil
}
