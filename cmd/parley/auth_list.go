package main

import (
	"cmp"
	"io"
	"time"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/cmd/parley/internal/login"
	"github.com/parley-rpc/parley/cmd/parley/internal/terminal"
)

// authListCommand lists credentials.
type authListCommand struct {
	credentialsFlag
	terminal.OutputFlag
}

// listed is a credential as list shows it.
type listed struct {
	ID        string    `json:"id"`
	Identity  string    `json:"identity"`
	Use       auth.Use  `json:"use"`
	KDF       string    `json:"kdf,omitempty"`
	NotBefore time.Time `json:"not_before,omitzero"`
	NotAfter  time.Time `json:"not_after,omitzero"`
	State     string    `json:"state"`
}

func (c *authListCommand) run(std terminal.Streams) error {
	entries, err := login.Entries(c.File)
	if err != nil {
		return err
	}
	lines, err := login.Lines(c.File)
	if err != nil {
		return err
	}
	now := time.Now()
	list := make([]listed, len(entries))
	for i, e := range entries {
		list[i] = listed{e.ID, e.Identity, e.Use, lines[e.ID].KDF, e.NotBefore, e.NotAfter, login.State(e, now)}
	}
	if c.AsJSON() {
		return terminal.PrintJSON(std.Out, list)
	}
	return listTable(std.Out, list)
}

func listTable(out io.Writer, list []listed) error {
	table := terminal.Table{Header: []string{"ID", "IDENTITY", "USE", "KDF", "NOT BEFORE", "NOT AFTER", "STATE"}}
	for _, e := range list {
		table.Add(e.ID, terminal.Printable(e.Identity), string(e.Use), cmp.Or(e.KDF, "-"), terminal.Time(e.NotBefore), terminal.Time(e.NotAfter), e.State)
	}
	return table.Print(out)
}
