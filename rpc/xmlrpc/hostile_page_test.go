package xmlrpc_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-rpc/parley/internal/browser"
	"github.com/parley-rpc/parley/internal/peertest"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc/xmlvalue"
)

// hostilePage is what a page elsewhere does to reach a server that only the browser
// can reach. It notes what it could read of an answer, in read.
const hostilePage = `<!DOCTYPE html><title>evil</title><body><script>
const target = TARGET, call = CALL, read = [];
const note = (how, text) => { if (text) read.push(how + ": " + String(text).slice(0, 100)); };
const types = ["text/xml", "application/xml", "text/plain", "text/plain;text/xml", "application/x-www-form-urlencoded", "multipart/form-data;boundary=text/xml", ""];
const paths = ["/RPC2", "/", "//", "/?/RPC2"];
const tries = [];
for (const path of paths) for (const mode of ["no-cors", "cors", "same-origin", "navigate"]) for (const type of types) for (const credentials of ["include", "omit"]) {
	tries.push((async () => {
		const r = await fetch(target + path, {method: "POST", mode, credentials, body: new Blob([call], {type}), keepalive: type === "text/plain"});
		note("fetch " + mode, await r.text());
	})());
	for (const method of ["GET", "HEAD"]) tries.push((async () => note(method, await (await fetch(target + path, {method, mode, credentials})).text()))());
}
for (const headers of [{"X-HTTP-Method-Override": "POST"}, {"Content-Type": "text/xml"}, {"Authorization": "Basic YW5uOnNlLWNyZXQ="}])
	tries.push((async () => note("headers", await (await fetch(target + "/RPC2", {method: "POST", headers, body: call})).text()))());
for (const type of types) {
	try { navigator.sendBeacon(target + "/RPC2", new Blob([call], {type})); } catch (e) {}
	tries.push(new Promise(done => {
		const x = new XMLHttpRequest();
		x.open("POST", target + "/RPC2");
		x.withCredentials = true;
		x.setRequestHeader("Content-Type", type || "text/xml");
		x.onloadend = () => { note("XMLHttpRequest", x.responseText); done(); };
		x.send(call);
	}));
}
let frames = 0;
function frame(attributes) {
	const f = document.createElement("iframe");
	f.name = "f" + frames++;
	for (const [k, v] of Object.entries(attributes)) f.setAttribute(k, v);
	document.body.append(f);
	tries.push(new Promise(done => { f.onload = () => {
		try { note("frame", f.contentDocument && f.contentDocument.URL !== "about:blank" && f.contentDocument.documentElement.textContent); } catch (e) {}
		done();
	}; setTimeout(done, 3000); }));
	return f;
}
for (const attributes of [{}, {sandbox: "allow-forms allow-scripts"}, {referrerpolicy: "no-referrer"}]) {
	frame({src: target + "/", ...attributes});
	for (const enctype of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]) {
		const to = frame(attributes), form = document.createElement("form"), input = document.createElement("textarea");
		Object.assign(form, {action: target + "/RPC2", method: "post", enctype, target: to.name});
		const cut = call.indexOf("=");
		input.name = cut < 0 ? call : call.slice(0, cut);
		input.value = cut < 0 ? "" : call.slice(cut + 1);
		form.append(input);
		document.body.append(form);
		form.submit();
	}
	frame({srcdoc: "<form id=f method=post enctype=text/plain action='" + target + "/RPC2'><input name='" + call.replaceAll("'", "") + "'></form><script>f.submit()<\/script>", ...attributes});
}
for (const [tag, attribute] of [["script", "src"], ["img", "src"], ["link", "href"], ["video", "src"], ["object", "data"], ["embed", "src"]]) {
	for (const crossOrigin of [null, "use-credentials"]) {
		const e = document.createElement(tag);
		if (tag === "link") e.rel = "stylesheet";
		e.crossOrigin = crossOrigin;
		e[attribute] = target + "/";
		document.body.append(e);
		tries.push(new Promise(done => { e.onload = () => { if (tag !== "object" && tag !== "embed") note(tag, "loaded"); done(); }; e.onerror = done; setTimeout(done, 2000); }));
	}
}
tries.push(new Promise(done => { const s = new WebSocket(target.replace("http", "ws") + "/RPC2"); s.onopen = () => { note("WebSocket", "open"); s.send(call); }; s.onmessage = e => note("WebSocket", e.data); s.onclose = done; }));
tries.push(new Promise(done => { const s = new EventSource(target + "/RPC2", {withCredentials: true}); s.onopen = () => note("EventSource", "open"); s.onerror = () => { s.close(); done(); }; }));
tries.push(navigator.serviceWorker ? navigator.serviceWorker.register(target + "/").then(() => note("service worker", "registered")) : 0);
tries.push((async () => { new Worker(target + "/"); note("Worker", "made"); })());
tries.push(import(target + "/").then(() => note("import", "done")));
const popup = window.open(target + "/");
tries.push(new Promise(done => setTimeout(() => { try { note("popup", popup && popup.document && popup.document.URL !== "about:blank" && popup.document.documentElement.textContent); } catch (e) {} done(); }, 1000)));
Promise.allSettled(tries).then(() => { window.over = true; });
</script>`

// TestThreatPageElsewhereInABrowser: a page of another origin, be it another port of
// this very machine, can neither make a call nor read anything, whatever a
// browser offers it. Those that it has no word for, an older one would not know
// either: the gates are tried one by one elsewhere.
func TestThreatPageElsewhereInABrowser(t *testing.T) {
	path, found := browser.Find()
	if !found {
		peertest.Missing(t, "chromium", browser.How)
	}
	var hits atomic.Int32
	var mu sync.Mutex
	statuses := map[string]int{}
	reg := registry(t, map[string]any{"hit": func() string { hits.Add(1); return "CANARY" }})
	srv := &xmlrpc.Server{Handler: reg, Logger: quiet}
	addr := serve(t, srv)
	_, port, _ := net.SplitHostPort(addr)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	b, err := browser.Start(path)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for _, target := range []string{"http://" + addr, "http://localhost:" + port, "http://evil.localhost:" + port} {
		quoted := func(s string) string {
			text, _ := json.Marshal(s)
			return strings.ReplaceAll(string(text), "</", `<\/`)
		}
		page := strings.NewReplacer("TARGET", quoted(target), "CALL", quoted("<methodCall><methodName>hit</methodName></methodCall>")).Replace(hostilePage)
		evil := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			statuses[r.URL.Path]++
			mu.Unlock()
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			fmt.Fprint(w, page)
		}))
		_, evilPort, _ := net.SplitHostPort(evil.Listener.Addr().String())
		for _, origin := range []string{evil.URL, "http://localhost:" + evilPort} {
			p, err := b.NewPage(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Open(ctx, origin+"/"); err != nil {
				t.Fatal(err)
			}
			if err := p.Wait(ctx, "window.over"); err != nil {
				t.Fatalf("%v; it said %q", err, p.Notes().Exceptions)
			}
			var read []string
			if err := p.Run(ctx, "read", &read); err != nil {
				t.Fatal(err)
			}
			if len(read) > 0 {
				t.Errorf("a page of %s could read from %s: %q", origin, target, read)
			}
			if n := len(p.Notes().Requests); n < 100 {
				t.Errorf("the page made %d requests only", n)
			}
		}
		evil.Close()
	}
	if n := hits.Load(); n != 0 {
		t.Errorf("the function ran %d times", n)
	}
	wantAlive(t, addr)
}

// TestThreatHostileNamesOnThePage: names that mean something to a browser, to
// JavaScript or to the page itself break nothing, and what is shown is what is
// copied.
func TestThreatHostileNamesOnThePage(t *testing.T) {
	names := []string{
		"page-start", "page-url", "page-filter", "page-functions", "page-system", "page-count", "page-tools", "page-field-1", "page-code-1",
		"__proto__", "constructor", "toString", "hasOwnProperty.x", "then", "location", "document.body", "submit", "x\nXML\ntouch pwned", "a\rb", "%41", "%", "a b", "\u202egnihtemos", "java\u200bscript:alert(1)", "x]]>y", "-rf", "?>",
	}
	const bidi = "safe\u202e;evil\u2066"
	addr := serve(t, &xmlrpc.Server{Values: deepest, Handler: callerFunc(func(_ context.Context, req *rpc.Request) (any, error) {
		switch into := req.Into.(type) {
		case *[]string:
			*into = append(append([]string(nil), names...), "echo", "deep")
			return nil, nil
		case *string:
			*into = bidi
			return nil, nil
		case *[][]string:
			*into = [][]string{{"any", "struct"}}
			return nil, nil
		case nil:
			if req.Method == "deep" {
				var v any = int64(1)
				for range deepest.MaxDepth - 1 {
					v = []any{v}
				}
				return v, nil
			}
			return map[string]any{"__proto__": map[string]any{"polluted": int64(1)}, "constructor": map[string]any{"prototype": map[string]any{"polluted": int64(1)}}, bidi: bidi}, nil
		}
		return nil, nil
	})})
	p := openTab(t, addr)
	p.open("/RPC2")
	p.must(p.Run(p.ctx, `document.querySelectorAll("details").forEach(d => { d.open = true; })`, nil))
	p.wait(fmt.Sprintf(`document.querySelectorAll(".fn form").length === %d`, len(names)+2))
	p.wait(`document.documentElement.classList.contains("live")`)
	if got := p.call("echo", `{"__proto__": {"polluted": 1}, "constructor": {"prototype": {"polluted": 1}}}`); !strings.Contains(got, `"__proto__": {`) || !strings.Contains(got, `"constructor": {`) {
		t.Errorf("got %s; want the members as they are", got)
	}
	var polluted bool
	p.must(p.Run(p.ctx, `"polluted" in {} || "polluted" in Object`, &polluted))
	if polluted {
		t.Error("the answer has changed the prototype of all objects")
	}
	if got := p.call("deep"); !strings.Contains(got, "Result") {
		t.Errorf("deep: got %.200s", got)
	}
}

// deepest allows more depth than anybody needs, and less than stops the XML of a browser.
var deepest = xmlvalue.Options{MaxDepth: 1000}
