package validator1_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/kolo/xmlrpc"
	"go.uber.org/goleak"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/internal/peertest"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
	parley "github.com/parley-rpc/parley/rpc/xmlrpc"
	"github.com/parley-rpc/parley/services/validator1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serveHTTP serves the suite by XML-RPC and returns the URL.
func serveHTTP(t *testing.T) string {
	t.Helper()
	srv := &parley.Server{Handler: serve(t), Logger: slog.New(slog.DiscardHandler)}
	ln, err := srv.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ln) }()
	t.Cleanup(func() {
		srv.Close()
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("Serve: got %v; want http.ErrServerClosed", err)
		}
	})
	return fmt.Sprintf("http://%s/RPC2", ln.Addr())
}

func TestCheckOverHTTP(t *testing.T) {
	c, err := parley.NewClient(serveHTTP(t), parley.ClientConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if report := validator1.Check(t.Context(), c); !report.OK() {
		t.Errorf("our XML-RPC client and server:\n%s", report)
	}
}

func TestCheckNatively(t *testing.T) {
	key := auth.GenerateKey()
	srv := &native.Server{Handler: serve(t), Auth: key, Logger: slog.New(slog.DiscardHandler)}
	ln, err := srv.Listen("tcp://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ln) }()
	defer func() {
		srv.Close()
		<-done
	}()
	c, err := native.Dial(t.Context(), "tcp://"+ln.Addr().String(), native.DialConfig{Auth: key})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if report := validator1.Check(t.Context(), c); !report.OK() {
		t.Errorf("our native client and server:\n%s", report)
	}
}

// koloCaller makes calls by a client of kolo/xmlrpc.
type koloCaller struct{ client *xmlrpc.Client }

func (k koloCaller) Call(_ context.Context, req *rpc.Request) (any, error) {
	args, err := rpc.ValuesOf(req.Args)
	if err != nil {
		return nil, err
	}
	return req.Into, k.client.Call(req.Method, []any(args), req.Into)
}

// kolo/xmlrpc sends binary as a list of numbers and names unescaped, and reads empty
// text as nil, so that two functions fail; it passes the other six.
func TestKoloCheck(t *testing.T) {
	client, err := xmlrpc.NewClient(serveHTTP(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	report := validator1.Check(t.Context(), koloCaller{client})
	var failed []string
	for _, r := range report.Results {
		if len(r.Problems) > 0 {
			failed = append(failed, strings.TrimPrefix(r.Method, "validator1."))
		}
	}
	if want := []string{"echoStructTest", "manyTypesTest"}; !slices.Equal(failed, want) {
		t.Errorf("got the failures %q; want %q\n%s", failed, want, report)
	}
}

// pythonSuite calls the eight functions with random values and computes the answers
// itself. Each answer that is wrong is a line of its output.
const pythonSuite = `
from __future__ import print_function
import sys, random, datetime
try:
    import xmlrpc.client as xmlrpclib
    kind, binary = dict(use_builtin_types=True), bytes
except ImportError:
    import xmlrpclib
    kind, binary = dict(use_datetime=True), xmlrpclib.Binary

v = xmlrpclib.ServerProxy(sys.argv[1], **kind).validator1
rnd = random.Random(1999)

def check(name, got, want):
    if got != want:
        print("%s: got %r; want %r" % (name, got, want))

def number():
    return rnd.randint(-1000000, 1000000)

def text(n):
    return u"".join(rnd.choice(u"<>&'\"]<>&'\" \n\ta\u00e4\u4e16;#") for _ in range(rnd.randint(0, n)))

def stooges():
    s = {"moe": number(), "larry": number(), "curly": number()}
    total = sum(s.values())
    if rnd.random() < 0.5:
        s["shemp"] = text(5)
    return s, total

for _ in range(10):
    structs = [stooges()[0] for _ in range(rnd.randint(0, 20))]
    check("arrayOfStructsTest", v.arrayOfStructsTest(structs), sum(s["curly"] for s in structs))

    s = text(200)
    check("countTheEntities", v.countTheEntities(s), {
        "ctLeftAngleBrackets": s.count("<"), "ctRightAngleBrackets": s.count(">"), "ctAmpersands": s.count("&"),
        "ctApostrophes": s.count("'"), "ctQuotes": s.count('"')})

    s, total = stooges()
    check("easyStructTest", v.easyStructTest(s), total)

    s = {text(5): text(20), "a": [number(), {"b": []}], "c": {}, "d": rnd.random(), "e": datetime.datetime(2000, 2, 29, 1, 2, 3)}
    check("echoStructTest", v.echoStructTest(s), s)

    args = [number(), rnd.random() < 0.5, text(50), rnd.random(), datetime.datetime(1998, 7, 17, 14, 8, 55),
            binary(bytes(bytearray(rnd.randint(0, 255) for _ in range(rnd.randint(0, 300)))))]
    got = v.manyTypesTest(*args)
    check("manyTypesTest", got, args)
    check("kinds", [type(x) for x in got[:2]], [int, bool])

    texts = [text(10) for _ in range(rnd.randint(100, 200))]
    check("moderateSizeArrayCheck", v.moderateSizeArrayCheck(texts), texts[0] + texts[-1])

    day, total = stooges()
    calendar = {str(y): {"%02d" % m: {"%02d" % d: {} for d in range(1, 29)} for m in range(1, 13)} for y in (1999, 2000)}
    calendar["1999"]["04"]["01"] = stooges()[0]
    calendar["2000"]["04"]["01"] = day
    check("nestedStructTest", v.nestedStructTest(calendar), total)

    n = number()
    check("simpleStructReturnTest", v.simpleStructReturnTest(n), {"times10": n * 10, "times100": n * 100, "times1000": n * 1000})

try:
    print("no member larry: got %r; want a fault" % v.easyStructTest({"moe": 1, "curly": 2}))
except xmlrpclib.Fault as e:
    check("no member larry", (e.faultCode, "larry" in e.faultString), (-32602, True))
print("done")
`

func TestLivePythonSuite(t *testing.T) {
	url := serveHTTP(t)
	for _, python := range peertest.Pythons(t) {
		t.Run(python.String(), func(t *testing.T) {
			t.Parallel()
			if out := peertest.RunPython(t, context.Background(), python.Path, pythonSuite, url); strings.TrimSpace(out) != "done" {
				t.Errorf("xmlrpc.client of Python %s:\n%s", python, out)
			}
		})
	}
}
