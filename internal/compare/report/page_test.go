package report

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/parley-rpc/parley/internal/browser"
	"github.com/parley-rpc/parley/internal/compare"
	"github.com/parley-rpc/parley/internal/peertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// look finds what is wrong with a page as it is shown: text that is too small, too
// pale, cut off or under other text, and a page that is wider than the screen.
const look = `(() => {
	const found = [], say = (what, e) => found.push(what + ": " + (e ? e.textContent.trim().slice(0, 60) : ""));
	const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
	if (wide > 0) say("the page is " + wide + " px too wide");
	const rgb = c => c.match(/[\d.]+/g).map(Number);
	const light = c => { const f = v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; return .2126 * f(c[0]) + .7152 * f(c[1]) + .0722 * f(c[2]) };
	const contrast = (a, b) => { const [x, y] = [light(a), light(b)].sort((m, n) => n - m); return (x + .05) / (y + .05) };
	const paper = rgb(getComputedStyle(document.body).backgroundColor);
	let texts = 0;
	for (const e of document.body.querySelectorAll("*")) {
		if (!e.checkVisibility() || e.closest("title, desc") || ![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
		const s = getComputedStyle(e), inSVG = e instanceof SVGElement, c = rgb(inSVG ? s.fill : s.color);
		texts++;
		if (contrast(c, paper) < 4.5) say("contrast " + contrast(c, paper).toFixed(2), e);
		if (s.opacity !== "1" || c[3] !== undefined && c[3] !== 1) say("see-through", e);
	}
	for (const e of document.querySelectorAll("th"))
		if (e.checkVisibility() && e.getClientRects().length && e.scrollWidth > e.clientWidth + 1) say("a head runs " + (e.scrollWidth - e.clientWidth) + " px into the next", e);
	if (texts < 20) say("only " + texts + " texts are to be seen");
	for (const svg of document.querySelectorAll("svg")) {
		if (svg.closest("details.more") && !svg.getClientRects().length) continue; // on paper
		const frame = svg.getBoundingClientRect(), scale = frame.width / svg.viewBox.baseVal.width;
		if (frame.width < 100) say("no plot", svg);
		if (frame.left < -1 || frame.right > innerWidth + 1) say("a plot is cut off", svg);
		const all = [...svg.querySelectorAll("text")].map(e => [e, e.getBoundingClientRect()]);
		all.forEach(([e, r], i) => {
			const px = parseFloat(getComputedStyle(e).fontSize) * scale;
			if (px < MIN) say("text of " + px.toFixed(1) + " px", e);
			if (r.left < frame.left - 1 || r.right > frame.right + 1 || r.top < frame.top - 2 || r.bottom > frame.bottom + 2) say("text beyond its plot", e);
			for (const [f, q] of all.slice(i + 1))
				if (Math.min(r.right, q.right) - Math.max(r.left, q.left) > 1 && Math.min(r.bottom, q.bottom) - Math.max(r.top, q.top) > 1) say("text over " + f.textContent.slice(0, 60), e);
		});
	}
	return found;
})()`

// paper finds what is wrong with a page on paper: tables that are closed, or wider
// than it is.
const paper = `(() => {
	const found = [];
	for (const t of document.querySelectorAll("table")) {
		const r = t.getBoundingClientRect();
		if (r.height < 20 || !t.checkVisibility({contentVisibilityAuto: true})) found.push("closed: " + t.caption.textContent);
		if (r.right > innerWidth + 1) found.push(Math.round(r.right - innerWidth) + " px beyond the paper: " + t.caption.textContent);
	}
	for (const d of document.querySelectorAll("details:not(.more)"))
		if (d.getBoundingClientRect().height < d.querySelector("table").getBoundingClientRect().height) found.push("no room for " + d.textContent.slice(0, 40));
	if (getComputedStyle(document.body).backgroundColor !== "rgb(255, 255, 255)") found.push("dark paper");
	return found;
})()`

// narrow finds the answer in figures wider than the screen, where one would have to
// know that it can be moved.
const narrow = `[...document.querySelectorAll(".digest")].filter(d => d.scrollWidth > d.clientWidth).map(d => "the figures of the answer are " + (d.scrollWidth - d.clientWidth) + " px too wide")`

// TestReportInABrowser looks at reports on three screens, in two schemes, with its
// tables open, and on paper.
func TestReportInABrowser(t *testing.T) {
	path, ok := browser.Find()
	if !ok {
		peertest.Missing(t, "chromium", browser.How)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute) // a busy machine takes its time
	defer cancel()
	b, err := browser.Start(path)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for name, r := range map[string]*compare.Result{"sample": sample(t), "long names": longNames(atRate(sample(t))), "edge": edge(), "against": urls(t)} {
		t.Run(name, func(t *testing.T) {
			p, err := b.NewPage(ctx)
			if err != nil {
				t.Fatal(err)
			}
			must := func(err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
			}
			inspect := func(where, script string) {
				t.Helper()
				var found []string
				must(p.Run(ctx, script, &found))
				for i, what := range found {
					if i == 20 {
						t.Errorf("%s: and %d more", where, len(found)-i)
						break
					}
					t.Errorf("%s: %s", where, what)
				}
			}
			file := filepath.Join(t.TempDir(), "report.html")
			must(os.WriteFile(file, []byte(render(t, r)), 0o600))
			url := "file://" + filepath.ToSlash(file)
			must(p.Open(ctx, url))
			widths, schemes := []int{360, 768, 1280}, []bool{false, true}
			if name != "sample" {
				widths, schemes = widths[:1], schemes[:1]
			}
			for _, width := range widths {
				for _, dark := range schemes {
					where := fmt.Sprintf("%d px, dark %v", width, dark)
					must(p.Look(ctx, browser.View{Width: width, Height: 800, Dark: dark}))
					must(p.Wait(ctx, fmt.Sprintf(`innerWidth === %d && matchMedia("(prefers-color-scheme: dark)").matches === %v`, width, dark)))
					inspect(where, strings.Replace(look, "MIN", "10.5", 1))
					if name == "sample" {
						inspect(where, narrow)
					}
					if width != 360 {
						continue
					}
					must(p.Run(ctx, `document.querySelectorAll("details").forEach(d => d.open = true)`, nil))
					inspect(where+", tables open", strings.Replace(look, "MIN", "10.5", 1))
					must(p.Run(ctx, `document.querySelectorAll("details").forEach(d => d.open = false)`, nil))
				}
			}
			must(p.Look(ctx, browser.View{Width: 720, Height: 1000, Dark: true, Print: true})) // A4 without its margins
			must(p.Wait(ctx, `matchMedia("print").matches`))
			inspect("paper", strings.Replace(look, "MIN", "8", 1))
			if name == "sample" {
				inspect("paper", paper)
			}
			n := p.Notes()
			if len(n.Console)+len(n.Exceptions) > 0 {
				t.Errorf("the page said: %q %q", n.Console, n.Exceptions)
			}
			for _, asked := range n.Requests {
				if asked != url {
					t.Errorf("the page asked for %s", asked)
				}
			}
		})
	}
	t.Run("policy", func(t *testing.T) { forbids(ctx, t, b) })
}

// forbids: what somebody may have brought into the page cannot load, run or style
// anything.
func forbids(ctx context.Context, t *testing.T, b *browser.Browser) {
	p, err := b.NewPage(ctx)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "report.html")
	text := strings.Replace(render(t, sample(t)), "<main>", `<main><img src="http://127.0.0.1:9/x.png"><script>window.ran = 1</script><style>body { color: red }</style><p id=p style="position: fixed">p</p>`, 1)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := p.Open(ctx, "file://"+filepath.ToSlash(file)); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Ran             bool
		Position, Color string
	}
	if err := p.Run(ctx, `({ran: "ran" in window, position: getComputedStyle(p).position, color: getComputedStyle(document.body).color})`, &got); err != nil {
		t.Fatal(err)
	}
	if got.Ran || got.Position != "static" || got.Color == "rgb(255, 0, 0)" {
		t.Errorf("got %+v; want a page in which nothing of it has happened", got)
	}
	for _, what := range []string{"x.png", "inline script", "inline style"} {
		if !strings.Contains(strings.Join(p.Notes().Console, "\n"), what) {
			t.Errorf("the browser did not say that it refused %s: %q", what, p.Notes().Console)
		}
	}
}
