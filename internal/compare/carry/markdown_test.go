package carry

import (
	"strings"
	"testing"

	"github.com/parley-rpc/parley/internal/compare"
)

func TestMarkdown(t *testing.T) {
	table := []compare.Ability{
		{Group: "types", Name: "a|b", Lanes: map[string]compare.Outcome{
			nativeLane: {Verdict: Yes}, xmlrpcLane: {Verdict: Changed, Note: "a *list*"}, pythonLane: {Verdict: Untried, Note: "no python3"},
		}},
		{Group: "types", Name: "c", Lanes: map[string]compare.Outcome{nativeLane: {Verdict: No, Note: "not <c>"}}},
		{Group: "who", Name: "d", Lanes: map[string]compare.Outcome{xmlrpcLane: {Verdict: Yes, Note: "as bot"}}},
	}
	_, got, _ := strings.Cut(Markdown(table), "\n\n")
	want := `### What arrives

| sent | native, Go | XML-RPC, Go |
|---|---|---|
| a\|b | ✓ | → a \*list\* |
| c | – not &lt;c> |  |

### Who can call, and how it is known

|  | native, Go | XML-RPC, Go |
|---|---|---|
| d |  | ✓ as bot |
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Each trial belongs to a group that is shown, and has a name of its own.
func TestTrialsAreShown(t *testing.T) {
	shown := map[string]bool{}
	for _, g := range groups {
		shown[g.name] = true
	}
	seen := map[string]bool{}
	for _, trial := range trials() {
		if !shown[trial.group] {
			t.Errorf("%s: the group %q has no heading", trial.name, trial.group)
		}
		if seen[trial.name] {
			t.Errorf("%s: stands there twice", trial.name)
		}
		seen[trial.name] = true
	}
}
