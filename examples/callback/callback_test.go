package main

import (
	"strings"
	"testing"

	"github.com/parley-rpc/parley/rpc"
)

func TestCallback(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	want := `deploy v1.2 to production? true
v1.2 is deployed
deploy v1.3-rc1 to production? false
nothing was done
`
	if out.String() != want {
		t.Errorf("got\n%s; want\n%s", out.String(), want)
	}
}

func TestDeployNeedsAWayBack(t *testing.T) {
	reg := rpc.NewRegistry()
	if err := reg.Register("deploy", deploy); err != nil {
		t.Fatal(err)
	}
	_, err := rpc.Invoke[string](t.Context(), reg, "deploy", "v1.2")
	if err == nil || !strings.Contains(err.Error(), "goes both ways") {
		t.Errorf("got %v; want an error that asks for another transport", err)
	}
}
