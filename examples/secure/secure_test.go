package main

import (
	"path/filepath"
	"strings"
	"testing"
)

const want = `deploy-bot over TLS: deploy: v1.2 deployed by deploy-bot
shop over HTTP: price: 0.25
shop over HTTP: deploy: fault -32601: method not found: deploy
deploy-bot, revoked: deploy: not authenticated
`

func TestSecure(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), &out, filepath.Join(t.TempDir(), "credentials")); err != nil {
		t.Fatal(err)
	}
	if out.String() != want {
		t.Errorf("got\n%s; want\n%s", out.String(), want)
	}
}
