package rpc

import (
	"cmp"
	"fmt"
	"strings"
)

// stubTag is what the tag of a field says to Bind: `rpc:"name,idempotent"`.
type stubTag struct {
	name       string
	idempotent bool
}

// parseStubTag reads the tag of a field; its name alone is the default.
func parseStubTag(tag, field string) (stubTag, error) {
	name, options, more := strings.Cut(tag, ",")
	t := stubTag{name: cmp.Or(name, wireName(field))}
	for more {
		var option string
		option, options, more = strings.Cut(options, ",")
		switch {
		case option != "idempotent":
			return t, fmt.Errorf(`the tag %q has the option %q; expected "name" or "name,idempotent"`, tag, option)
		case t.idempotent:
			return t, fmt.Errorf("the tag %q says idempotent twice", tag)
		}
		t.idempotent = true
	}
	return t, nil
}
