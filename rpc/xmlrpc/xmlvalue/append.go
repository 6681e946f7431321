package xmlvalue

import (
	"fmt"
	"io"
	"strconv"

	"github.com/parley-rpc/parley/rpc/value"
)

const declaration = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"

// AppendValue appends v as a <value>. On an error, dst is returned as it was.
func AppendValue(dst []byte, v any, o Options) ([]byte, error) {
	if err := o.Validate(); err != nil {
		return dst, err
	}
	e := NewEncoder(dst, o)
	value.Encode(e, v)
	if err := e.Err(); err != nil {
		return dst, err
	}
	return e.buf, nil
}

// AppendCall appends a <methodCall>. The method's name may hold whatever XML can
// carry, but not be empty, nor begin or end with white space, which readers cut
// off. An error in an argument is a *value.Error whose path begins with
// params[i]; then dst is returned as it was.
func AppendCall(dst []byte, method string, args []any, o Options) ([]byte, error) {
	if err := o.Validate(); err != nil {
		return dst, err
	}
	if method == "" || isSpace(method[0]) || isSpace(method[len(method)-1]) {
		return dst, fmt.Errorf("the name of a method is empty or has white space around it: %q", value.Clip(method, 64))
	}
	e := NewEncoder(append(dst, declaration+"<methodCall><methodName>"...), o)
	bad := 0
	if e.buf, bad = appendEscaped(e.buf, method); bad >= 0 {
		return dst, uncarried("the name of the method", method, bad)
	}
	e.buf = append(e.buf, "</methodName><params>"...)
	for i, arg := range args {
		e.buf = append(e.buf, "<param>"...)
		value.Encode(e, arg)
		if err := e.Err(); err != nil {
			err.Path = "params[" + strconv.Itoa(i) + "]" + err.Path
			return dst, err
		}
		e.buf = append(e.buf, "</param>"...)
	}
	return append(e.buf, "</params></methodCall>"...), nil
}

const (
	responseOpen  = declaration + "<methodResponse><params><param>"
	responseClose = "</param></params></methodResponse>"
)

// AppendResponse appends a <methodResponse> with a result. On an error, dst is
// returned as it was.
func AppendResponse(dst []byte, result any, o Options) ([]byte, error) {
	if err := o.Validate(); err != nil {
		return dst, err
	}
	e := NewEncoder(append(dst, responseOpen...), o)
	value.Encode(e, result)
	if err := e.Err(); err != nil {
		return dst, err
	}
	return append(e.buf, responseClose...), nil
}

// WriteBlobResponse writes a <methodResponse> whose result is all that r has to
// say, as <base64>, and holds no more than a piece of it in memory. After an
// error part of the document may have been written: the connection has to end
// in a way that the peer notices.
func WriteBlobResponse(w io.Writer, r io.Reader) error {
	const piece = 24 << 10 // a multiple of 3, so that only the last one is padded
	if _, err := io.WriteString(w, responseOpen+"<value><base64>"); err != nil {
		return err
	}
	in, out := make([]byte, piece), make([]byte, base64Len(piece))
	for ended := false; !ended; {
		n := 0
		for n < piece && !ended {
			m, err := r.Read(in[n:])
			if err != nil && err != io.EOF {
				return fmt.Errorf("read the result: %w", err)
			}
			n += m
			ended = err == io.EOF
		}
		encodeBase64(out, in[:n])
		if _, err := w.Write(out[:base64Len(n)]); err != nil {
			return err
		}
	}
	_, err := io.WriteString(w, "</base64></value>"+responseClose)
	return err
}

// AppendFault appends a <methodResponse> with a fault. It never fails:
// characters of message that XML cannot carry become U+FFFD.
func AppendFault(dst []byte, code int, message string, _ Options) []byte {
	dst = AppendFaultValue(append(dst, declaration+"<methodResponse><fault>"...), code, message)
	return append(dst, "</fault></methodResponse>"...)
}

// AppendFaultValue appends the <value> of a fault, as it also stands among the
// results of a system.multicall.
func AppendFaultValue(dst []byte, code int, message string) []byte {
	e := NewEncoder(dst, Options{})
	e.Map(2)
	e.Name("faultCode")
	e.Int(int64(code))
	e.Name("faultString")
	e.buf = append(e.buf, "<value><string>"...)
	e.buf = appendReplaced(e.buf, message)
	e.raw("</string></value>")
	e.End()
	return e.buf
}
