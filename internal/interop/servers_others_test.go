package interop

import (
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// rubyServer is XMLRPC::Server of Ruby, with nil switched on.
func rubyServer() server {
	return server{
		name:     "ruby",
		language: "Ruby", library: "XMLRPC::Server", source: "ruby.rb",
		packages: []string{"ruby-xmlrpc"},
		version:  debian("ruby-xmlrpc"),
		steps: append(
			echoCases(),
			calls("arguments as Ruby sees them", "told", 1, int64(1)<<40, "ü", 2.0, true, nil, record{"a": []int{1}}),
			calls("binary as Ruby sees it", "told", []byte{1, 255}),
			calls("exception", "divide", 1, 0),
			calls("unknown method", "no.such", 1),
			calls("too few arguments", "divide", 1),
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
		steps: append(
			echoCases(),
			calls("exception", "divide", 1, 0),
			calls("unknown method", "no.such", 1),
			calls("system.listMethods", "system.listMethods"),
			calls("system.methodSignature", "system.methodSignature", "system.methodSignature"),
			calls("system.multicall without faults", "system.multicall",
				[]element{{"nothing", []any{}}, {"see", []any{"a list", []any{1, 2}}}}),
			multicall(),
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
		// It closes a connection behind each answer and does not say so.
		config: xmlrpc.ClientConfig{DisableKeepAlives: true},
		steps: append(
			echoCases(),
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
		steps: append(
			echoCases(),
			calls("exception", "divide", 1, 0),
			calls("unknown method", "no.such", 1),
			calls("system.methodSignature", "system.methodSignature", "system.listMethods"),
			multicall(),
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
