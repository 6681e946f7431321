package xmlrpc

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

// Headers that travel with a call, in the form that net/http gives to names.
const (
	timeoutHeader = "Parley-Timeout-Ms" // decimal milliseconds that the caller waits
	metaPrefix    = "Parley-Meta-"      // and the key: an entry of Request.Meta
)

// timeoutFrom returns the time for a call: what its caller asks for, and at
// most limit.
func timeoutFrom(h http.Header, limit time.Duration) (time.Duration, error) {
	given := h[timeoutHeader]
	if len(given) == 0 {
		return limit, nil
	}
	ms, err := strconv.ParseUint(given[0], 10, 63)
	if err != nil || len(given) > 1 {
		return 0, rpc.Errorf(rpc.CodeInvalidRequest, "header %s: expected one number of milliseconds, got %s", timeoutHeader, quote(strings.Join(given, ", ")))
	}
	if ms > math.MaxInt64/uint64(time.Millisecond) {
		return limit, nil
	}
	return min(time.Duration(ms)*time.Millisecond, limit), nil
}

// setTimeout tells the server how long the caller will wait: at least a
// millisecond, rounded up.
func setTimeout(h http.Header, left time.Duration) {
	ms := max(1, (left+time.Millisecond-1)/time.Millisecond)
	h[timeoutHeader] = []string{strconv.FormatInt(int64(ms), 10)}
}

// metaFrom returns the metadata in the head of a request, nil if there is none.
// Keys are in small letters: HTTP does not keep their case.
func metaFrom(h http.Header) (map[string]string, error) {
	var meta map[string]string
	size := 0
	for name, values := range h {
		key, ok := strings.CutPrefix(name, metaPrefix)
		if !ok || key == "" {
			continue
		}
		if meta == nil {
			meta = map[string]string{}
		}
		key = strings.ToLower(key)
		meta[key] = strings.Join(values, ", ")
		size += len(key) + len(meta[key])
	}
	if size > rpc.MaxMeta {
		return nil, rpc.Errorf(rpc.CodeOverLimit, "metadata of %d bytes, at most %d are allowed", size, rpc.MaxMeta)
	}
	return meta, nil
}

// setMeta puts metadata into the head of a request. What would not arrive as it
// is, is an error.
func setMeta(h http.Header, meta map[string]string) error {
	size := 0
	for key, v := range meta {
		if !isMetaKey(key) {
			return fmt.Errorf("metadata key %s: over HTTP a key is made of small letters, digits, - _ and .", quote(key))
		}
		if !isMetaValue(v) {
			return fmt.Errorf("metadata %s: over HTTP a value has no control characters, and no white space at its ends: got %s", key, quote(v))
		}
		size += len(key) + len(v)
		h[http.CanonicalHeaderKey(metaPrefix+key)] = []string{v}
	}
	if size > rpc.MaxMeta {
		return fmt.Errorf("metadata of %d bytes, at most %d are allowed", size, rpc.MaxMeta)
	}
	return nil
}

func isMetaKey(key string) bool {
	for i := range len(key) {
		c := key[i]
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.') {
			return false
		}
	}
	return key != ""
}

func isMetaValue(v string) bool {
	for i := range len(v) {
		if v[i] < ' ' || v[i] == 0x7f {
			return false
		}
	}
	return strings.TrimSpace(v) == v
}
