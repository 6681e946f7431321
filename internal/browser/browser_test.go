package browser_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/parley-rpc/parley/internal/browser"
	"github.com/parley-rpc/parley/internal/peertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestBrowserNotes: what a test relies on not to happen is seen when it does.
func TestBrowserNotes(t *testing.T) {
	path, ok := browser.Find()
	if !ok {
		peertest.Missing(t, "chromium", browser.How)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "ann" || password != "secret" {
			w.Header().Set("WWW-Authenticate", "Basic")
			http.Error(w, "who?", http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Security-Policy", "img-src 'none'")
		fmt.Fprint(w, `<title>t</title><img src="/blocked.png"><input autofocus id=i onkeydown="window.pressed = event.key">
<script>console.log("said", 7); setTimeout(() => { throw Error("thrown") }); fetch("/other")</script>`)
	}))
	defer server.Close()
	b, err := browser.Start(path)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	p, err := b.NewPage(ctx)
	if err != nil {
		t.Fatal(err)
	}
	steps := []error{
		p.Login(ctx, "ann", "secret"),
		p.Look(ctx, browser.View{Width: 320, Height: 200, Dark: true, ReducedMotion: true}),
		p.Open(ctx, server.URL),
		p.Run(ctx, `document.getElementById("i").focus()`, nil),
		p.Type(ctx, "text"),
		p.Press(ctx, "Tab"),
		p.Wait(ctx, `window.pressed === "Tab" && document.getElementById("i").value === "text"`),
		p.Wait(ctx, `innerWidth === 320 && matchMedia("(prefers-color-scheme: dark)").matches && matchMedia("(prefers-reduced-motion)").matches`),
	}
	for i, err := range steps {
		if err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
	}
	var sum int
	if err := p.Run(ctx, "Promise.resolve(3 + 5)", &sum); err != nil || sum != 8 {
		t.Errorf("got %d, %v; want 8", sum, err)
	}
	if err := p.Run(ctx, "nothing.there", nil); err == nil || !strings.Contains(err.Error(), "ReferenceError") {
		t.Errorf("got %v; want the exception", err)
	}
	var width int
	if err := p.Run(ctx, "innerWidth", &width); err != nil || width != 320 {
		t.Errorf("got a width of %d, %v; want 320", width, err)
	}
	if err := p.Open(ctx, "http://127.0.0.1:1/"); err == nil {
		t.Error("a page that does not load: got no error")
	}
	n := p.Notes()
	for what, got := range map[string][]string{"log: said 7": n.Console, "Content Security Policy": n.Console, "thrown": n.Exceptions, server.URL + "/other": n.Requests} {
		if !strings.Contains(strings.Join(got, "\n"), what) {
			t.Errorf("got %q; want %q in it", got, what)
		}
	}
	b.Close()
	if err := p.Run(ctx, "1", nil); err == nil {
		t.Error("after Close: got no error")
	}
}
