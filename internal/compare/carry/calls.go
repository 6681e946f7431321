package carry

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/parley-rpc/parley/internal/compare"
	"github.com/parley-rpc/parley/internal/faultproxy"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

func callTrials() []trial {
	return []trial{
		{"calls", "8 calls at once of one client", tryMany},
		{"calls", "a call that is cancelled ends its function", tryCancel},
		{"calls", "the deadline of the caller reaches the function", tryDeadline},
		{"calls", "a function calls its caller", tryBack},
		{"calls", "many calls in one request, each with its result or fault", tryMulticall},
		{"calls", "arguments by name", tryByName},
		{"calls", "a fault with its code", tryFault},
		{"calls", "arguments that do not fit are told from other faults", tryMisfit},
		{"calls", "metadata beside the arguments", tryMeta},
		{"calls", "what there is to call, and how", tryIntrospection},
		{"calls", "the next call, after the connection broke", tryNext},
		{"calls", "a call whose connection breaks is made again, if it is marked as idempotent", tryAgain},
		{"calls", "a server that shuts down answers what it has begun", tryDrain},
	}
}

// tryMany has eight calls wait for one another.
func tryMany(ctx context.Context, w *world, l *lane) (compare.Outcome, error) {
	const n = 8
	g := w.service.newGate()
	errs := make([]error, n+1)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { _, errs[i] = rpc.Invoke[bool](ctx, l.call, "meet", g.id, n) })
	}
	for before := 0; errs[n] == nil && !g.open.happened(); { // until nobody else comes in
		errs[n] = settle(ctx, w, l)
		most, _ := g.met()
		if most > 0 && most == before {
			break
		}
		before = most
	}
	g.open.happen()
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return compare.Outcome{}, err
	}
	return meeting(g, n), nil
}

func meeting(g *gate, n int) compare.Outcome {
	switch most, connections := g.met(); {
	case most < n:
		return no("one after another")
	case connections > 1:
		return changed("on a connection for each")
	}
	return yes("on one connection")
}

func tryCancel(ctx context.Context, w *world, l *lane) (compare.Outcome, error) {
	g := w.service.newGate()
	defer g.open.happen()
	calling, cancel := context.WithCancel(ctx)
	defer cancel()
	var calls sync.WaitGroup
	var err error
	calls.Go(func() { _, err = rpc.Invoke[bool](calling, l.call, "wait", g.id) })
	select {
	case <-g.begun.c:
	case <-ctx.Done():
		return compare.Outcome{}, ctx.Err()
	}
	cancel()
	calls.Wait()
	if !errors.Is(err, context.Canceled) {
		return compare.Outcome{}, fmt.Errorf("got %w; want that it was cancelled", err)
	}
	for range 5 {
		if err := settle(ctx, w, l); err != nil {
			return compare.Outcome{}, err
		}
		if g.ended.happened() {
			return yes(""), nil
		}
	}
	return no("the function goes on"), nil
}

func tryDeadline(ctx context.Context, _ *world, l *lane) (compare.Outcome, error) {
	const patience = 7 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	left, err := rpc.Invoke[int64](ctx, l.call, "left")
	if err != nil {
		return compare.Outcome{}, err
	}
	if left > patience.Milliseconds() {
		// Of which a machine that is busy may have used some.
		return no(fmt.Sprintf("it has the server's own, %d s", (left+4999)/5000*5)), nil
	}
	if left <= 0 {
		return compare.Outcome{}, fmt.Errorf("the function sees %d ms", left)
	}
	return yes(""), nil
}

func tryBack(ctx context.Context, w *world, l *lane) (compare.Outcome, error) {
	if l.name == nativeLane {
		mine := rpc.NewRegistry()
		mine.Logger = quiet
		if err := mine.Register("confirm", func(question string) bool { return question == "really?" }); err != nil {
			return compare.Outcome{}, err
		}
		offering, err := dialNative(ctx, w.nativeURL, native.DialConfig{Auth: w.key, Handler: mine})
		if err != nil {
			return compare.Outcome{}, err
		}
		defer offering.close()
		l = offering
	}
	confirmed, err := rpc.Invoke[bool](ctx, l.call, "ask")
	return echoed(ctx, l, confirmed, err)
}

func tryMulticall(ctx context.Context, _ *world, l *lane) (compare.Outcome, error) {
	calls := []rpc.Element{{Method: "add", Args: rpc.Values{3, 5}}, {Method: "buy"}, {Method: "add", Args: rpc.Values{1, 1}}}
	if l.name == koloLane { // whose users write the request
		structs := make([]any, len(calls))
		for i, c := range calls {
			structs[i] = map[string]any{"methodName": c.Method, "params": append([]any{}, c.Args...)}
		}
		got, err := rpc.Invoke[any](ctx, l.call, "system.multicall", structs)
		want := `[[8], {"faultCode": 404, "faultString": "sold out"}, [2]]`
		if err != nil || show(got) != want {
			return compare.Outcome{}, fmt.Errorf("got %s, %w", show(got), err)
		}
		return changed("as a list, made and read by the caller"), nil
	}
	err := rpc.Multicall(ctx, l.call, calls)
	if !errors.Is(err, &rpc.Fault{Code: codeSoldOut}) || !errors.Is(calls[1].Err, &rpc.Fault{Code: codeSoldOut}) {
		return compare.Outcome{}, fmt.Errorf("got %w; want the fault of the second call", err)
	}
	if calls[0].Err != nil || calls[2].Err != nil || calls[0].Result != int64(8) || calls[2].Result != int64(2) {
		return compare.Outcome{}, fmt.Errorf("got %+v", calls)
	}
	return yes(""), nil
}

func tryByName(ctx context.Context, _ *world, l *lane) (compare.Outcome, error) {
	sum, err := rpc.Invoke[int](ctx, l.call, "add", map[string]int{"a": 3, "b": 5})
	return echoed(ctx, l, sum == 8, err)
}

func tryFault(ctx context.Context, _ *world, l *lane) (compare.Outcome, error) {
	_, err := rpc.Invoke[any](ctx, l.call, "buy")
	return faulted(ctx, l, err, codeSoldOut)
}

func tryMisfit(ctx context.Context, _ *world, l *lane) (compare.Outcome, error) {
	_, err := rpc.Invoke[any](ctx, l.call, "add", "three", 5)
	return faulted(ctx, l, err, rpc.CodeInvalidParams)
}

// faulted is the outcome of a call that a fault was to answer.
func faulted(ctx context.Context, l *lane, err error, code int) (compare.Outcome, error) {
	if _, e := refused(ctx, l, err); e != nil {
		return compare.Outcome{}, e
	}
	if errors.Is(err, &rpc.Fault{Code: code}) {
		return yes("by errors.Is"), nil
	}
	if text := fmt.Sprintf("Fault(%d): ", code); strings.Contains(err.Error(), text) {
		return changed("in the text of the error: " + text + "…"), nil
	}
	return compare.Outcome{}, fmt.Errorf("got %w; want code %d", err, code)
}

// header sets one header of each request, which a client without metadata can do.
type header struct {
	http.Transport
	name, value string
}

func (h *header) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set(h.name, h.value)
	return h.Transport.RoundTrip(r)
}

func tryMeta(ctx context.Context, w *world, l *lane) (compare.Outcome, error) {
	note := ""
	if l.name == koloLane {
		own, err := dialWeb(koloLane, w.webURL, xmlrpc.ClientConfig{}, &header{name: "Parley-Meta-Tenant", value: "acme"})
		if err != nil {
			return compare.Outcome{}, err
		}
		defer own.close()
		l, note = own, "as a header, the same for all calls of a client"
	}
	tenant, err := rpc.Invoke[string](rpc.WithMeta(ctx, map[string]string{"tenant": "acme"}), l.call, "meta")
	if o, err := echoed(ctx, l, tenant == "acme", err); err != nil || note == "" {
		return o, err
	}
	return changed(note), nil
}

func tryIntrospection(ctx context.Context, _ *world, l *lane) (compare.Outcome, error) {
	names, err := rpc.Invoke[[]string](ctx, l.call, "system.listMethods")
	if err == nil && !slices.Contains(names, "add") {
		err = fmt.Errorf("got %q", names)
	}
	if err != nil {
		return compare.Outcome{}, err
	}
	signatures, err := rpc.Invoke[[][]string](ctx, l.call, "system.methodSignature", "add")
	return echoed(ctx, l, reflect.DeepEqual(signatures, [][]string{{"int", "int", "int"}}), err)
}

// throughProxy returns a client whose connection can be broken.
func throughProxy(ctx context.Context, w *world, name string) (*lane, *faultproxy.Proxy, error) {
	scheme, rest, _ := strings.Cut(w.webURL, "://")
	if name == nativeLane {
		scheme, rest, _ = strings.Cut(w.nativeURL, "://")
	}
	addr, path, _ := strings.Cut(rest, "/")
	proxy, err := faultproxy.New("tcp", "127.0.0.1:0", "tcp", addr)
	if err != nil {
		return nil, nil, err
	}
	url := scheme + "://" + proxy.Addr() + "/" + path
	var l *lane
	if name == nativeLane {
		l, err = dialNative(ctx, strings.TrimSuffix(url, "/"), native.DialConfig{Auth: w.key})
	} else {
		l, err = dialWeb(name, url, xmlrpc.ClientConfig{}, nil)
	}
	if err != nil {
		proxy.Close()
		return nil, nil, err
	}
	return l, proxy, nil
}

func tryNext(ctx context.Context, w *world, l *lane) (compare.Outcome, error) {
	via, proxy, err := throughProxy(ctx, w, l.name)
	if err != nil {
		return compare.Outcome{}, err
	}
	defer proxy.Close()
	defer via.close()
	if _, err := rpc.Invoke[int](ctx, via.call, "add", 3, 5); err != nil {
		return compare.Outcome{}, err
	}
	proxy.Hangup()
	if err := settle(ctx, w, l); err != nil { // until the client can have noticed
		return compare.Outcome{}, err
	}
	sum, err := rpc.Invoke[int](ctx, via.call, "add", 3, 5)
	if err != nil || sum != 8 {
		return compare.Outcome{}, fmt.Errorf("got %d, %w", sum, err)
	}
	return yes(""), nil
}

func tryAgain(ctx context.Context, w *world, l *lane) (compare.Outcome, error) {
	if runs, err := broken(ctx, w, l.name); err == nil || runs != 1 {
		return compare.Outcome{}, fmt.Errorf("a call without the mark ran %d times, %w", runs, err)
	}
	runs, err := broken(rpc.WithIdempotent(ctx), w, l.name)
	switch {
	case err != nil && runs == 1 && l.name == koloLane:
		return no("nothing is made again"), nil
	case err != nil || runs != 2:
		return compare.Outcome{}, fmt.Errorf("a call with the mark ran %d times, %w", runs, err)
	}
	return yes("and others never"), nil
}

// broken makes a call whose connection breaks while it runs, and tells how often it
// has run.
func broken(ctx context.Context, w *world, name string) (runs int, err error) {
	via, proxy, err := throughProxy(ctx, w, name)
	if err != nil {
		return 0, err
	}
	defer proxy.Close()
	defer via.close()
	g := w.service.newGate()
	defer g.open.happen()
	var breaking sync.WaitGroup
	breaking.Go(func() {
		select {
		case <-g.begun.c:
			proxy.Hangup()
		case <-ctx.Done():
		}
	})
	_, err = rpc.Invoke[int](ctx, via.call, "again", g.id)
	breaking.Wait()
	return g.ran(), err
}

// tryDrain has a function shut its own server down before it returns.
func tryDrain(ctx context.Context, w *world, l *lane) (compare.Outcome, error) {
	g := w.service.newGate()
	url, err := w.mortal(l.name, g)
	if err != nil {
		return compare.Outcome{}, err
	}
	var own *lane
	if l.name == nativeLane {
		own, err = dialNative(ctx, url, native.DialConfig{Auth: w.key})
	} else {
		own, err = dialWeb(l.name, url, xmlrpc.ClientConfig{}, nil)
	}
	if err != nil {
		return compare.Outcome{}, err
	}
	defer own.close()
	if ok, err := rpc.Invoke[bool](ctx, own.call, "drain", g.id); err != nil || !ok {
		return compare.Outcome{}, fmt.Errorf("the call of the function that runs ends with %w", err)
	}
	select {
	case err := <-g.stopped:
		if err != nil {
			return compare.Outcome{}, fmt.Errorf("the shutdown: %w", err)
		}
		return yes(""), nil
	case <-ctx.Done():
		return compare.Outcome{}, ctx.Err()
	}
}

// mortal serves the functions of the world on a server that the gate can shut down.
func (w *world) mortal(name string, g *gate) (url string, err error) {
	var shutdown func(context.Context) error
	if name == nativeLane || name == pythonLane {
		srv := &native.Server{Auth: w.key}
		shutdown = srv.Shutdown
		url, err = w.serveNative("tcp://127.0.0.1:0", srv)
	} else {
		srv := &xmlrpc.Server{}
		shutdown = srv.Shutdown
		url, err = w.serveWeb("127.0.0.1:0", srv)
	}
	if err != nil {
		return "", err
	}
	result := make(chan error, 1)
	var stopping sync.WaitGroup
	w.later(stopping.Wait)
	g.stopped = result
	g.stop = func(ctx context.Context) error {
		stopping.Go(func() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), trialTimeout)
			defer cancel()
			result <- shutdown(ctx)
		})
		for accepts(hostOf(url)) {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(time.Millisecond):
			}
		}
		return nil
	}
	return url, nil
}

func accepts(addr string) bool {
	conn, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}
