package xmlrpc_test

import (
	"fmt"
	"testing"

	"github.com/parley-rpc/parley/internal/browser"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// contrasts finds text that does not stand out from what is behind it, by the
// formula of WCAG 2.2: 4.5 to 1 is its level AA for text of any size.
const contrasts = `(() => {
	const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
	const rgba = color => {
		canvas.clearRect(0, 0, 1, 1);
		canvas.fillStyle = color;
		canvas.fillRect(0, 0, 1, 1);
		return [...canvas.getImageData(0, 0, 1, 1).data];
	};
	const light = c => c.slice(0, 3).map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4).reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
	const behind = e => {
		for (; e; e = e.parentElement) {
			const c = rgba(getComputedStyle(e).backgroundColor);
			if (c[3] === 255) return c;
			if (c[3] !== 0) throw Error("a background that is half seen through");
		}
		return [255, 255, 255, 255];
	};
	const wrong = [];
	let seen = 0;
	for (const e of document.querySelectorAll("body *")) {
		const own = [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) || "value" in e && e.tagName !== "LI" || e.placeholder;
		if (!own || !e.checkVisibility({visibilityProperty: true, contentVisibilityAuto: true}) || e.matches("script, style, option, .away, .skip")) continue;
		const colors = [getComputedStyle(e).color];
		if (e.placeholder) colors.push(getComputedStyle(e, "::placeholder").color);
		for (const color of colors) {
			const [a, b] = [light(rgba(color)), light(behind(e))].sort((x, y) => y - x);
			const ratio = (a + 0.05) / (b + 0.05);
			seen++;
			if (ratio < 4.5) wrong.push(e.tagName + "." + e.className + " " + ratio.toFixed(2) + " " + (e.textContent || e.value).slice(0, 20));
		}
	}
	if (seen < 50) wrong.push("only " + seen + " texts were found");
	return wrong;
})()`

// TestBrowserLook: on every width the page fits, and in both schemes its texts
// can be read, with results, faults and code on show.
func TestBrowserLook(t *testing.T) {
	addr := serve(t, &xmlrpc.Server{Handler: pageRegistry(t)})
	p := openTab(t, addr)
	p.open("/RPC2")
	p.call("catalog.list")
	p.call("catalog.get", "99")
	p.call("large")
	p.call("validator1.manyTypesTest", "1", "true", `"text"`, "1.5", `{"$time": "2024-02-29T13:45:06"}`, `{"$binary": "aGVsbG8="}`)
	p.must(p.Run(p.ctx, `document.querySelectorAll("details").forEach(d => { d.open = true; })`, nil))
	p.wait(`document.querySelectorAll(".fn form").length === document.querySelectorAll(".fn").length`)
	for _, dark := range []bool{false, true} {
		for _, width := range []int{320, 390, 768, 1280} {
			p.must(p.Look(p.ctx, browser.View{Width: width, Height: 900, Dark: dark}))
			p.wait(fmt.Sprintf("innerWidth === %d && matchMedia('(prefers-color-scheme: dark)').matches === %t", width, dark))
			var wide []string
			p.must(p.Run(p.ctx, `document.documentElement.scrollWidth <= innerWidth ? [] : [...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > innerWidth).map(e => e.tagName + "." + e.className)`, &wide))
			if len(wide) > 0 {
				t.Errorf("%d pixels wide: it has to be scrolled sideways for %v", width, wide)
			}
			var cut []string
			p.must(p.Run(p.ctx, `[...document.querySelectorAll("pre")].filter(e => e.scrollWidth > e.clientWidth && !/auto|scroll/.test(getComputedStyle(e).overflowX)).map(e => e.textContent.slice(0, 40))`, &cut))
			if len(cut) > 0 {
				t.Errorf("%d pixels wide: the rest of these cannot be seen: %q", width, cut)
			}
		}
		var faint []string
		p.must(p.Run(p.ctx, contrasts, &faint))
		if len(faint) > 0 {
			t.Errorf("dark %v: too little contrast: %q", dark, faint)
		}
	}
	p.must(p.Look(p.ctx, browser.View{Width: 800, Height: 1100, Print: true}))
	var printed struct{ Form, Text bool }
	p.must(p.Run(p.ctx, `({Form: [...document.querySelectorAll("form, #page-tools, .bar")].some(e => e.checkVisibility()), Text: document.querySelector("#add h3").checkVisibility()})`, &printed))
	if printed.Form || !printed.Text {
		t.Errorf("on paper: got %+v; want the functions without forms", printed)
	}
}
