package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-rpc/parley/cmd/parley/internal/exit"
	"github.com/parley-rpc/parley/cmd/parley/internal/terminal"
	"github.com/parley-rpc/parley/internal/compare"
	"github.com/parley-rpc/parley/internal/compare/lanes"
	pages "github.com/parley-rpc/parley/internal/compare/report"
)

// small is a comparison that takes a second.
func small(more ...string) []string {
	return append([]string{"compare", "--quick", "--lanes", "native-unix,xmlrpc-unix", "--work", "add-1"}, more...)
}

// comparePatience is how long a comparison may take on a machine with much to do.
const comparePatience = 3 * time.Minute

// compareWith runs parley with a PATH of its own, and longer than most commands.
func (h home) compareWith(t *testing.T, path string, args ...string) outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), comparePatience)
	defer cancel()
	cmd := h.command(ctx, args...)
	cmd.Env = append(cmd.Env, "PATH="+path)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	var ended *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &ended) || ctx.Err() != nil {
		t.Fatalf("parley %q: %v", args, err)
	}
	return outcome{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

func readResult(t *testing.T, path string) *compare.Result {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := compare.ReadJSON(f)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// All of it, on a machine without Python: the result says who is missing and why,
// and all forms say the same.
func TestCompareWithoutPython(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	jsonFile, csvFile := filepath.Join(dir, "r.json"), filepath.Join(dir, "r.csv")
	htmlFile := filepath.Join(dir, "r.html")
	got := newHome(t).compareWith(t, t.TempDir(), "compare", "--quick", "--json", jsonFile, "--csv", csvFile, "--html", htmlFile, "--svg", os.DevNull)
	if got.code != 0 || got.stderr != "" {
		t.Fatalf("code %d: %s", got.code, got.stderr)
	}
	r := readResult(t, jsonFile)
	missing := map[string]string{}
	for _, m := range r.Missing {
		missing[m.Lane] = m.Why
	}
	for _, name := range lanes.Names() {
		switch {
		case ofPython(name):
			if !strings.Contains(missing[name], "python3") || r.Lane(name) != nil {
				t.Errorf("%s: got missing %q, lane %v; want that there is no python3", name, missing[name], r.Lane(name))
			}
			if !strings.Contains(got.stdout, name+" could not take part: ") {
				t.Errorf("the table does not say that %s is missing", name)
			}
		case r.Lane(name) == nil:
			t.Errorf("%s did not take part: %q", name, missing[name])
		}
	}
	if len(r.Answer) != 3 || len(r.Abilities) == 0 || len(r.Connections) != len(r.Lanes) || r.Command != "parley compare --quick" || r.Depth != "quick" {
		t.Errorf("got command %q, depth %q, %d sentences, %d abilities, %d connections of %d lanes",
			r.Command, r.Depth, len(r.Answer), len(r.Abilities), len(r.Connections), len(r.Lanes))
	}
	if len(r.Rows) != len(r.Lanes)*len(r.Works) {
		t.Errorf("got %d rows; want %d lanes at %d works", len(r.Rows), len(r.Lanes), len(r.Works))
	}
	for _, row := range r.Rows {
		if row.Failed != "" || row.CallsPerS == nil || row.P50 == nil || row.Max == nil || row.ClientCPU == nil || row.ServerCPU == nil || row.ServerAllocs == nil || row.WireBytes == nil {
			t.Errorf("%s at %s lacks figures: %s", row.Lane, row.Work, row.Failed)
		}
	}
	if m := r.Machine; m.ClockNS <= 0 || m.Race || m.Processors < 1 || m.Go == "" || m.Python != "" {
		t.Errorf("got machine %+v", m)
	}
	// The other forms are those of this result. That the report has the figures of the
	// JSON, and all of them, is a test of package report.
	var table, lines, report bytes.Buffer
	if err := errors.Join(compare.WriteTable(&table, r, compare.Style{}), compare.WriteCSV(&lines, r), pages.HTML(&report, r)); err != nil {
		t.Fatal(err)
	}
	if table.String() != got.stdout {
		t.Errorf("the table is another one than that of the JSON:\n%s\nwant\n%s", got.stdout, &table)
	}
	if text, err := os.ReadFile(csvFile); err != nil || string(text) != lines.String() {
		t.Errorf("the CSV is another one than that of the JSON, %v", err)
	}
	if page, err := os.ReadFile(htmlFile); err != nil || string(page) != report.String() || !strings.HasSuffix(string(page), "</html>\n") {
		t.Errorf("the report, of %d bytes, is another one than that of the JSON, of %d: %v", len(page), report.Len(), err)
	}
}

// What cannot be is found out before anything is measured, and leaves no file.
func TestCompareRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "bad.json"), []byte(`{"format": 99}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]string{
		"--quick --full":            "--quick and --full",
		"--lanes nope":              `"nope" is no lane; there are native-tcp,`,
		"--work nope":               `"nope" is no work; there are add-1,`,
		"--lanes py-mp --no-python": "leaves out py-mp",
		"--rate -1":                 "--rate is -1",
		"--rate NaN":                "--rate is NaN",
		"--json DIR":                "is a directory",
		"--json DIR/no/such.json":   "no such file",
		"--csv DIR/a --json DIR/a":  "both want",
		"--csv DIR/a --json DIR/../" + filepath.Base(dir) + "/a": "both want",
		"--csv - --json -":                           "both want -",
		"--json - --output json":                     "both want standard output",
		"--baseline DIR/none":                        "no such file",
		"--baseline DIR/bad.json":                    "its format is 99",
		"--quick --json DIR/x.json --baseline DIR/x": "no such file",
		"add 3 5":                       "unexpected argument add; to compare servers of your own, add --against",
		"--plot calls":                  "there is no --svg",
		"--plot nope --svg DIR/x.svg":   `"nope" is no plot; there are calls`,
		"--against":                     "wants a URL",
		"--against http://127.0.0.1:1/": "wants a URL",
		"--against --work add http://127.0.0.1:1/ add":                                          "--work and --against do not go together",
		"--against http://127.0.0.1:1/ htp://127.0.0.1:2/ add":                                  "htp://127.0.0.1:2/ stands where a server or the function would",
		"--against http://127.0.0.1:1/ tls://127.0.0.1:1 add --authkey-file DIR/k":              "--authkey-file fits none of these servers: it is for tcp:// and unix://",
		"--against http://127.0.0.1:1/ tcp://127.0.0.1:1 add --user me --credential-file DIR/c": "--credential-file fits none of these servers: it is for tls://",
		"--against http://127.0.0.1:1/ add --user me --credential-file DIR/c":                   "do not go together",
		"--user me":            "--user is for --against",
		"--against nobody add": "nobody",
	} {
		got := newHome(t).parley(t, append([]string{"compare"}, strings.Fields(strings.ReplaceAll(line, "DIR", dir))...)...)
		if got.code != exit.Usage || got.stdout != "" {
			t.Errorf("%s: got code %d and %q; want %d", line, got.code, got.stdout, exit.Usage)
		}
		got.oneLine(t, want)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("these files were left: %v", left)
	}
}

// A file is replaced as a whole; "-" is standard output, and nothing else is there.
func TestCompareFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, link := filepath.Join(dir, "r.json"), filepath.Join(dir, "link.json")
	if err := errors.Join(os.WriteFile(path, []byte("old"), 0o640), os.Chmod(path, 0o640), os.Symlink(path, link)); err != nil {
		t.Fatal(err)
	}
	got := newHome(t).compareWith(t, os.Getenv("PATH"), small("--json", link, "--csv", "-")...)
	if got.code != 0 || got.stderr != "" {
		t.Fatalf("code %d: %s", got.code, got.stderr)
	}
	r := readResult(t, path)
	if info, err := os.Lstat(path); err != nil || info.Mode() != 0o640 {
		t.Errorf("got %v, %v; want the mode that the file had", info.Mode(), err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode().Type() != fs.ModeSymlink {
		t.Errorf("the link is %v, %v; want that it still is one", info.Mode(), err)
	}
	lines, err := csv.NewReader(strings.NewReader(got.stdout)).ReadAll()
	if err != nil || len(lines) != 3 || !slices.Equal(lines[0], compare.CSVHeader()) {
		t.Errorf("got %q, %v; want a header and two lines of CSV", got.stdout, err)
	}
	if len(r.Lanes) != 2 || len(r.Works) != 1 || r.Command != "parley compare --quick --lanes native-unix,xmlrpc-unix --work add-1" {
		t.Errorf("got %d lanes, %d works, command %q", len(r.Lanes), len(r.Works), r.Command)
	}
	if files, _ := os.ReadDir(dir); len(files) != 2 {
		t.Errorf("these files are there: %v; want no other", files)
	}
	// And against that.
	got = newHome(t).compareWith(t, os.Getenv("PATH"), small("--baseline", path, "--json", os.DevNull)...)
	if got.code != 0 || !strings.Contains(got.stdout, "too close to call. In the middle of all rows there are") || !strings.Contains(got.stdout, "Against "+r.Command) {
		t.Errorf("with --baseline: code %d, %s\n%s", got.code, got.stderr, got.stdout)
	}
	if info, err := os.Stat(os.DevNull); err != nil || info.Mode().IsRegular() {
		t.Errorf("%s is %v, %v", os.DevNull, info.Mode(), err)
	}
}

// Whoever reads the table may stop; the file is complete all the same, and nothing
// but the process ends.
func TestCompareIntoAClosedPipe(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "r.json")
	ctx, cancel := context.WithTimeout(t.Context(), comparePatience)
	defer cancel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	var stderr bytes.Buffer
	cmd := newHome(t).command(ctx, small("--json", path)...)
	cmd.Stdout, cmd.Stderr = w, &stderr
	err = cmd.Run()
	w.Close()
	if err == nil || stderr.Len() > 0 || ctx.Err() != nil {
		t.Errorf("got %v, %q; want that it ends by the signal, without a word", err, &stderr)
	}
	readResult(t, path)
}

// Servers that run already are compared by the same measures, without what only
// they themselves know.
func TestCompareAgainst(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	s := h.serve(t)
	path := filepath.Join(t.TempDir(), "r.json")
	got := h.compareWith(t, os.Getenv("PATH"), "compare", "--json", path, "--against", s.native, s.xmlrpc, "add", "3", "5")
	if got.code != 0 || got.stderr != "" {
		t.Fatalf("code %d: %s", got.code, got.stderr)
	}
	r := readResult(t, path)
	if r.Depth != "against" || len(r.Lanes) != 2 || len(r.Works) != 3 || len(r.Answer) != 3 || r.Abilities != nil {
		t.Errorf("got depth %q, %d lanes, %d works, %d sentences, %d abilities", r.Depth, len(r.Lanes), len(r.Works), len(r.Answer), len(r.Abilities))
	}
	if want := "parley compare --against " + s.native + " " + s.xmlrpc + " add 3 5"; r.Command != want {
		t.Errorf("got command %q; want %q", r.Command, want)
	}
	for _, want := range []string{"add(3, 5), 64 callers", s.native, s.xmlrpc} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("the table does not have %q:\n%s", want, got.stdout)
		}
	}
	// What fails at the first call ends it, as it does call.
	if got := h.parley(t, "compare", "--against", s.xmlrpc, "no.such"); got.code != exit.Fault || got.stdout != "" {
		t.Errorf("a function that is not there: got code %d, %q; want %d", got.code, got.stdout, exit.Fault)
	}
}

// Every example is a command line that can be used.
func TestCompareExamples(t *testing.T) {
	t.Parallel()
	text := strings.ReplaceAll(strings.TrimSpace(examples()["compare"]), "\\\n", "")
	n := 0
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(strings.TrimSpace(line), " >")
		words := strings.Fields(strings.TrimPrefix(line, "parley "))
		cmd, err := parse(words, terminal.Streams{In: strings.NewReader(""), Out: io.Discard, Err: io.Discard})
		c, ok := cmd.(*compareCommand)
		if err != nil || !ok {
			t.Errorf("%s: got %T, %v; want a comparison", line, cmd, err)
			continue
		}
		n++
		if err := c.check(); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
	if n < 6 {
		t.Errorf("there are %d examples; want 6 or more", n)
	}
}
