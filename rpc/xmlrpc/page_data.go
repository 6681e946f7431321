package xmlrpc

import (
	"cmp"
	"context"
	"html/template"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/parley-rpc/parley/rpc"
)

// maxListed bounds the functions on the page.
const maxListed = 1000

// pageData is what the page shows.
type pageData struct {
	Style  template.CSS
	Script template.JS

	Place     place
	Fault     string // why there is no list
	Languages []language
	Start     []startSnippet // a whole program in each language
	Groups    []group
	System    group
	Shown     int // functions on the page
	More      int // functions that are not
}

// startSnippet is a whole program; its middle is the call.
type startSnippet struct {
	ID, Name, Before, Call, After string
}

// group is the functions of one service: those whose names begin alike.
type group struct {
	Name      string // without the last dot; "" for functions of no service
	Functions []function
}

// function is one function on the page.
type function struct {
	Name       string
	Short      string // its name within its group
	Help       string
	Signatures []signature // none: it takes whatever it is given
	Snippets   []snippet
}

type signature struct {
	Name   string // of the function
	Params []param
	Result string
}

type param struct {
	Name     string // "" if it is not known
	Type     string
	Optional bool
	Variadic bool
	Example  string // JSON, of an array or a struct; "" for none
}

type snippet struct{ ID, Call string }

// lister is a Caller that can describe all its methods at once. A registry is
// one.
type lister interface {
	Methods(ctx context.Context) []rpc.Method
}

// data asks what can be called here.
func (p *page) data(ctx context.Context) *pageData {
	d := &pageData{Place: p.place()}
	var names []string
	if err := p.ask(ctx, &names, "system.listMethods"); err != nil {
		d.Fault = "This server does not tell what can be called: " + rpc.FaultOf(err).Message
		return d
	}
	if len(names) > maxListed {
		d.More = len(names) - maxListed
		names = names[:maxListed]
	}
	d.Shown = len(names)
	d.Languages = languagesFor(d.Place)

	var first *sample
	groups := map[string]*group{}
	for _, m := range p.describe(ctx, names) {
		f, call := newFunction(m)
		for _, l := range d.Languages {
			if text := l.call(call); text != "" {
				f.Snippets = append(f.Snippets, snippet{l.ID, text})
			}
		}
		service := ""
		if i := strings.LastIndexByte(m.Name, '.'); i > 0 {
			service, f.Short = m.Name[:i], m.Name[i+1:]
		}
		g := groups[service]
		if g == nil {
			g = &group{Name: service}
			groups[service] = g
		}
		g.Functions = append(g.Functions, f)
		if first == nil || strings.HasPrefix(first.Method, "system.") && service != "system" {
			first = &call
		}
	}
	for name, g := range groups {
		if name == "system" {
			d.System = *g
			continue
		}
		d.Groups = append(d.Groups, *g)
	}
	slices.SortFunc(d.Groups, func(a, b group) int { return cmp.Compare(a.Name, b.Name) })
	if first != nil {
		for _, l := range d.Languages {
			before, after := l.frame(d.Place)
			d.Start = append(d.Start, startSnippet{l.ID, l.Name, before, l.call(*first), after})
		}
	}
	return d
}

// describe finds out about methods. What their help, their signatures and their
// parameters are it asks by calls as well, and a caller who may not make them is told names only;
// but of a Caller that can tell all at once it makes each call just once, so that
// a page for a thousand functions is not two thousand calls to interceptors.
func (p *page) describe(ctx context.Context, names []string) []rpc.Method {
	methods := make([]rpc.Method, len(names))
	known := map[string]rpc.Method{}
	if l, ok := p.e.handler.(lister); ok {
		for _, m := range l.Methods(ctx) {
			known[m.Name] = m
		}
	}
	help, signatures, params := true, true, true
	for i, name := range names {
		m := &methods[i]
		m.Name = name
		k, isKnown := known[name]
		if help && (i == 0 || !isKnown) {
			err := p.ask(ctx, &m.Help, "system.methodHelp", name)
			help = err == nil || !isKnown
		}
		if signatures && (i == 0 || !isKnown) {
			err := p.ask(ctx, new(any), "system.methodSignature", name)
			signatures = err == nil || !isKnown
			if !isKnown {
				_ = p.ask(ctx, &m.Signatures, "system.methodSignature", name) // "undef" for one that is not known
			}
		}
		if params && (i == 0 || !isKnown) {
			err := p.ask(ctx, &m.Params, "system.methodParams", name)
			params = err == nil || !isKnown
		}
		if isKnown && help {
			m.Help = k.Help
		}
		if isKnown && signatures {
			m.Signatures, m.Variadic = k.Signatures, k.Variadic
		}
		if isKnown && params { // an example of a struct has the names of its members
			m.Params, m.Examples = k.Params, k.Examples
		}
	}
	return methods
}

// ask calls a method for the one who reads the page.
func (p *page) ask(ctx context.Context, into any, method string, args ...any) error {
	_, err := p.e.handler.Call(ctx, &rpc.Request{Method: method, Args: rpc.Values(args), Peer: rpc.PeerFrom(ctx), Into: into})
	return err
}

// place finds out where this endpoint is for the one who reads the page. A
// handler in front of it may have cut a prefix from the path.
func (p *page) place() place {
	at := place{Scheme: "http", Host: p.r.Host, Path: p.r.URL.Path}
	if u, err := url.ParseRequestURI(p.r.RequestURI); err == nil {
		at.Path = u.Path
	}
	at.Path = (&url.URL{Path: trimSlashes(at.Path)}).EscapedPath()
	if p.r.TLS != nil {
		at.Scheme = "https"
	}
	switch local := p.r.Context().Value(http.LocalAddrContextKey).(type) {
	case *net.UnixAddr:
		at.Socket = local.Name
	case net.Addr:
		if at.Host == "" { // HTTP/1.0
			at.Host = local.String()
		}
	}
	if p.e.entrance != nil {
		at.User = "USER"
		if name, _, ok := p.r.BasicAuth(); ok && isPlain(name) {
			at.User = name
		}
	}
	return at
}

// isPlain reports whether a name can stand in a URL and in every language as it
// is.
func isPlain(name string) bool {
	return name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == ""
}
