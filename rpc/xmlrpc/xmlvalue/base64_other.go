//go:build !(amd64 || arm64 || ppc64 || ppc64le || s390x) || purego

package xmlvalue

// The module that is used elsewhere has no vector code here, and is slower then
// than the tables are.

func vectorEncode(dst, src []byte) bool { return false }

func vectorDecode(dst, src []byte) bool { return false }
