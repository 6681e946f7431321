package xmlrpc_test

import (
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	kolo "github.com/kolo/xmlrpc"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// KoloBase is exported since kolo panics at an embedded struct that is not.
type KoloBase struct {
	Inner string `xmlrpc:"inner"`
}

type koloRecord struct {
	KoloBase
	Label  kolo.Base64 `xmlrpc:"label"`
	At     time.Time   `xmlrpc:"at,omitempty"`
	Both   time.Time   `xmlrpc:"both,omitempty" rpc:"both,omitzero"`
	None   []int       `xmlrpc:"none,omitempty"`
	Zero   int         `xmlrpc:"zero,omitempty"`
	hidden int
}

// TestLiveKoloStructs: what is left out of a struct, and what is put into it,
// where a program keeps its types and changes the client.
func TestLiveKoloStructs(t *testing.T) {
	var body string
	url := mount(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		body = string(b)
		w.Header().Set("Content-Type", "text/xml")
		io.WriteString(w, result("<value><int>1</int></value>"))
	}))
	member := regexp.MustCompile(`<name>(\w+)</name>`)
	want := func(who string, names []string, label string) {
		t.Helper()
		var got []string
		for _, m := range member.FindAllStringSubmatch(body, -1) {
			got = append(got, m[1])
		}
		if !slices.Equal(got, names) || !strings.Contains(body, label) {
			t.Errorf("%s sent %s; want the members %q and %s", who, body, names, label)
		}
	}
	arg := koloRecord{KoloBase: KoloBase{"i"}, Label: "aGk=", None: []int{}, hidden: 1}
	var n int
	if err := koloClient(t, url+"/RPC2").Call("f", arg, &n); err != nil {
		t.Fatal(err)
	}
	want("kolo", []string{"KoloBase", "inner", "label", "none", "hidden"}, "<base64>aGk=</base64>")
	c, err := xmlrpc.NewClient(url+"/RPC2", xmlrpc.ClientConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := rpc.Invoke[int](bounded(t), c, "f", arg); err != nil {
		t.Fatal(err)
	}
	want("Parley", []string{"inner", "label", "at"}, "<string>aGk=</string>")
}
