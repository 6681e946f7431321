package interop

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc/xmlvalue"
)

// rubyServer is XMLRPC::Server of Ruby, with nil switched on.
func rubyServer() server {
	return server{
		name:     "ruby",
		language: "Ruby", library: "XMLRPC::Server", source: "ruby.rb",
		packages: []string{"ruby-xmlrpc"},
		version:  debian("ruby-xmlrpc"),
		notes: []string{
			"Binary arrives as a String of Ruby and is answered as text, whose control characters cannot be read. A function that answers binary has to return `XMLRPC::Base64.new(bytes)`.",
			`A result that cannot be written (an integer beyond 32 bits, an infinite double, nil unless it is switched on as in the program) is a page with HTTP status 500, not a fault: the call fails with its outcome unknown.`,
			"WEBrick writes the head and the body of an answer apart, so that each call on a kept connection waits for some 40 ms: with `ClientConfig.DisableKeepAlives` a call takes one.",
			`An exception is fault 2, an unknown method or a wrong number of arguments fault 1, since the library does not tell them apart. It answers at every path.`,
		},
		// Calls on a kept connection take 40 ms each.
		config: xmlrpc.ClientConfig{DisableKeepAlives: true},
		steps: append(
			echoCases(),
			calls("arguments as Ruby sees them", "told", 1, int64(1)<<40, "ü", 2.0, true, nil, record{"a": []int{1}}),
			calls("binary as Ruby sees it", "told", []byte{1, 255}),
			calls("exception", "divide", 1, 0),
			calls("unknown method", "no.such", 1),
			calls("too few arguments", "divide", 1),
			calls("binary", "binary"),
			calls("symbol", "symbol"),
			calls("time", "time"),
			calls("date without a time", "date"),
			calls("integer beyond 32 bits", "large"),
			calls("integer beyond 64 bits", "huge"),
			calls("infinity", "inf"),
			calls("system.listMethods", "system.listMethods"),
			calls("system.methodHelp", "system.methodHelp", "see"),
			calls("system.methodSignature", "system.methodSignature", "see"),
			multicall(),
			together(false, threeCalls()...),
			validates(),
			step{"another path", elsewhere},
		),
	}
}

// rpcxmlServer is RPC::XML::Server of Perl, with nil switched on.
func rpcxmlServer() server {
	return server{
		name:     "rpcxml",
		language: "Perl", library: "RPC::XML::Server", source: "rpcxml.pl",
		packages: []string{"librpc-xml-perl"},
		version:  debian("librpc-xml-perl"),
		notes: []string{
			"Perl does not know booleans: they come back as 0 and 1, which do not fit a bool of Go. A large double comes back as the text of its digits, and binary as text that cannot be read, unless the function returns `RPC::XML::base64->new($bytes)`.",
			"The program switches nil on by `$RPC::XML::ALLOW_NIL`, and sets `$RPC::XML::ENCODING` to utf-8, which is us-ascii otherwise.",
			"`system.multicall` answers results without the list around each that others have: set `Unwrapped` of `rpc.Multicaller`. One call that fails makes it answer a document that is no XML-RPC.",
			"It serves one connection at a time, and a kept one keeps all others waiting for as much as 10 s, those of other programs too: set `ClientConfig.DisableKeepAlives`.",
			`An unknown method is fault 200, an exception fault 300. It answers at every path.`,
		},
		// It serves one connection at a time.
		config: xmlrpc.ClientConfig{DisableKeepAlives: true},
		steps: append(
			echoCases(),
			calls("exception", "divide", 1, 0),
			calls("unknown method", "no.such", 1),
			calls("system.listMethods", "system.listMethods"),
			calls("system.methodSignature", "system.methodSignature", "system.methodSignature"),
			calls("binary", "binary"),
			step{"boolean as a bool of Go", func(s *session) string {
				_, err := rpc.Invoke[bool](s.ctx, s.client, "see", "true", true)
				return fmt.Sprint(errors.Is(err, rpc.ErrResult))
			}},
			multicall(),
			together(true, rpc.Element{Method: "nothing"}, rpc.Element{Method: "see", Args: rpc.Values{"a list", []any{1, 2}}}),
			step{"another path", elsewhere},
		),
	}
}

// frontierServer is Frontier::Daemon of Perl, which closes every connection.
func frontierServer() server {
	return server{
		name:     "frontier",
		language: "Perl", library: "Frontier::Daemon", source: "frontier.pl",
		packages: []string{"libfrontier-rpc-perl"},
		version:  debian("libfrontier-rpc-perl"),
		notes: []string{
			"It closes the connection behind each answer and does not say so: calls one after another need `ClientConfig.DisableKeepAlives`, or some of them fail with their outcome unknown.",
			`A character beyond U+FFFF in an answer ends the daemon. The program leaves it out.`,
			"It knows neither `<i8>` nor nil. Text that looks like a number comes back as one. Faults have the codes 1 to 4 of its own: not readable, no call, unknown method, exception.",
		},
		// It closes a connection behind each answer and does not say so.
		config: xmlrpc.ClientConfig{DisableKeepAlives: true},
		steps: append(
			echoCases(),
			calls("text that looks like a number", "see", "text", "0042"),
			calls("exception", "divide", 1, 0),
			calls("unknown method", "no.such", 1),
			step{"another path", elsewhere},
		),
	}
}

// phpServer is the xmlrpc extension of PHP.
func phpServer() server {
	return server{
		name:     "php",
		language: "PHP", library: "extension xmlrpc", source: "php.php",
		packages: []string{"php-cli", "php-xmlrpc"},
		version:  debian("php-xmlrpc"),
		notes: []string{
			"It reads `<i8>` and `<nil/>` as empty text and reports nothing: switch on `Int32Only` and `NoNil` of `ClientConfig.Values`, so that such a value is an error before it is lost. An empty struct comes back as an empty array.",
			"An uncaught exception is HTTP status 500 without a body. An unknown method is fault -32601. There is no `system.multicall`: set `OneByOne` of `rpc.Multicaller`.",
		},
		steps: append(
			echoCases(),
			calls("exception", "divide", 1, 0),
			calls("unknown method", "no.such", 1),
			calls("system.methodSignature", "system.methodSignature", "system.listMethods"),
			multicall(),
			step{"rpc.Multicaller, one by one", func(s *session) string {
				return tellAll(s, rpc.Multicaller{Caller: s.client, OneByOne: true}, threeCalls())
			}},
			step{"Int32Only and NoNil", func(s *session) string {
				c := s.dial(xmlrpc.ClientConfig{Values: xmlvalue.Options{Int32Only: true, NoNil: true}})
				_, large := rpc.Invoke[any](s.ctx, c, "see", "i8", int64(1)<<40)
				_, none := rpc.Invoke[any](s.ctx, c, "see", "nil", nil)
				return fmt.Sprint(large != nil, " ", none != nil)
			}},
		),
	}
}

// nodeServer is the server of the module xmlrpc, which answers in chunks.
func nodeServer() server {
	return server{
		name:     "npm-xmlrpc",
		language: "JavaScript", library: "xmlrpc", source: "npm-xmlrpc.js",
		packages: []string{"nodejs", "npm"},
		version:  "node -p 'JSON.parse(fs.readFileSync(process.argv[1])).version' $NPM/xmlrpc/package.json",
		notes: []string{
			"It reads `<i8>` as text. An unknown method is HTTP status 404, which says that the call did not run, and an Error instead of `{faultCode, faultString}` a fault without either: code 0.",
			`It answers in chunks, at every path.`,
		},
		steps: append(
			echoCases(),
			calls("arguments as JavaScript sees them", "told", 1, "ü", 2.0, true, nil, record{"a": []int{1}}),
			calls("error that is no fault", "fail"),
			calls("unknown method", "no.such", 1),
			validates(),
			step{"another path", elsewhere},
		),
	}
}

// xmlrpcCServer is the Abyss server of xmlrpc-c, which ends a connection after 30
// requests.
func xmlrpcCServer() server {
	return server{
		name:     "xmlrpc-c",
		language: "C", library: "Abyss of xmlrpc-c", source: "xmlrpc-c.c",
		packages: []string{"g++", "libxmlrpc-core-c3-dev"},
		version:  debian("libxmlrpc-core-c3-dev"),
		notes: []string{
			`It refuses text beyond the Basic Multilingual Plane, as 🌍 is: fault -503. An unknown method is fault -506, a wrong kind -501, a wrong number of arguments -502.`,
			`It ends a connection after 30 calls, and says so in the answer to the last one: the client takes another.`,
			"`system.methodSignature` of a function without a signature is the text `undef`.",
		},
		steps: append(
			echoCases(),
			calls("error", "divide", 1, 0),
			calls("wrong kind", "divide", 1, "two"),
			calls("too many arguments", "divide", 1, 2, 3),
			calls("unknown method", "no.such", 1),
			calls("system.listMethods", "system.listMethods"),
			calls("system.methodHelp", "system.methodHelp", "see"),
			calls("system.methodSignature", "system.methodSignature", "divide"),
			calls("system.methodSignature of none", "system.methodSignature", "see"),
			calls("system.capabilities", "system.capabilities"),
			multicall(),
			together(false, threeCalls()...),
			step{"40 calls on kept connections", func(s *session) string {
				for i := range 40 {
					if got, err := rpc.Invoke[int](s.ctx, s.client, "divide", 10*i, 10); got != i || err != nil {
						return tell(got, err)
					}
				}
				return "ok"
			}},
			step{"another path", elsewhere},
		),
	}
}

// multicall makes three calls in one: one with a result, one with a fault, one of a
// function that there is not.
func multicall() step {
	return calls("system.multicall", "system.multicall",
		[]element{{"nothing", []any{}}, {"refuse", []any{"please"}}, {"no.such", []any{}}})
}

func threeCalls() []rpc.Element {
	return []rpc.Element{{Method: "nothing"}, {Method: "refuse", Args: rpc.Values{"please"}}, {Method: "see", Args: rpc.Values{"a list", []any{1}}}}
}

// elsewhere calls at a path where there is no XML-RPC.
func elsewhere(s *session) string {
	there := newClient(s.t, s.url+"/elsewhere", s.config)
	return tell(rpc.Invoke[any](s.ctx, there, "nothing"))
}

// page gets what a server shows to browsers, and tells whether it holds a text.
func page(s *session, text string) string {
	req, err := http.NewRequestWithContext(s.ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return err.Error()
	}
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil || resp.StatusCode != http.StatusOK || kind != "text/html" || !strings.Contains(string(body), text) {
		return resp.Status + ", " + kind + ": " + describe(string(body))
	}
	return "ok"
}
