package xmlrpc_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-rpc/parley/internal/browser"
	"github.com/parley-rpc/parley/internal/peertest"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
	"github.com/parley-rpc/parley/services/adder"
	"github.com/parley-rpc/parley/services/catalog"
	"github.com/parley-rpc/parley/services/validator1"
)

// tab is a page of a browser in a test: what fails, ends the test.
type tab struct {
	*browser.Page
	t      *testing.T
	ctx    context.Context
	origin string
}

// openTab opens a page in a browser of its own. When the test ends, nothing may
// have been logged, thrown or loaded from another server, but for what contains
// one of the texts in known.
func openTab(t *testing.T, addr string, known ...string) *tab {
	t.Helper()
	path, ok := browser.Find()
	if !ok {
		peertest.Missing(t, "chromium", browser.How)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute) // a busy machine starts it slowly
	t.Cleanup(cancel)
	b, err := browser.Start(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	p, err := b.NewPage(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		n := p.Notes()
		for _, text := range slices.Concat(n.Console, n.Exceptions) {
			if !slices.ContainsFunc(known, func(k string) bool { return strings.Contains(text, k) }) {
				t.Errorf("the page said: %s", text)
			}
		}
		for _, url := range n.Requests {
			if !strings.HasPrefix(url, "http://"+addr+"/") && !strings.HasPrefix(url, "data:") {
				t.Errorf("the page asked for %s", url)
			}
		}
	})
	return &tab{p, t, ctx, "http://" + addr}
}

// must ends the test if something went wrong.
func (p *tab) must(err error) {
	p.t.Helper()
	if err != nil {
		n := p.Notes()
		p.t.Fatalf("%v; the page said %q %q", err, n.Console, n.Exceptions)
	}
}

func (p *tab) open(path string) {
	p.t.Helper()
	p.must(p.Open(p.ctx, p.origin+path))
}

func (p *tab) wait(expression string) {
	p.t.Helper()
	p.must(p.Wait(p.ctx, expression))
}

// text returns the text of the element that a selector finds.
func (p *tab) text(selector string) (s string) {
	p.t.Helper()
	p.must(p.Run(p.ctx, fmt.Sprintf("document.querySelector(%q).textContent", selector), &s))
	return s
}

// tabTo presses the Tab key until an expression is true of the focused element e.
func (p *tab) tabTo(expression string) {
	p.t.Helper()
	for range 60 {
		p.must(p.Press(p.ctx, "Tab"))
		var there bool
		p.must(p.Run(p.ctx, "(e => "+expression+")(document.activeElement)", &there))
		if there {
			var outline string
			p.must(p.Run(p.ctx, "getComputedStyle(document.activeElement).outlineStyle", &outline))
			if outline == "none" {
				p.t.Errorf("the focus is not to be seen where %s", expression)
			}
			return
		}
	}
	var stuck string
	p.must(p.Run(p.ctx, "document.activeElement.outerHTML.slice(0, 200)", &stuck))
	p.t.Fatalf("the Tab key does not lead to where %s; it ends at %s", expression, stuck)
}

// fill puts texts into the fields of the function that the address names.
func (p *tab) fill(texts ...string) {
	p.t.Helper()
	for i, text := range texts {
		p.must(p.Run(p.ctx, fmt.Sprintf(`(() => {
			const f = document.querySelectorAll(".fn:target .field :is(input, textarea)")[%d];
			if (f.type === "checkbox") f.checked = %q === "true";
			else if (f.type === "file") { const d = new DataTransfer(); d.items.add(new File([%[2]q], "f")); f.files = d.files; }
			else f.value = %[2]q;
		})()`, i, text), nil))
	}
}

// call opens a function, calls it with these arguments and waits for the outcome.
func (p *tab) call(name string, texts ...string) string {
	p.t.Helper()
	p.must(p.Run(p.ctx, fmt.Sprintf("location.hash = %q", name), nil))
	p.wait(fmt.Sprintf("document.querySelector('.fn:target')?.id === %q && document.querySelector('.fn:target form')", name))
	p.fill(texts...)
	p.must(p.Run(p.ctx, "document.querySelector('.fn:target form').requestSubmit()", nil))
	p.wait("document.querySelector('.fn:target .out:not(:empty)')")
	var shown string
	p.must(p.Run(p.ctx, "[...document.querySelectorAll('.fn:target .out strong, .fn:target .out .value, .fn:target .out .message')].map(e => e.textContent).join(' ')", &shown))
	return shown
}

// pageRegistry has functions of all kinds; kinds notes what it got.
func pageRegistry(t *testing.T) *rpc.Registry {
	t.Helper()
	type record struct {
		Name string `rpc:"name"`
		Size int    `rpc:"size"`
	}
	reg := registry(t, map[string]any{
		"echo":  func(args ...any) []any { return args },
		"fail":  func(string) error { return errors.New("a <b>fault</b> & more") },
		"takes": func(list []any) string { return fmt.Sprint(list) },
		"large": func() []string { return slices.Repeat([]string{strings.Repeat("wide", 99)}, 30) },
		"kinds": func(i int, f float64, s string, b bool, d time.Time, blob []byte, list []any, r record) string {
			return fmt.Sprintf("%d %v %q %t %s %q %v %v", i, f, s, b, d.Format(time.RFC3339), blob, list, r)
		},
	})
	if err := errors.Join(adder.Register(reg), catalog.Register(reg, catalog.New()), validator1.Register(reg)); err != nil {
		t.Fatal(err)
	}
	return reg
}

// TestBrowserByKeyboard: somebody without a mouse finds a function and calls it.
func TestBrowserByKeyboard(t *testing.T) {
	addr := serve(t, &xmlrpc.Server{Handler: pageRegistry(t)})
	p := openTab(t, addr)
	p.open("/RPC2")
	p.tabTo(`e.id === "page-filter"`)
	p.must(p.Type(p.ctx, "numbers"))
	p.wait(`document.getElementById("page-count").textContent.startsWith("1 of ")`)
	p.must(p.Press(p.ctx, "Enter"))
	p.wait(`document.activeElement.textContent === "add" && document.querySelector("#add details").open`)
	p.tabTo(`e.tagName === "TEXTAREA"`)
	p.must(p.Type(p.ctx, "3"))
	p.tabTo(`e.tagName === "TEXTAREA"`)
	p.must(p.Type(p.ctx, "5"))
	p.must(p.Press(p.ctx, "Enter"))
	p.wait(`document.querySelector("#add .out .value")`)
	if got := p.text("#add .out .value"); got != "8" {
		t.Errorf("add(3, 5): got %q; want 8", got)
	}
	if got := p.text("#add [role=status]"); !strings.HasPrefix(got, "Result, ") || !strings.HasSuffix(got, "ms") {
		t.Errorf("a reader of the screen hears %q", got)
	}
	p.tabTo(`e.getAttribute("role") === "tab" && e.textContent === "Python"`)
	p.must(p.Press(p.ctx, "ArrowLeft"))
	p.wait(`document.activeElement.textContent === "Go" && document.querySelector("#add pre.go").offsetHeight > 0 && document.querySelector("#add pre.python").hidden`)
	var unlabelled []string
	p.must(p.Run(p.ctx, `[...document.querySelectorAll("input, textarea, select, button")].filter(e => !e.labels?.length && !e.getAttribute("aria-label") && !e.textContent).map(e => e.outerHTML)`, &unlabelled))
	if len(unlabelled) > 0 {
		t.Errorf("without a label: %q", unlabelled)
	}
}

// TestBrowserFields: what is entered arrives as what it is.
func TestBrowserFields(t *testing.T) {
	addr := serve(t, &xmlrpc.Server{Handler: pageRegistry(t), MaxBody: 20000})
	p := openTab(t, addr, "status of 413")
	p.open("/RPC2")
	got := p.call("kinds", "-7", "2.50", "two\nlines <&>\r ü", "true", "2024-02-29T13:45:06", "raw \x01", `[1, 9007199254740993, 1.0, "<x>"]`, `{"name": "n", "size": 4}`)
	if want := `Result "-7 2.5 \"two\\nlines <&>\\n ü\" true 2024-02-29T13:45:06Z \"raw \\x01\" [1 9007199254740993 1 <x>] {n 4}"`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for _, test := range []struct {
		name string
		args []string
		want string
	}{
		{"takes", []string{`[{"$float": "nan"}, {"$float": "-Infinity"}, {"$float": "1e300"}]`}, `Result "[NaN -Inf 1e+300]"`},
		{"add", []string{"3", "5"}, "Result 8"},
		{"add", []string{"9007199254740993", "9007199254740993"}, "Result 18014398509481986 i8"},
		{"add", []string{"3.0", "5"}, "Result 8.0"},
		{"add", []string{"Hello", "World"}, `Result "HelloWorld"`},
		{"add", []string{`{"$binary": "aGVs"}`, `{"$binary": "bG8="}`}, `Result {"$binary": "aGVsbG8="} base64, 5 bytes`},
		{"catalog.get", []string{"99"}, "Fault 404 catalog: pid 99: no such product"},
		{"fail", []string{"x"}, "Fault -32500 a <b>fault</b> & more"},
		{"validator1.echoStructTest", []string{`{"d": {"$time": "2024-02-29T13:45:06"}, "n": null, "e": [], "o": {}}`}, "Result {\n  \"d\": {\"$localtime\": \"2024-02-29T13:45:06\"} dateTime,\n  \"e\": [],\n  \"n\": null,\n  \"o\": {}\n}"},
		{"fail", []string{strings.Repeat("long ", 9000)}, "HTTP 413 Request Entity Too Large 413 Request Entity Too Large"},
	} {
		if got := p.call(test.name, test.args...); !strings.HasPrefix(got, test.want) {
			t.Errorf("%s(%.100s): got %s; want %s", test.name, test.args, got, test.want)
		}
	}
	for i, bad := range map[int]string{0: "3.5", 1: "x", 6: "{}", 7: "[1"} {
		p.must(p.Run(p.ctx, `location.hash = "kinds"`, nil))
		p.wait(`document.querySelector("#kinds:target")`)
		p.fill("1", "1", "", "true", "2024-02-29T13:45:06", "x", "[]", "{}")
		texts := []string{"1", "1", "", "true", "2024-02-29T13:45:06", "x", "[]", "{}"}
		texts[i] = bad
		p.fill(texts...)
		p.must(p.Run(p.ctx, `document.querySelector("#kinds form").requestSubmit()`, nil))
		p.wait(fmt.Sprintf(`document.querySelectorAll("#kinds .field")[%d].querySelector(".wrong").textContent && document.activeElement.getAttribute("aria-invalid")`, i))
		p.must(p.Run(p.ctx, `document.querySelectorAll("#kinds .field :is(input, textarea)").forEach(e => e.dispatchEvent(new Event("input")))`, nil))
	}
	// Arguments that may be given or not.
	p.must(p.Run(p.ctx, `location.hash = "echo"`, nil))
	p.wait(`document.querySelector("#echo form")`)
	p.must(p.Run(p.ctx, `(() => { const b = [...document.querySelectorAll("#echo .buttons button")].at(-1); b.click(); b.click(); })()`, nil))
	if got := p.call("echo", "1", "two"); got != "Result [\n  1,\n  \"two\"\n]" {
		t.Errorf("echo: got %s", got)
	}
}

// TestBrowserServerGone: a call without an answer is said to be one.
func TestBrowserServerGone(t *testing.T) {
	release := make(chan struct{})
	reg := registry(t, map[string]any{"wait": func(ctx context.Context) {
		select {
		case <-release:
		case <-ctx.Done():
		}
	}})
	defer close(release)
	srv := &xmlrpc.Server{Handler: reg}
	addr := serve(t, srv)
	p := openTab(t, addr, "net::ERR_")
	p.open("/#wait")
	p.wait(`document.querySelector("#wait form")`)
	p.must(p.Run(p.ctx, `document.querySelector("#wait form").requestSubmit()`, nil))
	p.wait(`[...document.querySelectorAll("#wait .buttons button")].find(b => b.textContent === "Stop" && b.offsetHeight)`)
	p.must(p.Run(p.ctx, `[...document.querySelectorAll("#wait .buttons button")].find(b => b.textContent === "Stop").click()`, nil))
	p.wait(`document.querySelector("#wait .message")?.textContent.startsWith("Stopped.")`)
	if err := srv.Close(); err != nil {
		t.Fatal(err)
	}
	if got := p.call("wait"); !strings.Contains(got, "There was no answer") && !strings.Contains(got, "Stopped") {
		t.Errorf("got %s", got)
	}
	p.wait(`document.querySelector("#wait .message")?.textContent.startsWith("There was no answer")`)
}

// TestBrowserHostileServer: nothing that a server names, helps with, answers or
// fails with is run or becomes a part of the page.
func TestBrowserHostileServer(t *testing.T) {
	const evil = `</pre></script></style><script>window.pwned=1</script><img src=x onerror="window.pwned=1"><svg onload="window.pwned=1">'"`
	addr := serve(t, &xmlrpc.Server{Handler: callerFunc(func(_ context.Context, req *rpc.Request) (any, error) {
		switch into := req.Into.(type) {
		case *[]string:
			*into = []string{"a" + evil, "answer", "fail"}
			return nil, nil
		case *string:
			*into = evil
			return nil, nil
		case *[][]string:
			*into = [][]string{{evil}}
			return nil, nil
		case nil:
			if req.Method == "fail" {
				return nil, rpc.Errorf(7, "%s", evil)
			}
			return map[string]any{evil: []any{evil, []byte(evil)}}, nil
		}
		return nil, nil
	})})
	p := openTab(t, addr)
	p.open("/RPC2")
	if got := p.call("answer"); strings.Count(got, "window.pwned=1") != 6 {
		t.Errorf("got %s; want the text as it is", got)
	}
	if got := p.call("fail"); got != "Fault 7 "+evil {
		t.Errorf("got %s; want the text as it is", got)
	}
	p.must(p.Run(p.ctx, `document.querySelectorAll("details").forEach(d => { d.open = true; })`, nil))
	p.wait(`document.querySelectorAll(".fn form").length === 3`)
	var found struct {
		Pwned bool
		Bad   []string
		Names []string
	}
	p.must(p.Run(p.ctx, `({Pwned: "pwned" in window, Bad: [...document.querySelectorAll("img, svg, script:not(body > script), iframe, object")].map(e => e.outerHTML), Names: [...document.querySelectorAll(".fn")].map(f => f.id)})`, &found))
	if found.Pwned || len(found.Bad) > 0 || !slices.Contains(found.Names, "a"+evil) {
		t.Errorf("got %+v; want nothing but text", found)
	}
}

// TestBrowserLogin: the page is behind the login of the calls, which a browser
// repeats by itself, and shows what this user may call.
func TestBrowserLogin(t *testing.T) {
	reg := pageRegistry(t)
	reg.Authorizer = allowList{"add"}
	addr := serve(t, &xmlrpc.Server{Handler: reg, Auth: oneUser{"ann", "se-cret"}})
	p := openTab(t, addr)
	p.must(p.Login(p.ctx, "ann", "se-cret"))
	p.open("/RPC2")
	if got := p.call("add", "3", "5"); got != "Result 8" {
		t.Errorf("got %s; want 8", got)
	}
	var names []string
	p.must(p.Run(p.ctx, `[...document.querySelectorAll(".group:not(#page-system) .fn")].map(f => f.id)`, &names))
	if !slices.Equal(names, []string{"add"}) {
		t.Errorf("got the functions %q; want add alone", names)
	}
}

// TestBrowserWithoutScript: the page is a document then.
func TestBrowserWithoutScript(t *testing.T) {
	addr := serve(t, &xmlrpc.Server{Handler: pageRegistry(t)})
	p := openTab(t, addr)
	p.must(p.Script(p.ctx, false))
	p.open("/RPC2")
	p.must(p.Script(p.ctx, true)) // for what follows; the page's own has not run
	var seen string
	p.must(p.Run(p.ctx, `document.body.innerText`, &seen))
	for _, want := range []string{"catalog.get(pid: int) → struct", "Without JavaScript", "Whole programs", "ServerProxy(\"http://" + addr + "/RPC2\")"} {
		if !strings.Contains(seen, want) {
			t.Errorf("the page lacks %q:\n%s", want, seen)
		}
	}
	if strings.Contains(seen, "Filter") {
		t.Errorf("the page offers a filter that cannot work:\n%s", seen)
	}
}

// TestBrowserPrograms: what the page shows to copy are the programs that the
// tests of the snippets run, and the button copies the one that is seen.
func TestBrowserPrograms(t *testing.T) {
	addr := serve(t, &xmlrpc.Server{Handler: pageRegistry(t)})
	p := openTab(t, addr)
	p.open("/RPC2#add")
	want := readPrograms(t, raw(t, addr, request("GET /RPC2 HTTP/1.1", addr, "")).body)
	got := programs{}
	p.must(p.Run(p.ctx, `Object.fromEntries([...document.querySelectorAll(".fn")].map(f => [f.id, Object.fromEntries([...f.querySelectorAll("pre[class]")].filter(p => p.className !== "value").map(p => [p.className, p.textContent]))]))`, &got))
	for name, texts := range want {
		if !maps.Equal(texts, got[name]) {
			t.Errorf("%s: the page shows %q; want %q", name, got[name], texts)
		}
	}
	p.wait(`document.querySelector("#add .bar > button")`)
	var copied string
	p.must(p.Run(p.ctx, `(async () => {
		let text;
		Object.defineProperty(navigator, "clipboard", {value: {writeText: async t => { text = t; }}});
		document.querySelector("#add .bar > button").click();
		for (let i = 0; text === undefined && i < 100; i++) await new Promise(r => setTimeout(r, 20));
		return text;
	})()`, &copied))
	if copied != want["add"]["python"] {
		t.Errorf("copied %q; want %q", copied, want["add"]["python"])
	}
}

// TestBrowserBehindProxy: behind a proxy that knows the server by another path,
// calls and programs go to where the page was found.
func TestBrowserBehindProxy(t *testing.T) {
	target, err := url.Parse("http://" + serve(t, &xmlrpc.Server{Handler: pageRegistry(t)}))
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(http.StripPrefix("/api", httputil.NewSingleHostReverseProxy(target)))
	t.Cleanup(proxy.Close)
	p := openTab(t, strings.TrimPrefix(proxy.URL, "http://"))
	p.open("/api/RPC2")
	if got := p.call("add", "3", "5"); got != "Result 8" {
		t.Errorf("got %s; want 8", got)
	}
	here := proxy.URL + "/api/RPC2"
	if got := p.text("#page-url"); got != here {
		t.Errorf("the page says %s; want %s", got, here)
	}
	for _, language := range []string{"python", "ruby", "php", "curl", "go"} {
		if got := p.text("#add pre." + language); !strings.Contains(got, here) || strings.Contains(got, target.Host+"/") {
			t.Errorf("%s: got a program for another address than %s:\n%s", language, here, got)
		}
	}
}
