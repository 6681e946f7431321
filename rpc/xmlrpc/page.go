package xmlrpc

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"html/template"
	"net/http"
	"runtime/debug"
	"strings"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/value"
)

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// htmlHeader lets a browser do nothing with the page but show it.
var htmlHeader = http.Header{
	"Content-Type":            {"text/html; charset=utf-8"},
	"Content-Security-Policy": {"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
	"X-Content-Type-Options":  {"nosniff"},
	"Referrer-Policy":         {"no-referrer"},
	"Cache-Control":           {"no-store"},
}

// maxListed bounds the functions on the page.
const maxListed = 1000

// page is the answer to a GET: what can be called here. It asks through the
// same door as every caller, and so shows what this one may call.
type page struct {
	e *endpoint
	r *http.Request
}

// listed is one function on the page.
type listed struct {
	Name       string
	Signatures []string // "add(int, int) → int"
	Help       string
}

type pageData struct {
	Endpoint  string
	Functions []listed
	Fault     string // why there is no list
	More      int    // functions that are not shown
}

func (p *page) late() reply {
	return reply{status: http.StatusServiceUnavailable, header: htmlHeader, body: []byte("<!DOCTYPE html><title>503</title><p>The list of functions was not ready in time.</p>")}
}

func (p *page) answer(ctx context.Context, dst []byte) (out reply) {
	defer func() {
		if v := recover(); v != nil {
			err := p.e.internal(ctx, "system.listMethods", fmt.Errorf("panic: %v\n%s", v, debug.Stack()))
			out = p.render(dst, http.StatusInternalServerError, pageData{Fault: rpc.FaultOf(err).Message})
		}
	}()
	var names []string
	if err := p.ask(ctx, &names, "system.listMethods"); err != nil {
		return p.render(dst, http.StatusOK, pageData{Fault: "This server does not tell what can be called: " + rpc.FaultOf(err).Message})
	}
	data := pageData{Endpoint: scheme(p.r) + "://" + p.r.Host + p.r.URL.Path}
	for i, name := range names {
		if i == maxListed {
			data.More = len(names) - maxListed
			break
		}
		f := listed{Name: name}
		var signatures [][]string
		if p.ask(ctx, &signatures, "system.methodSignature", name) == nil {
			for _, s := range signatures {
				f.Signatures = append(f.Signatures, signatureText(name, s))
			}
		}
		_ = p.ask(ctx, &f.Help, "system.methodHelp", name) // without it the name stands alone
		data.Functions = append(data.Functions, f)
	}
	return p.render(dst, http.StatusOK, data)
}

// ask calls a method for the one who reads the page.
func (p *page) ask(ctx context.Context, into any, method string, args ...any) error {
	_, err := p.e.handler.Call(ctx, &rpc.Request{Method: method, Args: rpc.Values(args), Peer: rpc.PeerFrom(ctx), Into: into})
	return err
}

func (p *page) render(dst []byte, status int, data pageData) reply {
	out := bytes.NewBuffer(dst)
	if err := pageTemplate.Execute(out, data); err != nil {
		return reply{status: http.StatusInternalServerError, header: htmlHeader, body: append(dst, value.Clip(err.Error(), 200)...)}
	}
	return reply{status: status, header: htmlHeader, body: out.Bytes()}
}

// signatureText writes a signature, whose first word is the result, as people
// read it.
func signatureText(name string, words []string) string {
	if len(words) == 0 {
		return name
	}
	return name + "(" + strings.Join(words[1:], ", ") + ") → " + words[0]
}

func scheme(r *http.Request) string {
	if r.TLS != nil {
		return "https"
	}
	return "http"
}
