package xmlrpc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"os"
	"path/filepath"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc/xmlvalue"
)

// Several calls in one request, each with a result of its own type, or an error.
func ExampleClient_multicall() {
	url, stop := exampleServer()
	defer stop()
	c, err := xmlrpc.NewClient(url, xmlrpc.ClientConfig{})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	var sum int
	var names []string
	calls := []rpc.Element{
		{Method: "add", Args: rpc.Values{3, 5}, Into: &sum},
		{Method: "no.such"},
		{Method: "system.listMethods", Into: &names},
	}
	if err := rpc.Multicall(context.Background(), c, calls); err != nil {
		fmt.Println(err)
	}
	fmt.Println(sum, names[0])
	fmt.Println(errors.Is(calls[1].Err, &rpc.Fault{Code: rpc.CodeMethodNotFound}))
	// Output:
	// rpc: multicall: 1 of 3 calls failed, first calls[1] (no.such): fault -32601: method not found: no.such
	// 8 add
	// true
}

// A service whose every call begins with the token of a login.
func ExampleClient_token() {
	reg := rpc.NewRegistry()
	reg.Logger = slog.New(slog.DiscardHandler)
	logins := 0
	for name, fn := range map[string]any{
		"auth.login": func(user, password string) string { logins++; return fmt.Sprint("token-", logins) },
		"stock.count": func(token, item string) (int, error) {
			if token != "token-2" { // the first one has expired
				return 0, rpc.Errorf(-20, "Session expired")
			}
			return 12, nil
		},
	} {
		if err := reg.Register(name, fn); err != nil {
			log.Fatal(err)
		}
	}
	srv := httptest.NewServer(&xmlrpc.Server{Handler: reg})
	defer srv.Close()
	client, err := xmlrpc.NewClient(srv.URL, xmlrpc.ClientConfig{})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	shop, err := rpc.NewTokenCaller(client, rpc.TokenConfig{
		Login: func(ctx context.Context, c rpc.Caller) ([]any, error) {
			token, err := rpc.Invoke[string](ctx, c, "auth.login", "ann", "secret")
			return []any{token}, err
		},
		Expired: func(f *rpc.Fault) bool { return f.Code == -20 },
	})
	if err != nil {
		log.Fatal(err)
	}
	count, err := rpc.Invoke[int](context.Background(), shop, "stock.count", "tea")
	fmt.Println(count, err, "after", logins, "logins")
	// Output:
	// 12 <nil> after 2 logins
}

// A server at a unix socket, which other machines cannot reach.
func ExampleClient_unix() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	socket := filepath.Join(dir, "rpc.sock")

	reg := rpc.NewRegistry()
	if err := reg.Register("add", func(a, b int) int { return a + b }); err != nil {
		log.Fatal(err)
	}
	srv := &xmlrpc.Server{Handler: reg}
	ln, err := srv.Listen("unix:" + socket)
	if err != nil {
		log.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		srv.Serve(ln)
	}()

	c, err := xmlrpc.NewClient("http+unix://"+socket, xmlrpc.ClientConfig{})
	if err != nil {
		log.Fatal(err)
	}
	sum, err := rpc.Invoke[int](context.Background(), c, "add", 3, 5)
	fmt.Println(sum, err)
	c.Close()
	srv.Close()
	<-done
	// Output:
	// 8 <nil>
}

// Servers that log in by a call of their own and remember it by a cookie.
func ExampleClientConfig_cookies() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who := "nobody"
		if cookie, err := r.Cookie("session"); err == nil {
			who = cookie.Value
		}
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "ann", HttpOnly: true})
		w.Header().Set("Content-Type", "text/xml")
		io.WriteString(w, "<methodResponse><params><param><value>"+who+"</value></param></params></methodResponse>")
	}))
	defer srv.Close()

	jar, err := cookiejar.New(nil)
	if err != nil {
		log.Fatal(err)
	}
	c, err := xmlrpc.NewClient(srv.URL, xmlrpc.ClientConfig{Jar: jar})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	for range 2 {
		who, err := rpc.Invoke[string](context.Background(), c, "whoami")
		fmt.Println(who, err)
	}
	// Output:
	// nobody <nil>
	// ann <nil>
}

// Odoo sends false for a field that is empty, whatever its type.
func ExampleClientConfig_falseIsZero() {
	reg := rpc.NewRegistry()
	if err := reg.Register("partner", func() map[string]any {
		return map[string]any{"name": "Ann", "phone": false, "parent": false, "active": true}
	}); err != nil {
		log.Fatal(err)
	}
	srv := httptest.NewServer(&xmlrpc.Server{Handler: reg})
	defer srv.Close()

	type partner struct {
		Name   string `xmlrpc:"name"`
		Phone  string `xmlrpc:"phone"`
		Parent []any  `xmlrpc:"parent"`
		Active bool   `xmlrpc:"active"`
	}
	for _, falseIsZero := range []bool{false, true} {
		c, err := xmlrpc.NewClient(srv.URL, xmlrpc.ClientConfig{Values: xmlvalue.Options{FalseIsZero: falseIsZero}})
		if err != nil {
			log.Fatal(err)
		}
		p, err := rpc.Invoke[partner](context.Background(), c, "partner")
		if err != nil {
			fmt.Println("refused:", errors.Is(err, rpc.ErrResult))
		} else {
			fmt.Printf("%+v\n", p)
		}
		c.Close()
	}
	// Output:
	// refused: true
	// {Name:Ann Phone: Parent:[] Active:true}
}
