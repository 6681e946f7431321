package xmlrpc

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
// must not pass for this machine, nor for a permitted address.
func TestThreatAddressesOfOtherKinds(t *testing.T) {
	for _, tt := range []struct {
		addr          net.Addr
		local, admits bool
	}{
		{&net.UnixAddr{Net: "unix", Name: "/s"}, true, true},
		{&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}, true, false},
		{&net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1}, false, true},
		{textAddr("127.0.0.1:1"), true, false},
		{textAddr("192.0.2.1:1"), false, true},
		{textAddr("[::ffff:192.0.2.1]:1"), false, true},
		{textAddr("203.0.113.5:1"), false, false},
		{textAddr("vm-17"), false, false},
		{nil, false, false},
	} {
		from, _ := ipOf(tt.addr)
		if local := !from.IsValid() || from.IsLoopback(); local != tt.local {
			t.Errorf("%v: got %v; want this machine: %v", tt.addr, from, tt.local)
		}
		l := &life{allow: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}
		if got := l.allowed(tt.addr); got != tt.admits {
			t.Errorf("%v: AllowFrom: got %v; want %v", tt.addr, got, tt.admits)
		}
	}
	if err := (&life{}).allowAddr(textAddr("0.0.0.0:80")); err == nil {
		t.Error("plain HTTP on 0.0.0.0 of another kind of listener: got no error")
	}
}
