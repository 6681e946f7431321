package native

import "testing"

// Inside TLS the peer may be a Python of any version that has TLS 1.3, from 3.7
// on: what is sent before it has sent anything must be readable by all of them.
func TestFirstProtocolInsideTLS(t *testing.T) {
	if got := firstProtocol(handshakeResult{Login: true, Tagged: true}); got != 4 {
		t.Errorf("got pickle protocol %d; want 4, the last that Python 3.7 reads", got)
	}
}
