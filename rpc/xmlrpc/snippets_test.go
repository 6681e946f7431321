package xmlrpc_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/parley-rpc/parley/internal/peertest"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
	"github.com/parley-rpc/parley/services/adder"
	"github.com/parley-rpc/parley/services/catalog"
	"github.com/parley-rpc/parley/services/validator1"
)

// programs are what a page offers to copy: a program for each function in each
// language, without the reader's password.
type programs map[string]map[string]string

// snippetsOf serves functions with parameters of every kind and returns the
// programs of its page.
func snippetsOf(t *testing.T, listen string, auth xmlrpc.Authenticator) programs {
	t.Helper()
	type record struct {
		Name string `rpc:"name"`
		Size int    `rpc:"size"`
	}
	reg := registry(t, map[string]any{
		"echo":         func(args ...any) []any { return args },
		"class.import": func(n int) string { return fmt.Sprint("reserved ", n) },
		"a:b/c":        func(n int) string { return fmt.Sprint("odd ", n) },
		"maybe":        func() map[string]any { return map[string]any{"remark": nil} },
		"kinds": func(i int, f float64, s string, b bool, d time.Time, blob []byte, list []string, r record) string {
			return fmt.Sprintf("%d %v %s %t %s %s %s %v", i, f, s, b, d.UTC().Format(time.RFC3339), blob, list, r)
		},
	})
	if err := errors.Join(adder.Register(reg), catalog.Register(reg, catalog.New()), validator1.Register(reg)); err != nil {
		t.Fatal(err)
	}
	at := serveAt(t, &xmlrpc.Server{Handler: reg, Auth: auth}, listen)
	c, err := (&net.Dialer{}).DialContext(bounded(t), at.Network(), at.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	host := at.String()
	if at.Network() == "unix" {
		host = "localhost"
	}
	io.WriteString(c, request("GET /RPC2 HTTP/1.1", host, "", "Authorization: "+basic("ann", "se-cret"), "Connection: close"))
	return readPrograms(t, readAnswer(t, bufio.NewReader(c)).body)
}

var (
	startOf    = regexp.MustCompile(`(?s)<pre class=(\w+)>([^<]*)<b>[^<]*</b>([^<]*)</pre>`)
	functionOf = regexp.MustCompile(`(?s)<section class=fn id="([^"]+)">(.*?)</section>`)
	callOf     = regexp.MustCompile(`(?s)<pre class=(\w+)>([^<]*)</pre>`)
)

// readPrograms puts the programs of a page together as its script does.
func readPrograms(t *testing.T, body string) programs {
	t.Helper()
	frames := map[string][2]string{}
	for _, m := range startOf.FindAllStringSubmatch(body, -1) {
		frames[m[1]] = [2]string{html.UnescapeString(m[2]), html.UnescapeString(m[3])}
	}
	all := programs{}
	for _, f := range functionOf.FindAllStringSubmatch(body, -1) {
		name := html.UnescapeString(f[1])
		all[name] = map[string]string{}
		for _, m := range callOf.FindAllStringSubmatch(f[2], -1) {
			frame, ok := frames[m[1]]
			if !ok {
				t.Fatalf("%s: a snippet in %s without the lines around it", name, m[1])
			}
			text := frame[0] + html.UnescapeString(m[2]) + frame[1]
			all[name][m[1]] = strings.ReplaceAll(text, "PASSWORD", "se-cret")
		}
	}
	if len(all) == 0 || len(frames) < 3 {
		t.Fatalf("got %d functions and %d languages:\n%s", len(all), len(frames), body)
	}
	return all
}

// snippetAnswers are what the programs must print, as far as languages agree.
var snippetAnswers = map[string]string{
	"add":                               "8",
	"kinds":                             "3 1.5 text true 2026-01-31T12:30:00Z hello [text] {text 5}",
	"class.import":                      "reserved 3",
	"a:b/c":                             "odd 3",
	"maybe":                             "remark",
	"catalog.get":                       "Biscuit tin",
	"catalog.list":                      "Sugar tongs",
	"catalog.watch":                     "Sugar tongs",
	"echo":                              "5",
	"validator1.easyStructTest":         "11",
	"validator1.nestedStructTest":       "11",
	"validator1.arrayOfStructsTest":     "3",
	"validator1.simpleStructReturnTest": "3000",
	"validator1.moderateSizeArrayCheck": "texttext",
	"validator1.manyTypesTest":          "5",
	"validator1.countTheEntities":       "ctAmpersands",
	"validator1.echoStructTest":         "text",
	"system.multicall":                  "pong",
	"system.methodHelp":                 "The names of the methods",
	"system.methodSignature":            "array",
	"system.methodParams":               "calls",
	"system.methodTypes":                "calls",
	"system.listMethods":                "a:b/c",
}

// runSnippets runs the programs for all functions, or for those named, in one
// language and looks at what they print. The fault that catalog.add answers, its
// product being there already, has to be seen too.
func runSnippets(t *testing.T, all programs, language, file string, command []string, names ...string) {
	t.Helper()
	if len(names) == 0 {
		for name := range snippetAnswers {
			names = append(names, name)
		}
	}
	for _, name := range names {
		text, ok := all[name][language]
		if !ok {
			t.Errorf("%s: there is no program in %s", name, language)
			continue
		}
		out := runProgram(t, text, file, command)
		if want := snippetAnswers[name]; !strings.Contains(out, want) {
			t.Errorf("%s in %s: got %s; want %q in it. The program:\n%s", name, language, out, want, text)
		}
	}
}

func runProgram(t *testing.T, text, file string, command []string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), file)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute) // the first go run compiles everything
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], append(command[1:len(command):len(command)], path)...)
	cmd.Env = append(os.Environ(), "http_proxy=", "no_proxy=*")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Sprintf("%s (%v)", out, err)
	}
	return string(out)
}

// eachPlace runs a test for each kind of place that a server can be at.
func eachPlace(t *testing.T, test func(t *testing.T, all programs)) {
	t.Run("http", func(t *testing.T) { test(t, snippetsOf(t, "127.0.0.1:0", nil)) })
	t.Run("login", func(t *testing.T) { test(t, snippetsOf(t, "127.0.0.1:0", oneUser{"ann", "se-cret"})) })
	t.Run("unix", func(t *testing.T) { test(t, snippetsOf(t, "unix:"+socketPath(t), nil)) })
}

// few are enough to see that a place can be reached.
var few = []string{"add", "kinds", "catalog.get"}

func TestLiveSnippetsOfPython(t *testing.T) {
	python := peertest.Python(t)
	runSnippets(t, snippetsOf(t, "127.0.0.1:0", nil), "python", "call.py", []string{python})
	eachPlace(t, func(t *testing.T, all programs) { runSnippets(t, all, "python", "call.py", []string{python}, few...) })
}

func TestSnippetsOfCurl(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		peertest.Missing(t, "curl", "apt-get install curl")
	}
	runSnippets(t, snippetsOf(t, "127.0.0.1:0", nil), "curl", "call.sh", []string{"sh"})
	eachPlace(t, func(t *testing.T, all programs) { runSnippets(t, all, "curl", "call.sh", []string{"sh"}, few...) })
}

func TestSnippetsOfGo(t *testing.T) {
	run := []string{"go", "run"}
	runSnippets(t, snippetsOf(t, "127.0.0.1:0", nil), "go", "main.go", run, "add", "kinds", "echo", "catalog.list", "validator1.easyStructTest")
	eachPlace(t, func(t *testing.T, all programs) { runSnippets(t, all, "go", "main.go", run, "catalog.get") })
}

// hostileName serves a function whose name means something to a shell and in
// every language, and returns its name and its programs.
func hostileName(t *testing.T) (string, programs) {
	t.Helper()
	const name = "it's \"$(echo a)\" `echo b` #{1 + 1} $HOME ${HOME} \\ % ü"
	addr := serve(t, &xmlrpc.Server{Handler: callerFunc(func(_ context.Context, req *rpc.Request) (any, error) {
		switch into := req.Into.(type) {
		case *[]string:
			*into = []string{name}
		case *[][]string:
			*into = [][]string{{"string"}}
		case nil:
			if req.Method == name {
				return "arrived", nil
			}
			return nil, rpc.Errorf(rpc.CodeMethodNotFound, "got %q", req.Method)
		}
		return nil, nil
	})})
	return name, readPrograms(t, raw(t, addr, request("GET / HTTP/1.1", addr, "")).body)
}

// wantArrived runs the program for a hostile name.
func wantArrived(t *testing.T, language, file string, command ...string) {
	t.Helper()
	name, all := hostileName(t)
	if out := runProgram(t, all[name][language], file, command); !strings.Contains(out, "arrived") {
		t.Errorf("%s: got %s from the program\n%s", language, out, all[name][language])
	}
}

func TestLiveHostileNameInPython(t *testing.T) {
	wantArrived(t, "python", "call.py", peertest.Python(t))
}

func TestHostileNameInCurl(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		peertest.Missing(t, "curl", "apt-get install curl")
	}
	wantArrived(t, "curl", "call.sh", "sh")
}

func TestHostileNameInGo(t *testing.T) { wantArrived(t, "go", "main.go", "go", "run") }
