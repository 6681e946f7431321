package xmlrpc

import (
	"net/http"
	"slices"
	"strings"
)

// addCookies puts the cookies that the jar has for the target behind those that
// the configuration, or the client above a Transport, has put into header.
func (c *Client) addCookies(header http.Header) {
	if c.jar == nil {
		return
	}
	cookies := c.jar.Cookies(c.target.url)
	if len(cookies) == 0 {
		return
	}
	r := http.Request{Header: http.Header{}} // the list of values in header is shared
	for _, cookie := range cookies {
		r.AddCookie(cookie) // which leaves out what would break the header
	}
	sent := append(slices.Clip(header["Cookie"]), r.Header["Cookie"]...)
	header["Cookie"] = []string{strings.Join(sent, "; ")}
}

// keepCookies hands the cookies of an answer to the jar. Without a Domain they
// are for no other host, which another client of the jar could mean. A Secure
// cookie that came readable for everyone is not taken for one that a server at
// https has set.
func (c *Client) keepCookies(resp *http.Response) {
	if c.jar == nil {
		return
	}
	var kept []*http.Cookie
	for _, cookie := range resp.Cookies() {
		if cookie.Secure && !c.target.private {
			continue
		}
		cookie.Domain = ""
		kept = append(kept, cookie)
	}
	if len(kept) > 0 {
		c.jar.SetCookies(c.target.url, kept)
	}
}
