package xmlrpc

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"runtime/debug"
	"strings"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/value"
)

var (
	//go:embed page.html
	pageText string
	//go:embed page.css
	pageStyle string
	//go:embed page.js
	pageScript string
)

var (
	pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{"text": textHTML}).Parse(pageText))
	leanStyle    = styleSpaces.Replace(lean(pageStyle))
	leanScript   = lean(pageScript)
)

// lean leaves out what a browser does not need: lines that are empty or a
// comment, and the tabs in front of the others.
func lean(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		line = strings.TrimLeft(line, "\t")
		if line != "\n" && !strings.HasPrefix(line, "//") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// styleSpaces takes the spaces out of a style sheet that nobody reads.
var styleSpaces = strings.NewReplacer(": ", ":", ", ", ",", "; ", ";", " {\n", "{", " { ", "{", " }", "}", ";\n", ";")

var textEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;")

// textHTML escapes a text that stands between tags, and only there. Programs are
// full of quotes, which need nothing there, but which html/template escapes too.
func textHTML(text string) template.HTML {
	return template.HTML(textEscaper.Replace(text)) //nolint:gosec // it is escaped
}

// pageHeader lets a browser run the one script and the one style of the page and
// nothing else, whatever the names and texts in it hold: it loads nothing, and
// talks to nobody but this server. The script may not make markup of text either.
var pageHeader = http.Header{
	"Content-Type": {"text/html; charset=utf-8"},
	"Content-Security-Policy": {strings.Join([]string{
		"default-src 'none'",
		"script-src " + sourceHash(leanScript),
		"style-src " + sourceHash(leanStyle),
		"connect-src 'self'",
		"img-src data:", // the icon
		"base-uri 'none'",
		"form-action 'none'",
		"frame-ancestors 'none'",
		"require-trusted-types-for 'script'",
		"trusted-types 'none'",
	}, "; ")},
	"X-Content-Type-Options":       {"nosniff"},
	"X-Frame-Options":              {"DENY"},
	"Cross-Origin-Opener-Policy":   {"same-origin"},
	"Cross-Origin-Resource-Policy": {"same-origin"},
	"Referrer-Policy":              {"no-referrer"},
	"Cache-Control":                {"no-store"},
}

// sourceHash is how a Content-Security-Policy names an inline script or style.
func sourceHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// page is the answer to a GET: what can be called here. It asks through the
// same door as every caller, and so shows what this one may call.
type page struct {
	e *endpoint
	r *http.Request
}

func (p *page) late() reply {
	return reply{status: http.StatusServiceUnavailable, header: pageHeader, body: []byte("<!DOCTYPE html><title>503</title><p>The list of functions was not ready in time.</p>")}
}

func (p *page) answer(ctx context.Context, dst []byte) (out reply) {
	defer func() {
		if v := recover(); v != nil {
			err := p.e.internal(ctx, "system.listMethods", fmt.Errorf("panic: %v\n%s", v, debug.Stack()))
			out = p.render(dst, http.StatusInternalServerError, &pageData{Fault: rpc.FaultOf(err).Message})
		}
	}()
	return p.render(dst, http.StatusOK, p.data(ctx))
}

func (p *page) render(dst []byte, status int, data *pageData) reply {
	data.Style, data.Script = template.CSS(leanStyle), template.JS(leanScript)
	out := bytes.NewBuffer(dst)
	if err := pageTemplate.Execute(out, data); err != nil {
		return reply{status: http.StatusInternalServerError, header: pageHeader, body: append(dst, template.HTMLEscapeString(value.Clip(err.Error(), 200))...)}
	}
	return reply{status: status, header: pageHeader, body: out.Bytes()}
}
