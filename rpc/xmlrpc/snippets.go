package xmlrpc

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/parley-rpc/parley/rpc/xmlrpc/xmlvalue"
)

// A snippet is a program that makes one call: the lines that set it up and end
// it, which are the same for every function, and the lines of the call.

// language is one that the page has snippets for.
type language struct {
	ID, Name string
	frame    func(p place) (before, after string)
	call     func(c sample) string // "" if it cannot be made there
	tcpOnly  bool                  // what people have there cannot use a unix socket
}

// languages are shown in this order.
var languages = []language{
	{"python", "Python", pythonFrame, pythonCall, false},
	{"ruby", "Ruby", rubyFrame, rubyCall, true},
	{"php", "PHP", phpFrame, phpCall, true},
	{"curl", "curl", curlFrame, curlCall, false},
	{"go", "Go", goFrame, goCall, false},
}

// languagesFor returns those that can call a place.
func languagesFor(p place) []language {
	if p.Socket == "" {
		return languages
	}
	return slices.DeleteFunc(slices.Clone(languages), func(l language) bool { return l.tcpOnly })
}

// place is where an endpoint is, as its snippets name it.
type place struct {
	Scheme string // http or https
	Host   string // with the port
	Path   string // escaped as in a URL
	Socket string // the unix socket; "" for none
	User   string // who logs in; "" if nobody has to
}

// password stands where the reader's own belongs.
const password = "PASSWORD"

// String returns the URL for people and for this module's client.
func (p place) String() string {
	if p.Socket != "" {
		return unixScheme + "://" + p.Socket + ":" + p.Path
	}
	return p.Scheme + "://" + p.Host + p.Path
}

// login returns the URL with user and password in it, where they are needed.
func (p place) login() string {
	host := p.Host
	if p.Socket != "" {
		host = "localhost"
	}
	if p.User != "" {
		host = p.User + ":" + password + "@" + host
	}
	return p.Scheme + "://" + host + p.Path
}

// sample is the call that a snippet makes.
type sample struct {
	Method string
	Args   []any  // dynamic values
	Result string // its type, in the words of XML-RPC; "" if it is not known
}

// literals writes the arguments of a call in a language.
func (c sample) literals(write func(any) string) []string {
	list := make([]string, len(c.Args))
	for i, a := range c.Args {
		list[i] = write(a)
	}
	return list
}

func pythonFrame(p place) (before, after string) {
	before = "import xmlrpc.client\n\n"
	transport := ""
	if p.Socket != "" {
		before = `import http.client
import socket
import xmlrpc.client


class UnixConnection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(` + quoted(p.Socket, "") + `)


class UnixTransport(xmlrpc.client.Transport):
    def make_connection(self, host):
        return UnixConnection("localhost")


`
		transport = ", UnixTransport()"
	}
	return before + "server = xmlrpc.client.ServerProxy(" + quoted(p.login(), "") + transport + ")\n", "\n"
}

func pythonCall(c sample) string {
	args := "(" + strings.Join(c.literals(pythonLiteral), ", ") + ")"
	for word := range strings.SplitSeq(c.Method, ".") {
		if !isPythonName(word) {
			return "print(getattr(server, " + quoted(c.Method, "") + ")" + args + ")"
		}
	}
	return "print(server." + c.Method + args + ")"
}

// rubyFrame has nil read, which the library refuses unless a constant says
// otherwise: to set it anew without a warning, it goes first.
func rubyFrame(p place) (before, after string) {
	before = `require "xmlrpc/client"

XMLRPC::Config.module_eval { remove_const(n = :ENABLE_NIL_PARSER); const_set(n, true) }
server = XMLRPC::Client.new2(`
	return before + quoted(p.login(), "#") + ")\n", "\n"
}

func rubyCall(c sample) string {
	args := append([]string{quoted(c.Method, "#")}, c.literals(rubyLiteral)...)
	return "p server.call(" + strings.Join(args, ", ") + ")"
}

func phpFrame(p place) (before, after string) {
	header := `"Content-Type: text/xml"`
	if p.User != "" {
		header = `["Content-Type: text/xml", "Authorization: Basic " . base64_encode(` + quoted(p.User+":"+password, "$") + `)]`
	}
	before = `<?php // with the extension xmlrpc: apt install php-xmlrpc, or pecl install xmlrpc
function call($method, ...$args) {
    $call = xmlrpc_encode_request($method, $args, ["encoding" => "utf-8", "escaping" => "markup"]);
    $http = ["method" => "POST", "header" => ` + header + `, "content" => $call];
    $answer = file_get_contents(` + quoted(p.String(), "$") + `, false, stream_context_create(["http" => $http]));
    return xmlrpc_decode($answer, "utf-8");
}
function typed($value, $type) {
    xmlrpc_set_type($value, $type);
    return $value;
}
print_r(`
	return before, ");\n"
}

// phpCall has no answer for a record with a number for a name: the extension
// makes a list of it.
func phpCall(c sample) string {
	if slices.ContainsFunc(c.Args, hasNumberedRecord) {
		return ""
	}
	args := append([]string{quoted(c.Method, "$")}, c.literals(phpLiteral)...)
	return "call(" + strings.Join(args, ", ") + ")"
}

// curlFrame has the document on standard input, behind a quoted mark, so that
// the shell reads nothing into it.
func curlFrame(p place) (before, after string) {
	before = "curl -sS "
	if p.Socket != "" {
		before += "--unix-socket " + shellQuoted(p.Socket) + " "
	}
	if p.User != "" {
		before += "-u " + shellQuoted(p.User+":"+password) + " "
	}
	p.User = ""
	return before + "-H 'Content-Type: text/xml' --data-binary @- " + shellQuoted(p.login()) + " <<'XML'\n", "\nXML\n"
}

func curlCall(c sample) string {
	doc, err := xmlvalue.AppendCall(nil, c.Method, c.Args, xmlvalue.Options{})
	if err != nil {
		doc, _ = xmlvalue.AppendCall(nil, c.Method, nil, xmlvalue.Options{}) // a plain name and nothing else
	}
	// A line of the document must not look like the mark that ends it.
	doc = bytes.ReplaceAll(doc, []byte("\n"), []byte("&#10;"))
	text := string(doc)
	if _, rest, ok := strings.Cut(text, "?>"); ok {
		text = strings.TrimPrefix(rest, "&#10;")
	}
	text = strings.ReplaceAll(text, "<param>", "\n<param>")
	return strings.Replace(text, "</params>", "\n</params>", 1)
}

func goFrame(p place) (before, after string) {
	login := ""
	if p.User != "" {
		login = ", User: " + quoted(p.User, "") + ", Password: " + quoted(password, "")
	}
	before = `package main

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

func main() {
	client, err := xmlrpc.NewClient(` + quoted(p.String(), "") + `, xmlrpc.ClientConfig{Timeout: 10 * time.Second` + login + `})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	`
	after = `
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result)
}
`
	return before, after
}

func goCall(c sample) string {
	args := append([]string{"ctx", "client", quoted(c.Method, "")}, c.literals(goLiteral)...)
	return fmt.Sprintf("result, err := rpc.Invoke[%s](%s)", goType(c.Result), strings.Join(args, ", "))
}

// goType is the Go type for a word of XML-RPC.
func goType(word string) string {
	switch word {
	case "int", "i4", "i8":
		return "int"
	case "double":
		return "float64"
	case "string":
		return "string"
	case "boolean":
		return "bool"
	case "dateTime.iso8601":
		return "time.Time"
	case "base64":
		return "[]byte"
	case "array":
		return "[]any"
	case "struct":
		return "map[string]any"
	}
	return "any"
}
