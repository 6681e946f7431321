package xmlvalue

import "github.com/parley-rpc/parley/rpc/value"

const (
	listOpen  = "<value><array><data>"
	listClose = "</data></array></value>"
)

// AppendListOpen and AppendListClose append what stands around the elements of a
// <methodResponse> whose result is an array, for who appends them one by one.
func AppendListOpen(dst []byte) []byte { return append(dst, responseOpen+listOpen...) }

// AppendListClose ends what AppendListOpen began.
func AppendListClose(dst []byte) []byte { return append(dst, listClose+responseClose...) }

// AppendElement appends a result as it stands among those of a system.multicall, in
// an array of its own. The path of an error leads to where it is in the result. On
// an error, dst is returned as it was.
func AppendElement(dst []byte, result any, o Options) ([]byte, error) {
	if err := o.Validate(); err != nil {
		return dst, err
	}
	e := NewEncoder(dst, o)
	e.stack = append(e.stack, inList) // the array of all of them
	e.List(value.KindList, 1)
	value.Encode(e, result)
	if err := e.Err(); err != nil {
		return dst, err
	}
	e.End()
	return e.Result()
}
