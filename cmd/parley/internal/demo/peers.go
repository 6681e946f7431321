package demo

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"reflect"
	"strings"
	"time"

	kolo "github.com/kolo/xmlrpc"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/cmd/parley/internal/terminal"
	"github.com/parley-rpc/parley/rpc"
)

// question is one of the demo's calls of add, with what must come back.
type question struct {
	text string // as a reader writes it
	a, b any
	want any
}

// wantFault is the answer to a call that has to fail.
const wantFault = "add: cannot add int and string"

func questions() []question {
	blob := make([]byte, 256)
	for i := range blob {
		blob[i] = byte(i)
	}
	return []question{
		{`add(3, 5)`, 3, 5, 8},
		{`add("Hello", "World")`, "Hello", "World", "HelloWorld"},
		{`add([1, 2, 3], [4, 5])`, []int{1, 2, 3}, []int{4, 5}, []int{1, 2, 3, 4, 5}},
		{`add(256 bytes, 256 bytes)`, blob, blob, append(append([]byte{}, blob...), blob...)},
		{`add(3, "five")`, 3, "five", nil},
	}
}

// answer is what a client got: a value, or the text of a failure.
type answer struct {
	value   any
	failure string
}

// right reports whether an answer is the one that a question must get.
func (q question) right(a answer) bool {
	if q.want == nil {
		return strings.Contains(a.failure, wantFault) && strings.Contains(a.failure, fmt.Sprint(rpc.CodeInvalidParams))
	}
	return a.failure == "" && reflect.DeepEqual(q.want, a.value)
}

// String shows an answer in one line.
func (a answer) String() string {
	switch v := a.value.(type) {
	case []byte:
		return fmt.Sprintf("%d bytes", len(v))
	case []int:
		return strings.ReplaceAll(fmt.Sprint(v), " ", ", ")
	case string:
		return fmt.Sprintf("%q", v)
	case nil:
		return terminal.Printable(a.failure)
	default:
		return fmt.Sprint(v)
	}
}

// peer is a client of the demo.
type peer struct {
	name, transport string
	ask             func(context.Context, []question) ([]answer, error)
}

// callerPeer asks with one of Parley's own clients.
func callerPeer(name, transport string, c rpc.Caller) peer {
	return peer{name, transport, func(ctx context.Context, questions []question) ([]answer, error) {
		answers := make([]answer, len(questions))
		for i, q := range questions {
			into := pointerFor(q)
			_, err := c.Call(ctx, &rpc.Request{Method: "add", Args: rpc.Values{q.a, q.b}, Into: into.Interface()})
			var fault *rpc.Fault
			switch {
			case err == nil:
				answers[i].value = into.Elem().Interface()
			case errors.As(err, &fault):
				answers[i].failure = fault.Error()
			default:
				return nil, err
			}
		}
		return answers, nil
	}}
}

// pointerFor returns a variable for the answer to a question.
func pointerFor(q question) reflect.Value {
	if q.want == nil {
		return reflect.New(reflect.TypeFor[any]())
	}
	return reflect.New(reflect.TypeOf(q.want))
}

// answerTime is how long an answer may take.
const answerTime = 30 * time.Second

// koloPeer asks with the XML-RPC client that Go programs use today. It knows
// nothing of contexts, and leaves base64 to its user.
func koloPeer(url string) peer {
	return peer{"github.com/kolo/xmlrpc", "XML-RPC", func(_ context.Context, questions []question) ([]answer, error) {
		transport := &http.Transport{ResponseHeaderTimeout: answerTime}
		c, err := kolo.NewClient(url, transport)
		if err != nil {
			return nil, err
		}
		defer c.Close()
		answers := make([]answer, len(questions))
		for i, q := range questions {
			into := pointerFor(q)
			_, isBlob := q.want.([]byte)
			if isBlob {
				into = reflect.New(reflect.TypeFor[string]())
			}
			switch err := c.Call("add", []any{koloValue(q.a), koloValue(q.b)}, into.Interface()); {
			case err != nil:
				answers[i].failure = err.Error()
			case isBlob:
				blob, err := base64.StdEncoding.DecodeString(into.Elem().String())
				if err != nil {
					return nil, err
				}
				answers[i].value = blob
			default:
				answers[i].value = into.Elem().Interface()
			}
		}
		return answers, nil
	}}
}

func koloValue(v any) any {
	if blob, ok := v.([]byte); ok {
		return kolo.Base64(base64.StdEncoding.EncodeToString(blob))
	}
	return v
}

//go:embed demo.py
var pythonScript string

// interpreter is a Python to run peers with.
type interpreter struct {
	path    string
	version string // "3.11.7"
	needMD5 bool   // its multiprocessing knows no other digest
}

// findPython returns the python3 of the PATH; false if there is none that runs.
func findPython(ctx context.Context) (interpreter, bool) {
	path, err := exec.LookPath("python3")
	if err != nil {
		return interpreter{}, false
	}
	out, err := exec.CommandContext(ctx, path, "-c", "import sys; print('%d.%d.%d' % sys.version_info[:3])").Output()
	if err != nil {
		return interpreter{}, false
	}
	p := interpreter{path: path, version: strings.TrimSpace(string(out))}
	var major, minor int
	if _, err := fmt.Sscanf(p.version, "%d.%d", &major, &minor); err != nil || major != 3 {
		return interpreter{}, false
	}
	p.needMD5 = minor < 12
	return p, true
}

func (p interpreter) xmlrpcPeer(url string) peer {
	return peer{"Python " + p.version + ", xmlrpc.client", "XML-RPC", func(ctx context.Context, questions []question) ([]answer, error) {
		return p.ask(ctx, questions, "", "xmlrpc", url)
	}}
}

func (p interpreter) nativePeer(addr net.Addr, key *auth.Authkey) peer {
	return peer{"Python " + p.version + ", multiprocessing.connection.Client", "native", func(ctx context.Context, questions []question) ([]answer, error) {
		host, port, err := net.SplitHostPort(addr.String())
		if err != nil {
			return nil, err
		}
		return p.ask(ctx, questions, hex.EncodeToString(key.Reveal()), "native", host, port)
	}}
}

// ask runs demo.py, which prints its answers as JSON.
func (p interpreter) ask(ctx context.Context, questions []question, stdin string, args ...string) ([]answer, error) {
	cmd := exec.CommandContext(ctx, p.path, append([]string{"-c", pythonScript}, args...)...)
	cmd.Stdin = strings.NewReader(stdin + "\n")
	var out, trouble bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &trouble
	if err := cmd.Run(); err != nil {
		lines := strings.Split(strings.TrimSpace(trouble.String()), "\n")
		return nil, fmt.Errorf("%w: %s", err, terminal.Printable(lines[len(lines)-1]))
	}
	var printed []json.RawMessage
	if err := json.Unmarshal(out.Bytes(), &printed); err != nil {
		return nil, fmt.Errorf("the script printed something else than JSON: %w", err)
	}
	if len(printed) != len(questions) {
		return nil, fmt.Errorf("the script printed %d answers, expected %d", len(printed), len(questions))
	}
	answers := make([]answer, len(questions))
	for i, q := range questions {
		answers[i] = pythonAnswer(q, printed[i])
	}
	return answers, nil
}

// pythonAnswer reads one answer that demo.py has printed. One of another type
// than it should be is shown as it is.
func pythonAnswer(q question, text json.RawMessage) answer {
	switch q.want.(type) {
	case nil:
		var failure string
		if json.Unmarshal(text, &failure) == nil {
			return answer{failure: failure}
		}
	case []byte:
		var blob struct{ Binary []byte }
		if json.Unmarshal(text, &blob) == nil {
			return answer{value: blob.Binary}
		}
	default:
		into := pointerFor(q)
		if json.Unmarshal(text, into.Interface()) == nil {
			return answer{value: into.Elem().Interface()}
		}
	}
	return answer{failure: string(text)}
}
