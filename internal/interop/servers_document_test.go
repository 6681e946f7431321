package interop

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const serversHead = `
## Servers that our client calls

[Parley's XML-RPC client](../rpc/xmlrpc) calls servers that others wrote: those that speak by a library run one of the programs in [internal/interop/testdata/servers](../internal/interop/testdata/servers), which answers the values of the first table with themselves. ✓ it came back as it was sent · ← it came back as something else · ! there was an error, which the caller gets

`

// serversSection writes the part of the document about servers, from the recorded
// results.
func serversSection(t *testing.T) string {
	var b strings.Builder
	b.WriteString(serversHead)
	row := func(cells ...string) { fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | ")) }
	head := []string{"", ""}
	for _, tc := range cases {
		head = append(head, tc.name)
	}
	row(head...)
	row(rule(len(head))...)
	var details strings.Builder
	for _, sv := range servers() {
		version, text := sv.results(t)
		results := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
		fmt.Fprintf(&details, "\n### Server: %s, %s\n\n", sv.language, sv.library)
		var wrong []string
		if strings.HasPrefix(results[0], cases[0].name+"\t") {
			cells := []string{sv.language, sv.library + " " + version}
			for i, tc := range cases {
				mark, told := serverOutcome(t, tc, results[i])
				cells = append(cells, mark)
				if told != "" {
					wrong = append(wrong, tc.name+": "+told)
				}
			}
			row(cells...)
		}
		fmt.Fprintf(&details, "%s. %d calls and what came of them: [%s.txt](../internal/interop/testdata/answers/%s.txt)\n\n", sv.origin(version), len(results), sv.name, sv.name)
		for _, text := range append(wrong, sv.notes...) {
			fmt.Fprintf(&details, "- %s\n", text)
		}
		if len(wrong)+len(sv.notes) == 0 {
			details.WriteString("Nothing.\n")
		}
	}
	return b.String() + details.String()
}

// serverOutcome tells how one case went, from its line of the results.
func serverOutcome(t *testing.T, tc testCase, line string) (mark, told string) {
	t.Helper()
	fields := strings.SplitN(line, "\t", 3)
	switch {
	case len(fields) < 2 || fields[0] != tc.name:
		t.Fatalf("got the result %q; want that of %s", line, tc.name)
	case fields[1] == "ok":
		return markFine, ""
	case fields[1] == "got":
		return markReturns, "comes back as " + quote(clip(fields[2], maxTold))
	}
	return markError, "error: " + quote(clip(fields[2], maxTold))
}

// maxTold is how much of an error the document shows, in characters.
const maxTold = 160

func (sv server) origin(version string) string {
	var parts []string
	if sv.source != "" {
		parts = append(parts, fmt.Sprintf("[%s](../internal/interop/testdata/servers/%s)", sv.source, sv.source))
	}
	if strings.HasPrefix(sv.name, "npm-") {
		return strings.Join(append(parts, fmt.Sprintf("with `%s@%s` of npm", sv.library, version)), ", ")
	}
	return strings.Join(append(parts, fmt.Sprintf("with the Debian packages `%s`, version %s", strings.Join(sv.packages, " "), version)), ", ")
}

// TestServerPackagesAreInstalled: what "make peers" installs holds what the servers
// need.
func TestServerPackagesAreInstalled(t *testing.T) {
	list, err := os.ReadFile(filepath.Join("testdata", "packages.txt"))
	if err != nil {
		t.Fatal(err)
	}
	installed := map[string]bool{}
	for line := range bytes.Lines(list) {
		name, _, _ := strings.Cut(strings.TrimSpace(string(line)), " ")
		installed[name] = true
	}
	for _, sv := range servers() {
		for _, name := range sv.packages {
			if !installed[name] {
				t.Errorf("%s needs the package %s, which is not in testdata/packages.txt", sv.name, name)
			}
		}
	}
}
