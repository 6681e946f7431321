package auth

import (
	"context"
	"fmt"
	"strings"

	"github.com/parley-rpc/parley/rpc"
)

// Policy says which methods each identity may call. It is an rpc.Authorizer:
// once it is set on a Registry, what it does not allow is denied. It does not
// change, and is safe for concurrent use.
type Policy struct {
	rules map[string]rule // by the name of an identity
}

// rule is what one identity may call.
type rule struct {
	all      bool
	methods  map[string]bool // exact names
	prefixes map[string]bool // "catalog" for catalog.*
}

var _ rpc.Authorizer = (*Policy)(nil)

// everyone is the name that stands for all who have logged in.
const everyone = "*"

// NewPolicy makes a Policy from identity names and what each may call:
//
//	"catalog.list"  this method
//	"catalog.*"     every method whose name begins with "catalog." and goes on
//	"*"             every method
//
// What the name "*" may call, everyone may who has logged in, besides what is
// theirs. All else is denied: to an identity that is not named, and to a peer that
// proved none, which "*" does not stand for. The system.* methods are methods like
// all others: without "system.listMethods", for example, that one is denied.
func NewPolicy(rules map[string][]string) (*Policy, error) {
	p := &Policy{rules: make(map[string]rule, len(rules))}
	for name, patterns := range rules {
		if name == "" {
			return nil, fmt.Errorf("auth: policy: an identity without a name: got %q; want the name of a key", patterns)
		}
		r := rule{methods: map[string]bool{}, prefixes: map[string]bool{}}
		for _, pattern := range patterns {
			prefix, isPrefix := strings.CutSuffix(pattern, ".*")
			switch {
			case pattern == "*":
				r.all = true
			case prefix == "" || strings.ContainsFunc(prefix, notInName):
				return nil, fmt.Errorf("auth: policy: %s: got %q; want a method name, prefix.* or *", name, pattern)
			case isPrefix:
				r.prefixes[prefix] = true
			default:
				r.methods[pattern] = true
			}
		}
		p.rules[name] = r
	}
	return p, nil
}

// notInName reports whether no method has this character in its name.
func notInName(c rune) bool {
	return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("_.:/", c))
}

// Allow reports whether id may call method.
func (p *Policy) Allow(_ context.Context, id rpc.Identity, method string) bool {
	if p == nil || id.Name == "" {
		return false
	}
	return p.rules[id.Name].allows(method) || p.rules[everyone].allows(method)
}

func (r rule) allows(method string) bool {
	if r.all || r.methods[method] {
		return true
	}
	for i := range len(method) {
		if method[i] == '.' && i+1 < len(method) && r.prefixes[method[:i]] {
			return true
		}
	}
	return false
}
