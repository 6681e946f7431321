package native

import (
	"io"
	"runtime"
	"sync/atomic"
	"testing"
)

// tlsPair returns both ends of a connection inside TLS, after the handshake.
func tlsPair(t testing.TB) (server, client *tlsConn) {
	t.Helper()
	forServer, err := serverTLS(nil, ephemeralCertificate)
	if err != nil {
		t.Fatal(err)
	}
	forClient, err := clientTLS(nil, "127.0.0.1", "", true)
	if err != nil {
		t.Fatal(err)
	}
	a, b := tcpPair(t)
	server, client = newTLSConn(a, forServer, true), newTLSConn(b, forClient, false)
	done := make(chan error, 1)
	go func() { done <- client.handshake() }()
	if err := server.handshake(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return server, client
}

// TestThreatCloseWhileSealing: a peer that goes away, or is cut off, at the moment
// an answer is encrypted for it must not take the process with it.
func TestThreatCloseWhileSealing(t *testing.T) {
	server, _ := tlsPair(t)
	// What seal does, and Close between its steps.
	server.below.prepare(1)
	if _, err := server.tls.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	server.Close()
	if server.below.take() == nil {
		t.Fatal("Close has taken away what a writer was sealing")
	}
}

// TestThreatCloseWhileWriting is the same as it happens.
func TestThreatCloseWhileWriting(t *testing.T) {
	for range 300 {
		server, client := tlsPair(t)
		var begun atomic.Bool
		done := make(chan struct{})
		go func() {
			defer close(done)
			for b := make([]byte, 100); ; begun.Store(true) {
				if _, err := server.Write(b); err != nil {
					return
				}
			}
		}()
		go io.Copy(io.Discard, client)
		for !begun.Load() {
			runtime.Gosched()
		}
		server.Close()
		<-done
		client.Close()
	}
}
