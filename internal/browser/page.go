package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Page is a tab of its own profile: it shares no cookies, logins and storage with
// others.
type Page struct {
	b       *Browser
	session string

	mu    sync.Mutex // protects what follows
	notes Notes
	loads int
	login [2]string
}

// Notes are what has happened in a page.
type Notes struct {
	Console    []string // what it logged, and what the browser logged of it: errors, violations of its policy
	Exceptions []string // what was thrown and not caught
	Requests   []string // the URL of every request, those that were refused too
}

// View is how a page is looked at.
type View struct {
	Width, Height int
	Dark, Print   bool
	ReducedMotion bool
}

// NewPage opens an empty page.
func (b *Browser) NewPage(ctx context.Context) (*Page, error) {
	var made struct {
		BrowserContextID, TargetID, SessionID string
	}
	if err := b.call(ctx, "", "Target.createBrowserContext", struct{}{}, &made); err != nil {
		return nil, err
	}
	if err := b.call(ctx, "", "Target.createTarget", map[string]any{"url": "about:blank", "browserContextId": made.BrowserContextID}, &made); err != nil {
		return nil, err
	}
	if err := b.call(ctx, "", "Target.attachToTarget", map[string]any{"targetId": made.TargetID, "flatten": true}, &made); err != nil {
		return nil, err
	}
	p := &Page{b: b, session: made.SessionID}
	b.mu.Lock()
	b.pages[p.session] = p
	b.mu.Unlock()
	for _, domain := range []string{"Page", "Runtime", "Network", "Log"} {
		if err := p.call(ctx, domain+".enable", struct{}{}, nil); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p *Page) call(ctx context.Context, method string, params, into any) error {
	return p.b.call(ctx, p.session, method, params, into)
}

// event is called by the one goroutine that reads.
func (p *Page) event(method string, params json.RawMessage) {
	var e struct {
		RequestID string
		Request   struct{ URL string }
		Type      string
		Args      []struct {
			Value       any
			Description string
		}
		Entry            struct{ Level, Text, URL string }
		ExceptionDetails struct {
			Text      string
			Exception struct{ Description string }
		}
	}
	if json.Unmarshal(params, &e) != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch method {
	case "Page.loadEventFired":
		p.loads++
	case "Network.requestWillBeSent":
		p.notes.Requests = append(p.notes.Requests, e.Request.URL)
	case "Network.webSocketCreated":
		p.notes.Requests = append(p.notes.Requests, "websocket")
	case "Runtime.consoleAPICalled":
		words := []string{e.Type + ":"}
		for _, a := range e.Args {
			words = append(words, fmt.Sprint(a.Value, a.Description))
		}
		p.notes.Console = append(p.notes.Console, strings.Join(words, " "))
	case "Log.entryAdded":
		p.notes.Console = append(p.notes.Console, strings.TrimSpace(e.Entry.Level+": "+e.Entry.Text+" "+e.Entry.URL))
	case "Runtime.exceptionThrown":
		p.notes.Exceptions = append(p.notes.Exceptions, e.ExceptionDetails.Text+" "+e.ExceptionDetails.Exception.Description)
	case "Fetch.requestPaused":
		p.answer("Fetch.continueRequest", map[string]any{"requestId": e.RequestID})
	case "Fetch.authRequired":
		p.answer("Fetch.continueWithAuth", map[string]any{"requestId": e.RequestID, "authChallengeResponse": map[string]any{
			"response": "ProvideCredentials", "username": p.login[0], "password": p.login[1],
		}})
	}
}

// answer sends a command that answers an event; if that fails, the page is gone.
func (p *Page) answer(method string, params any) {
	p.b.own.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = p.call(ctx, method, params, nil)
	})
}

// Login makes the page answer a server that asks for a login.
func (p *Page) Login(ctx context.Context, user, password string) error {
	p.mu.Lock()
	p.login = [2]string{user, password}
	p.mu.Unlock()
	return p.call(ctx, "Fetch.enable", map[string]any{"handleAuthRequests": true}, nil)
}

// Notes returns what has happened until now.
func (p *Page) Notes() Notes {
	p.mu.Lock()
	defer p.mu.Unlock()
	return Notes{slices.Clone(p.notes.Console), slices.Clone(p.notes.Exceptions), slices.Clone(p.notes.Requests)}
}

// Look sets how the page is looked at.
func (p *Page) Look(ctx context.Context, v View) error {
	if err := p.call(ctx, "Emulation.setDeviceMetricsOverride", map[string]any{"width": v.Width, "height": v.Height, "deviceScaleFactor": 1, "mobile": false}, nil); err != nil {
		return err
	}
	scheme, media, motion := "light", "", "no-preference"
	if v.Dark {
		scheme = "dark"
	}
	if v.Print {
		media = "print"
	}
	if v.ReducedMotion {
		motion = "reduce"
	}
	return p.call(ctx, "Emulation.setEmulatedMedia", map[string]any{"media": media, "features": []map[string]string{
		{"name": "prefers-color-scheme", "value": scheme},
		{"name": "prefers-reduced-motion", "value": motion},
	}}, nil)
}

// Script turns JavaScript on or off, for pages that are opened from then on.
// [Page.Run] works either way.
func (p *Page) Script(ctx context.Context, on bool) error {
	return p.call(ctx, "Emulation.setScriptExecutionDisabled", map[string]any{"value": !on}, nil)
}

// Open goes to a URL and waits until it is loaded.
func (p *Page) Open(ctx context.Context, url string) error {
	p.mu.Lock()
	loads := p.loads
	p.mu.Unlock()
	var went struct{ ErrorText string }
	if err := p.call(ctx, "Page.navigate", map[string]any{"url": url}, &went); err != nil {
		return err
	}
	if went.ErrorText != "" {
		return fmt.Errorf("browser: open %s: %s", url, went.ErrorText)
	}
	return poll(ctx, "the page "+url+" to load", func() (bool, error) {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.loads > loads, nil
	})
}

// Run evaluates an expression, waits for it if it is a promise, and reads its
// value into into, which may be nil.
func (p *Page) Run(ctx context.Context, expression string, into any) error {
	var got struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails *struct {
			Text      string
			Exception struct{ Description string }
		}
	}
	err := p.call(ctx, "Runtime.evaluate", map[string]any{"expression": expression, "awaitPromise": true, "returnByValue": true, "userGesture": true}, &got)
	switch {
	case err != nil:
		return err
	case got.ExceptionDetails != nil:
		return fmt.Errorf("browser: run %.100s: %s %s", expression, got.ExceptionDetails.Text, got.ExceptionDetails.Exception.Description)
	case into == nil || got.Result.Value == nil:
		return nil
	}
	return json.Unmarshal(got.Result.Value, into)
}

// Wait waits until an expression is true.
func (p *Page) Wait(ctx context.Context, expression string) error {
	return poll(ctx, expression, func() (done bool, err error) {
		err = p.Run(ctx, "Boolean("+expression+")", &done)
		return done, err
	})
}

func poll(ctx context.Context, what string, done func() (bool, error)) error {
	for {
		ok, err := done()
		if ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("browser: waited in vain for %s: %w", what, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Type types a text where the focus is.
func (p *Page) Type(ctx context.Context, text string) error {
	return p.call(ctx, "Input.insertText", map[string]any{"text": text}, nil)
}

// keys are the keys that Press knows: their codes, and the text that they make.
var keys = map[string]struct {
	code int
	text string
}{
	"Tab": {9, ""}, "Enter": {13, "\r"}, "Escape": {27, ""}, " ": {32, " "}, "/": {191, "/"},
	"ArrowLeft": {37, ""}, "ArrowRight": {39, ""}, "Home": {36, ""}, "End": {35, ""}, "Backspace": {8, ""},
}

// Press presses a key, such as Tab; "Shift+Tab" and "Control+Enter" are two keys
// at once.
func (p *Page) Press(ctx context.Context, key string) error {
	modifiers := 0
	for name, bit := range map[string]int{"Control+": 2, "Shift+": 8} {
		if rest, ok := strings.CutPrefix(key, name); ok {
			key, modifiers = rest, bit
		}
	}
	k, ok := keys[key]
	if !ok {
		return fmt.Errorf("browser: there is no key %q", key)
	}
	params := map[string]any{"type": "keyDown", "key": key, "code": key, "windowsVirtualKeyCode": k.code, "modifiers": modifiers}
	if k.text != "" {
		params["text"] = k.text
	}
	if err := p.call(ctx, "Input.dispatchKeyEvent", params, nil); err != nil {
		return err
	}
	delete(params, "text")
	params["type"] = "keyUp"
	return p.call(ctx, "Input.dispatchKeyEvent", params, nil)
}
