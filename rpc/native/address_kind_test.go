package native

import (
	"net"
	"net/netip"
	"testing"
)

// textAddr is an address of a listener that is none of package net's.
type textAddr string

func (textAddr) Network() string  { return "overlay" }
func (a textAddr) String() string { return string(a) }

// TestThreatAddressesOfOtherKinds: what a listener of another kind calls its peers
// must not pass for this machine, whose wrong keys are not counted, nor for a
// permitted address.
func TestThreatAddressesOfOtherKinds(t *testing.T) {
	a := &acceptor{acceptorConfig: acceptorConfig{allowFrom: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}}
	for _, tt := range []struct {
		addr          net.Addr
		local, admits bool
	}{
		{&net.UnixAddr{Net: "unix", Name: "/s"}, true, true},
		{&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}, true, false},
		{&net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1}, false, true},
		{textAddr("127.0.0.1:1"), true, false},
		{textAddr("[::ffff:192.0.2.1]:1"), false, true},
		{textAddr("203.0.113.5:1"), false, false},
		{textAddr("vm-17"), false, false},
		{nil, false, false},
	} {
		if local := hostOf(tt.addr).IsLoopback(); local != tt.local {
			t.Errorf("%v: got %v; want this machine: %v", tt.addr, hostOf(tt.addr), tt.local)
		}
		if got := a.admits(tt.addr); got != tt.admits {
			t.Errorf("%v: AllowFrom: got %v; want %v", tt.addr, got, tt.admits)
		}
	}
	var s Server
	for addr, want := range map[net.Addr]bool{
		textAddr("0.0.0.0:80"): false, textAddr("127.0.0.1:80"): true,
		tlsAddr{&net.TCPAddr{IP: net.IPv4zero}}: true, &net.TCPAddr{IP: net.IPv4zero}: false,
	} {
		if err := s.checkAddress(addr); (err == nil) != want {
			t.Errorf("serve %v: got %v; want it to be served: %v", addr, err, want)
		}
	}
}
