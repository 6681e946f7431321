package xmlrpc_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// TestMountedAnywhere: a Server that was told no paths is where the mux of another
// one has put it, with its page and all of its gates; one that was told some takes
// no others, and neither does one that listens itself.
func TestMountedAnywhere(t *testing.T) {
	reg := registry(t, map[string]any{"one": func() int { return 1 }})
	mux := http.NewServeMux()
	mux.Handle("/rpc", &xmlrpc.Server{Handler: reg})
	mux.Handle("/tree/", &xmlrpc.Server{Handler: reg})
	mux.Handle("/stripped/", http.StripPrefix("/stripped", &xmlrpc.Server{Handler: reg}))
	mux.Handle("/told/", &xmlrpc.Server{Handler: reg, Paths: []string{"/told/here"}})
	hs := httptest.NewServer(mux)
	defer hs.Close()
	own := "http://" + serve(t, &xmlrpc.Server{Handler: reg})
	for _, tt := range []struct {
		url    string
		status int
	}{
		{hs.URL + "/rpc", 200},
		{hs.URL + "/tree/", 200},
		{hs.URL + "/tree/of/calls", 200},
		{hs.URL + "/stripped/x", 200},
		{hs.URL + "/told/here", 200},
		{hs.URL + "/told/there", 404},
		{hs.URL + "/RPC2", 404}, // of the mux
		{own + "/RPC2", 200},
		{own + "/", 200},
		{own + "/rpc", 404},
	} {
		do := func(method string, header ...string) (status int, body string) {
			t.Helper()
			r, err := http.NewRequestWithContext(bounded(t), method, tt.url, nil)
			if err != nil {
				t.Fatal(err)
			}
			if method == http.MethodPost {
				r.Body = io.NopCloser(strings.NewReader(document("one")))
				r.Header.Set("Content-Type", "text/xml")
			}
			for i := 0; i < len(header); i += 2 {
				if r.Header.Set(header[i], header[i+1]); header[i] == "Host" {
					r.Host = header[i+1]
				}
			}
			resp, err := http.DefaultTransport.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			b, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			return resp.StatusCode, string(b)
		}
		if status, body := do("POST"); status != tt.status || status == 200 && !strings.Contains(body, "<int>1</int>") {
			t.Errorf("%s: a call: got %d, %s; want %d", tt.url, status, body, tt.status)
		}
		status, page := do("GET")
		if status != tt.status {
			t.Errorf("%s: the page: got %d; want %d", tt.url, status, tt.status)
		}
		if tt.status != 200 {
			continue
		}
		if path := strings.TrimPrefix(strings.TrimPrefix(tt.url, hs.URL), own); !strings.Contains(page, path) {
			t.Errorf("%s: the page does not say where calls go", tt.url)
		}
		for _, browser := range [][]string{
			{"Origin", "http://evil.example"}, {"Sec-Fetch-Site", "cross-site"}, {"Host", "evil.example"}, {"Content-Type", "text/plain"},
		} {
			if status, _ := do("POST", browser...); status/100 != 4 {
				t.Errorf("%s: with %v: got %d; want a refusal", tt.url, browser, status)
			}
		}
		if !strings.HasPrefix(tt.url, own) {
			c := newClient(t, tt.url, xmlrpc.ClientConfig{})
			if names, err := rpc.Invoke[[]string](context.Background(), c, "system.listMethods"); err != nil || len(names) < 2 {
				t.Errorf("%s: listMethods: %v, %v", tt.url, names, err)
			}
		}
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}
