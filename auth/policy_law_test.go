package auth

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/parley-rpc/parley/rpc"
)

// covers says in one line of text what a pattern means.
func covers(pattern, method string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(method, prefix) && (len(method) > len(prefix) || prefix == "")
	}
	return pattern == method
}

// TestPolicyLaw: for any rules and any method, Allow is what the patterns say one
// by one, of the identity and of everyone.
func TestPolicyLaw(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	word := func() string { // short ones of few letters, so that they meet
		var b strings.Builder
		for range 1 + r.IntN(6) {
			b.WriteByte("aab..AB:"[r.IntN(8)])
		}
		return b.String()
	}
	names := []string{"bot", "Bot", "admin", everyone}
	allowed := 0
	for range 20_000 {
		rules := map[string][]string{}
		for _, name := range names {
			for range r.IntN(4) {
				pattern := word()
				switch r.IntN(8) {
				case 0, 1, 2:
					pattern += ".*"
				case 3:
					if r.IntN(20) == 0 {
						pattern = "*"
					}
				}
				rules[name] = append(rules[name], pattern)
			}
		}
		p, err := NewPolicy(rules)
		if err != nil {
			t.Fatalf("%v: %v", rules, err)
		}
		for _, name := range append(names, "", "stranger") {
			method := word()
			if r.IntN(8) == 0 {
				method = strings.Repeat(".", r.IntN(4))
			}
			want := false
			for _, pattern := range append(rules[name], rules[everyone]...) {
				want = want || name != "" && covers(pattern, method)
			}
			if got := p.Allow(context.Background(), rpc.Identity{Name: name, Credential: "bot"}, method); got != want {
				t.Fatalf("%q calls %q under %q: got %v; want %v", name, method, rules, got, want)
			}
			if want {
				allowed++
			}
		}
	}
	if allowed < 1000 {
		t.Errorf("only %d were allowed: too few to mean something", allowed)
	}
}

// TestPolicyForEveryone: who has logged in, and nobody else.
func TestPolicyForEveryone(t *testing.T) {
	p, err := NewPolicy(map[string][]string{"*": {"health", "system.*"}, "bot": {"catalog.*"}, "nothing": nil})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		identity, method string
		want             bool
	}{
		{"bot", "health", true},
		{"bot", "catalog.list", true},
		{"stranger", "health", true},
		{"stranger", "system.listMethods", true},
		{"stranger", "catalog.list", false},
		{"nothing", "health", true},
		{"*", "catalog.list", false},
		{"", "health", false},
		{"", "system.listMethods", false},
	} {
		if got := p.Allow(context.Background(), rpc.Identity{Name: test.identity}, test.method); got != test.want {
			t.Errorf("%q calls %q: got %v; want %v", test.identity, test.method, got, test.want)
		}
	}
	if p.Allow(context.Background(), rpc.Identity{Credential: "bot.k1"}, "health") {
		t.Error("a credential without an identity is nobody, and was allowed")
	}
	all, err := NewPolicy(map[string][]string{"*": {"*"}})
	if err != nil {
		t.Fatal(err)
	}
	if all.Allow(context.Background(), rpc.Identity{}, "add") {
		t.Error("everyone may call everything, and somebody who has not logged in too")
	}
}
