package auth

import (
	"context"
	"strings"
	"testing"

	"github.com/parley-rpc/parley/rpc"
)

func TestPolicy(t *testing.T) {
	p, err := NewPolicy(map[string][]string{
		"bot":     {"add", "catalog.*", "system.listMethods"},
		"admin":   {"*"},
		"nothing": nil,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		identity, method string
		want             bool
	}{
		{"bot", "add", true},
		{"bot", "adder", false},
		{"bot", "ad", false},
		{"bot", "Add", false},
		{"bot", "add.x", false},
		{"bot", "catalog.list", true},
		{"bot", "catalog.items.list", true},
		{"bot", "catalog", false},
		{"bot", "catalog.", false},
		{"bot", "catalogue.list", false},
		{"bot", "x.catalog.list", false},
		{"bot", "system.listMethods", true},
		{"bot", "system.multicall", false},
		{"bot", "", false},
		{"bot", ".", false},
		{"bot", "*", false},
		{"admin", "anything.at.all", true},
		{"admin", "add", true},
		{"nothing", "add", false},
		{"stranger", "add", false},
		{"", "add", false},
		{"Bot", "add", false},
	} {
		if got := p.Allow(context.Background(), rpc.Identity{Name: test.identity, Credential: "bot"}, test.method); got != test.want {
			t.Errorf("%s calls %q: got %v; want %v", test.identity, test.method, got, test.want)
		}
	}
}

func TestPolicyDeniesByDefault(t *testing.T) {
	empty, err := NewPolicy(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, p := range map[string]*Policy{"empty": empty, "zero": {}, "nil": nil} {
		if p.Allow(context.Background(), rpc.Identity{Name: "bot"}, "add") {
			t.Errorf("%s: it allows", name)
		}
	}
}

// The rules are taken as they are: changing the map afterwards changes nothing.
func TestPolicyDoesNotChange(t *testing.T) {
	rules := map[string][]string{"bot": {"add"}}
	p, err := NewPolicy(rules)
	if err != nil {
		t.Fatal(err)
	}
	rules["bot"][0] = "*"
	rules["other"] = []string{"*"}
	if p.Allow(context.Background(), rpc.Identity{Name: "bot"}, "x") || p.Allow(context.Background(), rpc.Identity{Name: "other"}, "x") {
		t.Error("the policy has changed")
	}
}

func TestPolicyRefusesBadPatterns(t *testing.T) {
	for _, pattern := range []string{"", ".*", "cat*", "*.list", "catalog.**", "a.*.b", "*.*", " add", "add ", "catalog.* ", "add\n", "katze.füttern", "a,b", "catalog.?", "catalog-list"} {
		if _, err := NewPolicy(map[string][]string{"bot": {pattern}}); err == nil || !strings.Contains(err.Error(), "want a method name") {
			t.Errorf("%q: got %v; want an error", pattern, err)
		}
	}
	if _, err := NewPolicy(map[string][]string{"": {"add"}}); err == nil {
		t.Error("an identity without a name was accepted")
	}
}
