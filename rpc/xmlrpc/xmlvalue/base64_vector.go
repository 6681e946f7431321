//go:build (amd64 || arm64 || ppc64 || ppc64le || s390x) && !purego

package xmlvalue

import "github.com/emmansun/base64"

// vectorEncode writes src to dst, which has base64Len(len(src)) bytes. It reports
// false if it cannot.
func vectorEncode(dst, src []byte) bool {
	base64.StdEncoding.Encode(dst, src)
	return true
}

// vectorDecode decodes src to dst, which has three bytes for four characters. It
// reports false if src is not all of the alphabet; dst holds anything then.
func vectorDecode(dst, src []byte) bool {
	n, err := base64.StdEncoding.Decode(dst, src) // skips CR, which is seen in n
	return err == nil && n == len(dst)
}
