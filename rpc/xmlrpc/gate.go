package xmlrpc

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/parley-rpc/parley/rpc/value"
)

// gates decide from the head of a request whether it may go on, so that a web
// page in somebody's browser cannot use the browser to call a server that only
// the browser can reach.
type gates struct {
	paths         map[string]bool
	standardPaths bool            // those of a server that was not told others
	hosts         map[string]bool // names and addresses besides those always allowed
	types         map[string]bool // media types of a call
	allowNoneType bool
}

func newGates(s *Server) (gates, error) {
	g := gates{
		paths:         map[string]bool{},
		hosts:         map[string]bool{},
		types:         map[string]bool{"text/xml": true, "application/xml": true},
		allowNoneType: s.AllowMissingContentType,
	}
	paths := s.Paths
	if g.standardPaths = paths == nil; g.standardPaths {
		paths = []string{"/", defaultPath}
	}
	for _, p := range paths {
		if !strings.HasPrefix(p, "/") {
			return g, fmt.Errorf("xmlrpc: Server.Paths: got %q; want a path that begins with a slash", p)
		}
		g.paths[trimSlashes(p)] = true
	}
	for _, h := range s.Hosts {
		name, err := hostEntry(h)
		if err != nil {
			return g, err
		}
		g.hosts[name] = true
	}
	for _, t := range s.ContentTypes {
		if strings.ContainsAny(t, "; ,") || !strings.Contains(t, "/") {
			return g, fmt.Errorf("xmlrpc: Server.ContentTypes: got %q; want a media type without parameters, such as application/xml", t)
		}
		g.types[strings.ToLower(t)] = true
	}
	return g, nil
}

// hostEntry checks an entry of Server.Hosts and brings it into the form that
// hostName gives.
func hostEntry(h string) (string, error) {
	if addr, err := netip.ParseAddr(strings.Trim(h, "[]")); err == nil {
		return addr.Unmap().WithZone("").String(), nil
	}
	name := strings.ToLower(strings.TrimSuffix(h, "."))
	if name == "" || strings.ContainsAny(name, ":/*[] ") {
		return "", fmt.Errorf("xmlrpc: Server.Hosts: got %q; want a name or an IP address without scheme and port, such as rpc.example.org", h)
	}
	return name, nil
}

// check returns why a request goes no further, nil if it does. The order is
// part of what is promised: the status that a request gets is that of the first
// gate it fails. c is its connection, nil if another server has accepted it.
func (g *gates) check(r *http.Request, c *conn) *refusal {
	if !g.hostAllowed(r, c) {
		return &refusal{
			status: http.StatusMisdirectedRequest,
			reason: "this server does not answer for the host " + quote(r.Host) + "; its owner can add the name to those it answers for",
		}
	}
	switch r.Method {
	case http.MethodPost, http.MethodGet, http.MethodHead:
	default:
		return &refusal{http.StatusMethodNotAllowed, "calls are made by POST", [2]string{"Allow", "GET, HEAD, POST"}}
	}
	if reason := foreign(r); reason != "" {
		return &refusal{status: http.StatusForbidden, reason: reason}
	}
	// Whoever mounts a Server in one of its own says there where it is.
	if mounted := c == nil && g.standardPaths; !mounted && !g.paths[trimSlashes(r.URL.Path)] {
		return &refusal{status: http.StatusNotFound, reason: "no calls are taken at " + quote(r.URL.Path)}
	}
	if r.Method != http.MethodPost {
		return nil
	}
	if reason := g.badType(r.Header); reason != "" {
		return &refusal{status: http.StatusUnsupportedMediaType, reason: reason}
	}
	if _, err := contentEncoding(r.Header); err != nil {
		return &refusal{http.StatusUnsupportedMediaType, err.Error(), [2]string{"Accept-Encoding", "gzip"}}
	}
	return nil
}

// hostAllowed holds the name by which the client addresses the server against
// those that the server has. Without this, a page at evil.example whose name
// resolves to 127.0.0.1 is same-origin with a server on localhost.
func (g *gates) hostAllowed(r *http.Request, c *conn) bool {
	if r.Host == "" {
		return !r.ProtoAtLeast(1, 1) // HTTP/1.0, which browsers do not speak
	}
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if _, ok := local.(*net.UnixAddr); ok {
		return true // no browser gets there, and clients write anything
	}
	name, ok := hostName(r.Host)
	if !ok {
		return false
	}
	if name == "localhost" || g.hosts[name] {
		return true
	}
	if c != nil && name == c.host {
		return true
	}
	addr, err := netip.ParseAddr(name)
	if err != nil {
		return false
	}
	if addr.IsLoopback() {
		return true
	}
	tcp, ok := local.(*net.TCPAddr)
	return ok && tcp.AddrPort().Addr().Unmap().WithZone("") == addr
}

// hostName cuts the port from a Host and brings the rest into one form: small
// letters, no dot at the end, addresses without brackets.
func hostName(host string) (name string, ok bool) {
	name = host
	if strings.HasPrefix(host, "[") {
		end := strings.IndexByte(host, ']')
		if end < 0 || !isPort(host[end+1:]) {
			return "", false
		}
		addr, err := netip.ParseAddr(host[1:end])
		if err != nil || !addr.Is6() {
			return "", false
		}
		return addr.Unmap().WithZone("").String(), true
	}
	if i := strings.IndexByte(host, ':'); i >= 0 {
		if !isPort(host[i:]) {
			return "", false
		}
		name = host[:i]
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	return name, name != ""
}

// isPort reports whether s is empty, ":" or ":" and digits.
func isPort(s string) bool {
	return s == "" || s[0] == ':' && strings.Trim(s[1:], "0123456789") == ""
}

// foreign returns why a request comes from another site than this server, ""
// if it does not. Only browsers send these headers. Sec-Fetch-Mode says nothing
// of the kind: the fetch of node sends "cors".
func foreign(r *http.Request) string {
	for _, site := range r.Header["Sec-Fetch-Site"] {
		if site != "same-origin" && site != "none" {
			return "requests from other sites are not answered (Sec-Fetch-Site: " + clip(site) + ")"
		}
	}
	for _, origin := range r.Header["Origin"] {
		u, err := url.Parse(origin)
		// The scheme is left out: behind a proxy that ends TLS it differs.
		if err != nil || u.Host == "" || !strings.EqualFold(u.Host, r.Host) {
			return "requests from other sites are not answered (Origin: " + clip(origin) + ")"
		}
	}
	return ""
}

// badType returns what is wrong with the Content-Type of a call. What the XML
// itself declares is the encoding that counts; a charset parameter is not
// looked at.
func (g *gates) badType(h http.Header) string {
	switch given := h["Content-Type"]; {
	case len(given) == 0 || len(given) == 1 && given[0] == "":
		if g.allowNoneType {
			return ""
		}
		return "the Content-Type is missing; a call has text/xml"
	case len(given) > 1 && len(slices.Compact(slices.Clone(given))) > 1: // net/http/cgi gives it twice
		return "there is more than one Content-Type"
	default:
		media, _, _ := strings.Cut(given[0], ";")
		media = strings.TrimSpace(media)
		if g.types[media] || g.types[strings.ToLower(media)] {
			return ""
		}
		return "a call has the Content-Type text/xml, not " + quote(media)
	}
}

// quote makes text of a peer fit for a reason.
func quote(s string) string { return `"` + clip(s) + `"` }

// clip makes text of a peer fit for an error or a log.
func clip(s string) string { return value.Clip(s, 128) }

// trimSlashes makes one slash of several that follow each other.
func trimSlashes(path string) string {
	if !strings.Contains(path, "//") {
		return path
	}
	var b strings.Builder
	for i := range len(path) {
		if path[i] != '/' || i == 0 || path[i-1] != '/' {
			b.WriteByte(path[i])
		}
	}
	return b.String()
}
