package rpc_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

const codeExpired = 401

// vault is a service each of whose calls begins with a token that it has given
// out; it forgets tokens on demand.
type vault struct {
	mu     sync.Mutex // protects what follows
	valid  string
	logins int
	ran    []string
}

func (v *vault) login(user, password string) (string, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if user != "ann" || password != "s3cret" {
		return "", rpc.Errorf(403, "wrong password")
	}
	v.logins++
	v.valid = fmt.Sprintf("s3cret-%d", v.logins)
	return v.valid, nil
}

func (v *vault) get(token, item string) (string, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if token != v.valid {
		return "", rpc.Errorf(codeExpired, "expired")
	}
	v.ran = append(v.ran, item)
	if item == "refused" {
		return "", rpc.Errorf(7, "not this one")
	}
	return "got " + item, nil
}

func (v *vault) expire() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.valid = "none"
}

// serve returns a registry with the functions of v.
func (v *vault) serve(t *testing.T) *rpc.Registry {
	t.Helper()
	reg := rpc.NewRegistry()
	reg.Logger = slog.New(slog.DiscardHandler)
	for name, fn := range map[string]any{"login": v.login, "get": v.get, "upload": func(token string, items iter.Seq2[int, error]) (n int, err error) {
		v.mu.Lock()
		defer v.mu.Unlock()
		if token != v.valid {
			return 0, rpc.Errorf(codeExpired, "expired")
		}
		for range items {
			n++
		}
		return n, nil
	}} {
		if err := reg.Register(name, fn); err != nil {
			t.Fatal(err)
		}
	}
	return reg
}

func newVault(t *testing.T, c rpc.Caller) *rpc.TokenCaller {
	t.Helper()
	tc, err := rpc.NewTokenCaller(c, rpc.TokenConfig{
		Login: func(ctx context.Context, c rpc.Caller) ([]any, error) {
			token, err := rpc.Invoke[string](ctx, c, "login", "ann", "s3cret")
			return []any{token}, err
		},
		Expired: func(f *rpc.Fault) bool { return f.Code == codeExpired },
	})
	if err != nil {
		t.Fatal(err)
	}
	return tc
}

func bounded(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestTokenCaller(t *testing.T) {
	var v vault
	c := newVault(t, v.serve(t))
	for i, want := range []int{1, 1, 2, 2} { // logins so far
		if i == 2 {
			v.expire()
		}
		if got, err := rpc.Invoke[string](bounded(t), c, "get", "tea"); got != "got tea" || err != nil || v.logins != want {
			t.Errorf("call %d: got %q, %v after %d logins; want %d", i, got, err, v.logins, want)
		}
	}
	// Another fault is nobody's session, and nothing is repeated.
	v.ran = nil
	_, err := rpc.Invoke[string](bounded(t), c, "get", "refused")
	if !errors.Is(err, &rpc.Fault{Code: 7}) || len(v.ran) != 1 || v.logins != 2 {
		t.Errorf("got %v, %v, %d logins; want fault 7 once", err, v.ran, v.logins)
	}
	if names, err := rpc.Invoke[[]string](bounded(t), c, "system.listMethods"); err != nil || len(names) < 3 {
		t.Errorf("without a token: got %v, %v", names, err)
	}
	if names, err := rpc.Invoke[[]string](bounded(t), c, "system.methodParams", "get"); err != nil {
		t.Errorf("methodParams: got %v, %v; want a call without the token", names, err)
	}
	// A token of one's own.
	v.valid = "mine"
	c.SetToken("mine")
	if _, err := rpc.Invoke[string](bounded(t), c, "get", "tea"); err != nil || v.logins != 2 {
		t.Errorf("after SetToken: %v, %d logins", err, v.logins)
	}
}

// TestTokenCallerArgs: fixed leading arguments, as of (database, user, password).
func TestTokenCallerArgs(t *testing.T) {
	reg := rpc.NewRegistry()
	reg.Logger = slog.New(slog.DiscardHandler)
	if err := reg.Register("execute", func(db string, uid int, password, model string, rest ...int) string {
		return fmt.Sprint(db, uid, password, model, rest)
	}); err != nil {
		t.Fatal(err)
	}
	c, err := rpc.NewTokenCaller(reg, rpc.TokenConfig{Args: []any{"shop", 7, "pw"}})
	if err != nil {
		t.Fatal(err)
	}
	var api struct {
		Execute func(ctx context.Context, model string, n ...int) (string, error) `rpc:"execute"`
	}
	if err := rpc.Bind(c, &api); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the arguments of one call do not stay in the next
		if got, err := api.Execute(bounded(t), "res.partner", 1, 2); got != "shop7pwres.partner[1 2]" || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
	}
	byHand := []any{map[string]any{"methodName": "execute", "params": []any{"m"}}, map[string]any{"methodName": "system.methodHelp", "params": []any{"execute"}}}
	got, err := rpc.Invoke[[][]string](bounded(t), c, "system.multicall", byHand)
	if err != nil || fmt.Sprint(got) != "[[shop7pwm[]] []]" {
		t.Errorf("a multicall by hand: got %v, %v", got, err)
	}
}

// TestTokenCallerMulticall: the token goes into the elements, and those that were
// refused for it are made again, alone.
func TestTokenCallerMulticall(t *testing.T) {
	var v vault
	c := newVault(t, v.serve(t))
	items := func(names ...string) (calls []rpc.Element) {
		for _, name := range names {
			calls = append(calls, rpc.Element{Method: "get", Args: rpc.Values{name}})
		}
		return calls
	}
	calls := append(items("a", "refused", "b"), rpc.Element{Method: "system.methodHelp", Args: rpc.Values{"get"}})
	if err := rpc.Multicall(bounded(t), c, calls); !errors.Is(err, &rpc.Fault{Code: 7}) || calls[2].Result != "got b" || calls[3].Err != nil || v.logins != 1 {
		t.Errorf("got %v, %v, %v, %d logins", err, calls[2].Result, calls[3].Err, v.logins)
	}
	// The token is gone in the middle: the first two have run, and do not again.
	flaky := interposed{Caller: v.serve(t)}
	c = newVault(t, &flaky)
	flaky.before = func(n int) {
		if n == 2 { // login, the first request, and now the second
			v.expire()
		}
	}
	v.ran = nil
	calls = items("1", "2", "3", "4", "5")
	if err := (rpc.Multicaller{Caller: c, Most: 2}).Call(bounded(t), calls); err != nil {
		t.Errorf("got %v", err)
	}
	if fmt.Sprint(v.ran) != "[1 2 3 4 5]" || v.logins != 3 {
		t.Errorf("got %v, %d logins; want each once, and 3", v.ran, v.logins)
	}
	// A server that refuses every token gets a second try and no third.
	v.logins = 0
	never := newVault(t, callerFunc(func(ctx context.Context, req *rpc.Request) (any, error) {
		v.expire()
		return v.serve(t).Call(ctx, req)
	}))
	if err := rpc.Multicall(bounded(t), never, items("1")); !errors.Is(err, &rpc.Fault{Code: codeExpired}) || v.logins != 2 {
		t.Errorf("got %v after %d logins; want the fault after 2", err, v.logins)
	}
	if _, err := rpc.Invoke[string](bounded(t), never, "get", "1"); !errors.Is(err, &rpc.Fault{Code: codeExpired}) || v.logins != 3 {
		t.Errorf("got %v after %d logins; want the fault after 3", err, v.logins)
	}
}

// interposed calls before with the number of each call.
type interposed struct {
	rpc.Caller
	n      atomic.Int32
	before func(n int)
}

func (i *interposed) Call(ctx context.Context, req *rpc.Request) (any, error) {
	i.before(int(i.n.Add(1)) - 1)
	return i.Caller.Call(ctx, req)
}

type callerFunc func(ctx context.Context, req *rpc.Request) (any, error)

func (f callerFunc) Call(ctx context.Context, req *rpc.Request) (any, error) { return f(ctx, req) }

// TestTokenCallerSingleFlight: however many calls find the token expired, there is
// one login.
func TestTokenCallerSingleFlight(t *testing.T) {
	var v vault
	c := newVault(t, v.serve(t))
	for round := range 5 {
		v.expire()
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				item := fmt.Sprint(i)
				if got, err := rpc.Invoke[string](bounded(t), c, "get", item); got != "got "+item || err != nil {
					t.Errorf("got %q, %v", got, err)
				}
			})
		}
		wg.Wait()
		if v.logins != round+1 {
			t.Errorf("round %d: got %d logins; want %d", round, v.logins, round+1)
		}
	}
}

// TestTokenCallerWaitsInVain: a call that waits for the login of another ends with
// its own context, and a login that ends with the context of its call is made
// again by those who wait.
func TestTokenCallerWaitsInVain(t *testing.T) { synctest.Test(t, testWaitsInVain) }

func testWaitsInVain(t *testing.T) {
	began, release := make(chan struct{}, 8), make(chan struct{})
	var logins atomic.Int32
	reg := rpc.NewRegistry()
	reg.Logger = slog.New(slog.DiscardHandler)
	if err := reg.Register("get", func(token, item string) string { return token + item }); err != nil {
		t.Fatal(err)
	}
	c, err := rpc.NewTokenCaller(reg, rpc.TokenConfig{Login: func(ctx context.Context, _ rpc.Caller) ([]any, error) {
		logins.Add(1)
		began <- struct{}{}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-release:
			return []any{"t"}, nil
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	leader, endLeader := context.WithCancel(bounded(t))
	results := make(chan error, 3)
	call := func(ctx context.Context) {
		_, err := rpc.Invoke[string](ctx, c, "get", "x")
		results <- err
	}
	go call(leader)
	<-began
	short, endShort := context.WithCancel(bounded(t))
	endShort()
	_, err = rpc.Invoke[string](short, c, "get", "x")
	if link := new(rpc.LinkError); !errors.As(err, &link) || link.Sent != rpc.NotSent || !errors.Is(err, context.Canceled) {
		t.Errorf("the one who waited in vain: got %v; want not sent, cancelled", err)
	}
	go call(bounded(t))
	synctest.Wait() // until it waits for the leader
	if n := logins.Load(); n != 1 {
		t.Errorf("got %d logins while one was under way; want 1", n)
	}
	endLeader()
	if err := <-results; !errors.Is(err, context.Canceled) {
		t.Errorf("the one who logged in: got %v; want context.Canceled", err)
	}
	<-began // the other one has a go
	close(release)
	if err := <-results; err != nil || logins.Load() != 2 {
		t.Errorf("the other one: got %v after %d logins; want 2", err, logins.Load())
	}
}

// TestTokenCallerLoginFails: the error is that of the call, and the next call
// tries again; a panic does not leave the others waiting.
func TestTokenCallerLoginFails(t *testing.T) {
	reg := rpc.NewRegistry()
	tries := 0
	c, err := rpc.NewTokenCaller(reg, rpc.TokenConfig{Login: func(context.Context, rpc.Caller) ([]any, error) {
		switch tries++; tries {
		case 1:
			return nil, rpc.Errorf(403, "wrong password")
		case 2:
			return nil, nil
		case 3:
			panic("canary")
		}
		return []any{1}, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rpc.Invoke[any](bounded(t), c, "get"); !errors.Is(err, &rpc.Fault{Code: 403}) || !strings.HasPrefix(err.Error(), "rpc: log in: ") {
		t.Errorf("got %v; want fault 403", err)
	}
	if err := rpc.Multicall(bounded(t), c, []rpc.Element{{Method: "get"}}); err == nil || !strings.Contains(err.Error(), "no arguments") {
		t.Errorf("a login that returns nothing: got %v", err)
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was lost")
			}
		}()
		rpc.Invoke[any](bounded(t), c, "get")
	}()
	if _, err := rpc.Invoke[any](bounded(t), c, "get"); !errors.Is(err, &rpc.Fault{Code: rpc.CodeMethodNotFound}) {
		t.Errorf("got %v; want the call to be made", err)
	}
}

// TestTokenCallerStreams: what may have been consumed in part is not sent again.
func TestTokenCallerStreams(t *testing.T) {
	var v vault
	c := newVault(t, v.serve(t))
	send := func() (int, error) {
		return rpc.Invoke[int](bounded(t), c, "upload", func(yield func(int, error) bool) {
			for i := range 3 {
				if !yield(i, nil) {
					return
				}
			}
		})
	}
	if n, err := send(); n != 3 || err != nil {
		t.Fatalf("got %d, %v", n, err)
	}
	v.expire()
	if _, err := send(); !errors.Is(err, &rpc.Fault{Code: codeExpired}) || v.logins != 1 {
		t.Errorf("got %v after %d logins; want the fault, and no repetition", err, v.logins)
	}
	if n, err := send(); n != 3 || err != nil || v.logins != 2 {
		t.Errorf("the next one: got %d, %v after %d logins", n, err, v.logins)
	}
}

func TestNewTokenCaller(t *testing.T) {
	reg := rpc.NewRegistry()
	expired := func(*rpc.Fault) bool { return true }
	for name, test := range map[string]struct {
		caller rpc.Caller
		config rpc.TokenConfig
		want   string
	}{
		"no caller":  {nil, rpc.TokenConfig{Args: []any{1}}, "needs a Caller"},
		"nothing":    {reg, rpc.TokenConfig{}, "neither Args nor Login"},
		"no new one": {reg, rpc.TokenConfig{Args: []any{1}, Expired: expired}, "without Login"},
	} {
		if _, err := rpc.NewTokenCaller(test.caller, test.config); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v; want %q", name, err, test.want)
		}
	}
}

// TestThreatPrintedTokens: what logs in stands in no text that is made of a
// TokenCaller.
func TestThreatPrintedTokens(t *testing.T) {
	config := rpc.TokenConfig{Args: []any{"db", "canary"}}
	c, err := rpc.NewTokenCaller(rpc.NewRegistry(), config)
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "caller", c, "config", config)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&log, verb+verb+verb+verb, c, config, &config, rpc.Multicaller{Caller: c})
	}
	_, err = rpc.Invoke[any](bounded(t), c, "no.such", make(chan int))
	fmt.Fprint(&log, err)
	if text := log.String(); strings.Contains(text, "canary") || strings.Contains(text, fmt.Sprintf("%x", "canary")) {
		t.Errorf("got the token in %s", text)
	}
}

// TestThreatLoginsInARow: many calls that wait for a server which does not answer
// share one attempt, and do not each wait for one of their own.
func TestThreatLoginsInARow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var v vault
		logins := 0
		c, err := rpc.NewTokenCaller(v.serve(t), rpc.TokenConfig{
			Login: func(context.Context, rpc.Caller) ([]any, error) {
				logins++
				time.Sleep(time.Minute) // the time-out of the client, not of the call
				return nil, &rpc.LinkError{Op: "dial", Err: context.DeadlineExceeded}
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		var calls sync.WaitGroup
		for range 20 {
			calls.Go(func() {
				if _, err := rpc.Invoke[string](t.Context(), c, "get", "tea"); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("got %v; want the error of the login", err)
				}
			})
		}
		calls.Wait()
		if took := time.Since(began); took > time.Minute || logins != 1 {
			t.Errorf("20 calls took %v and %d logins; want one minute and one login", took, logins)
		}
	})
}

// TestSetTokenDuringLogin: a token that is set is not replaced by a login that
// began before.
func TestSetTokenDuringLogin(t *testing.T) {
	var v vault
	began, release := make(chan struct{}), make(chan struct{})
	c, err := rpc.NewTokenCaller(v.serve(t), rpc.TokenConfig{
		Login: func(context.Context, rpc.Caller) ([]any, error) {
			close(began)
			<-release
			return []any{"old"}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	v.valid = "new"
	var call sync.WaitGroup
	call.Go(func() {
		if _, err := rpc.Invoke[string](bounded(t), c, "get", "tea"); !errors.Is(err, &rpc.Fault{Code: codeExpired}) {
			t.Errorf("the call that logged in: got %v; want it made with the old token", err)
		}
	})
	<-began
	c.SetToken("new")
	close(release)
	call.Wait()
	if got, err := rpc.Invoke[string](bounded(t), c, "get", "tea"); got != "got tea" || err != nil {
		t.Errorf("after SetToken: got %q, %v; want the new token used", got, err)
	}
}

// TestTokenCallerLateRefusal: a refusal of an old token that comes after a new
// login does not cost another one.
func TestTokenCallerLateRefusal(t *testing.T) {
	var v vault
	reg := v.serve(t)
	began, release := make(chan struct{}), make(chan struct{})
	late := callerFunc(func(ctx context.Context, req *rpc.Request) (any, error) {
		args, err := rpc.ValuesOf(req.Args)
		if err == nil && len(args) == 2 && args[1] == "late" && args[0] == "s3cret-1" {
			close(began)
			<-release
		}
		return reg.Call(ctx, req)
	})
	c := newVault(t, late)
	result := make(chan error, 1)
	go func() { _, err := rpc.Invoke[string](bounded(t), c, "get", "late"); result <- err }()
	<-began // with the first token
	v.expire()
	if _, err := rpc.Invoke[string](bounded(t), c, "get", "tea"); err != nil {
		t.Fatal(err)
	}
	close(release)
	if err := <-result; err != nil || v.logins != 2 {
		t.Errorf("got %v after %d logins; want 2", err, v.logins)
	}
}
