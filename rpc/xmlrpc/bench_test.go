package xmlrpc_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"testing"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// BenchmarkAdd makes calls one after the other; client and server share the
// process.
func BenchmarkAdd(b *testing.B) {
	reg := registry(b, map[string]any{"add": rpc.Func2(func(_ context.Context, x, y int) (int, error) { return x + y, nil })})
	c := newClient(b, "http://"+serve(b, &xmlrpc.Server{Handler: reg}), xmlrpc.ClientConfig{})
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if sum, err := rpc.Invoke[int](ctx, c, "add", 3, 5); sum != 8 || err != nil {
			b.Fatal(sum, err)
		}
	}
}

// BenchmarkAddParallel makes calls from 64 goroutines for each processor.
func BenchmarkAddParallel(b *testing.B) {
	reg := registry(b, map[string]any{"add": rpc.Func2(func(_ context.Context, x, y int) (int, error) { return x + y, nil })})
	c := newClient(b, "http://"+serve(b, &xmlrpc.Server{Handler: reg}), xmlrpc.ClientConfig{})
	b.ReportAllocs()
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if sum, err := rpc.Invoke[int](context.Background(), c, "add", 3, 5); sum != 8 || err != nil {
				b.Error(sum, err)
				return
			}
		}
	})
}

// BenchmarkEcho is the floor for BenchmarkAdd: net/http with bodies of the same
// size, and nothing done with them.
func BenchmarkEcho(b *testing.B)         { echoFloor(b, false) }
func BenchmarkEchoParallel(b *testing.B) { echoFloor(b, true) }

func echoFloor(b *testing.B, parallel bool) {
	const call = `<?xml version="1.0" encoding="UTF-8"?>
<methodCall><methodName>add</methodName><params><param><value><int>3</int></value></param><param><value><int>5</int></value></param></params></methodCall>`
	answer := []byte(`<?xml version="1.0" encoding="UTF-8"?>
<methodResponse><params><param><value><int>8</int></value></param></params></methodResponse>`)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/xml")
		w.Header().Set("Content-Length", strconv.Itoa(len(answer)))
		w.Write(answer)
	})}
	done := make(chan struct{})
	go func() { defer close(done); srv.Serve(ln) }()
	defer func() { srv.Close(); <-done }()
	transport := newHTTPTransport()
	transport.MaxIdleConnsPerHost = 256
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	url := "http://" + ln.Addr().String() + "/RPC2"
	one := func() error {
		req, err := http.NewRequestWithContext(context.Background(), "POST", url, bytes.NewReader([]byte(call)))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "text/xml")
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		return err
	}
	b.ReportAllocs()
	if !parallel {
		for b.Loop() {
			if err := one(); err != nil {
				b.Fatal(err)
			}
		}
		return
	}
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := one(); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
