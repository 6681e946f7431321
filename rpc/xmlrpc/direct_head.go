package xmlrpc

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// appendHead appends the head of a request whose body has n bytes. A proxy that
// passes it on is told where to (RFC 9112, section 3.2.2).
func (c *directConn) appendHead(dst []byte, r *http.Request, n int) []byte {
	dst = append(append(dst, r.Method...), ' ')
	if c.plain() {
		dst = append(append(dst, "http://"...), r.Host...)
	}
	dst = append(append(append(dst, r.URL.RequestURI()...), " HTTP/1.1\r\nHost: "...), r.Host...)
	dst = append(dst, "\r\nContent-Length: "...)
	dst = strconv.AppendInt(dst, int64(n), 10)
	dst = append(dst, "\r\n"...)
	if c.owner.once {
		dst = append(dst, "Connection: close\r\n"...)
	}
	if c.plain() {
		if login := c.via.login(); login != "" {
			dst = append(append(append(dst, "Proxy-Authorization: "...), login...), "\r\n"...)
		}
	}
	var few [16]string
	names := few[:0]
	for name := range r.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		switch name {
		case "Host", "Content-Length", "Transfer-Encoding", "Trailer":
			continue
		}
		for _, v := range r.Header[name] {
			dst = append(append(append(append(dst, name...), ": "...), v...), "\r\n"...)
		}
	}
	return append(dst, "\r\n"...)
}

// checkHeader refuses what would not arrive as it is, or as a header of another
// name.
func checkHeader(h http.Header) error {
	for name, values := range h {
		for i := range len(name) {
			if !tokenByte(name[i]) {
				return fmt.Errorf("the header %s: a name is made of letters, digits and a few signs", quote(name))
			}
		}
		if name == "" {
			return errors.New("a header without a name")
		}
		for _, v := range values {
			for i := range len(v) {
				if v[i] < ' ' && v[i] != '\t' || v[i] == 0x7f {
					return fmt.Errorf("the header %s holds a control character", quote(name))
				}
			}
		}
	}
	return nil
}

// tokenByte reports whether c may stand in the name of a header (RFC 9110,
// section 5.6.2).
func tokenByte(c byte) bool {
	if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' {
		return true
	}
	switch c {
	case '!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~':
		return true
	}
	return false
}

// asciiHost returns a host, or a host and a port, as they stand in a request: a
// name in letters of other scripts is written as net/http does it, in Punycode, and
// an address has no zone.
func asciiHost(host string) (string, error) {
	if !isASCII(host) {
		host = strings.ToLower(host)
	}
	var b bytes.Buffer
	r := http.Request{Method: http.MethodHead, URL: &url.URL{Scheme: "http", Host: host, Path: "/"}}
	err := r.Write(&b)
	if err == nil {
		var back *http.Request
		if back, err = http.ReadRequest(bufio.NewReader(&b)); err == nil && isASCII(back.Host) {
			return back.Host, nil
		}
	}
	return "", fmt.Errorf("the host %s cannot be written in ASCII", quote(host))
}

// isASCII reports whether s has printable letters of ASCII alone.
func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}
