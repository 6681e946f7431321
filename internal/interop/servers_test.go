package interop

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/value"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// server is an XML-RPC server in another language that our client calls. What it
// answered once is in testdata/answers, NAME.http the bytes and NAME.txt what our
// client made of them.
type server struct {
	name     string // of its files
	language string // for the document, as the next ones
	library  string
	source   string   // what stands in testdata/servers; "" for a program that is a server anyway
	packages []string // of Debian
	version  string   // a command that prints the version
	notes    []string // for who calls it

	unix   bool   // it listens on a unix socket
	path   string // of the URL; "" for /RPC2
	config xmlrpc.ClientConfig
	steps  []step
}

// step is one thing that is asked of a server. Its result is one line, or several,
// that stay the same from one time to the next.
type step struct {
	name string
	run  func(s *session) string
}

// servers lists all that there are.
func servers() []server {
	return []server{
		pythonServer(), pythonDocServer(), rubyServer(), rpcxmlServer(), frontierServer(), phpServer(), nodeServer(), xmlrpcCServer(),
		supervisorServer(), supervisorInetServer(), aria2Server(),
	}
}

func serverNamed(t *testing.T, name string) server {
	t.Helper()
	all := servers()
	i := slices.IndexFunc(all, func(sv server) bool { return sv.name == name })
	if i < 0 {
		t.Fatalf("there is no server %q in the table", name)
	}
	return all[i]
}

// session is one conversation with a server, or with what has recorded one.
type session struct {
	t      *testing.T
	ctx    context.Context
	url    string
	config xmlrpc.ClientConfig
	client *xmlrpc.Client
	direct *xmlrpc.Client // of calls that are not recorded; nil in a replay
	fileAt string         // where the server finds a file to download
}

// endurance bounds a conversation.
const endurance = 2 * time.Minute

func newSession(t *testing.T, sv server, url string) *session {
	ctx, cancel := context.WithTimeout(context.Background(), endurance)
	t.Cleanup(cancel)
	s := &session{t: t, ctx: ctx, url: url, config: sv.config, fileAt: "http://127.0.0.1:8080"}
	s.client = s.dial(sv.config)
	return s
}

// dial returns another client of the same server.
func (s *session) dial(config xmlrpc.ClientConfig) *xmlrpc.Client {
	s.t.Helper()
	return newClient(s.t, s.url, config)
}

func newClient(t *testing.T, url string, config xmlrpc.ClientConfig) *xmlrpc.Client {
	t.Helper()
	c, err := xmlrpc.NewClient(url, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// call makes a call and tells its result.
func (s *session) call(method string, args ...any) string {
	return tell(rpc.Invoke[any](s.ctx, s.client, method, args...))
}

// await waits until done, by calls that are not recorded. In a replay what is
// waited for has happened.
func (s *session) await(what string, done func(c rpc.Caller) bool) {
	for s.direct != nil && !done(s.direct) {
		select {
		case <-s.ctx.Done():
			s.t.Fatalf("waited %s for %s", endurance, what)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// calls is a step that makes one call.
func calls(name, method string, args ...any) step {
	return step{name, func(s *session) string { return s.call(method, args...) }}
}

// converse goes through all steps and returns their results, a line for each:
// its name, a tab and the result.
func (sv server) converse(s *session) string {
	var b strings.Builder
	for _, st := range sv.steps {
		fmt.Fprintf(&b, "%s\t%s\n", st.name, strings.ReplaceAll(strings.TrimSuffix(st.run(s), "\n"), "\n", "\n\t"))
		if s.t.Failed() {
			break
		}
	}
	return b.String()
}

// results reads the recorded results of a server, and which version it was.
func (sv server) results(t *testing.T) (version, lines string) {
	t.Helper()
	name := file("answers", sv.name, ".txt")
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatalf("%v; to record it: make peers-update", err)
	}
	head, lines, ok := strings.Cut(string(text), "\n\n")
	version, known := strings.CutPrefix(head, "version: ")
	if !ok || !known {
		t.Fatalf("%s: got the first line %q; want the version and an empty line", name, head)
	}
	return version, lines
}

// compare compares results with those that were recorded.
func (sv server) compare(t *testing.T, got string) {
	t.Helper()
	_, want := sv.results(t)
	if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s: our client makes something else of the answers (-recorded +now); to record them anew: make peers-update\n%s", sv.name, diff)
	}
}

// tell prints a result, or what an error is for a program that looks at it.
func tell(v any, err error) string {
	if err == nil {
		return describe(v)
	}
	var fault *rpc.Fault
	var link *rpc.LinkError
	var answer *xmlrpc.AnswerError
	switch {
	case errors.As(err, &fault):
		return fmt.Sprintf(`fault %d "%s"`, fault.Code, value.Clip(fault.Message, 300))
	case errors.As(err, &answer):
		text := fmt.Sprintf("no XML-RPC, HTTP status %d", answer.Status)
		if answer.Err != nil {
			text += ", what cannot be read"
		}
		if errors.As(err, &link) {
			text = fmt.Sprintf("%s: %s", link.Sent, text)
		}
		if errors.Is(err, &rpc.Fault{Code: rpc.CodeNotAuthenticated}) {
			text += "; is not authenticated"
		}
		return text
	case errors.As(err, &link):
		return fmt.Sprintf("%s: %v", link.Sent, link.Err)
	}
	return "error " + err.Error()
}
