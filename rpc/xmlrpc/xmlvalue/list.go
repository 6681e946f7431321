package xmlvalue

const (
	listOpen  = "<value><array><data>"
	listClose = "</data></array></value>"
)

// AppendListOpen and AppendListClose append what stands around the elements of a
// <methodResponse> whose result is an array, for who appends them one by one with
// AppendValue.
func AppendListOpen(dst []byte) []byte { return append(dst, responseOpen+listOpen...) }

// AppendListClose ends what AppendListOpen began.
func AppendListClose(dst []byte) []byte { return append(dst, listClose+responseClose...) }
