package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/parley-rpc/parley/auth"
)

// authListCommand lists credentials.
type authListCommand struct {
	credentialsFlag
	outputFlag
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

func (c *authListCommand) run(std stdio) error {
	entries, err := loadEntries(c.File)
	if err != nil {
		return err
	}
	lines, err := readLines(c.File)
	if err != nil {
		return err
	}
	now := time.Now()
	list := make([]listed, len(entries))
	for i, e := range entries {
		list[i] = listed{e.ID, e.Identity, e.Use, lines[e.ID].kdf, e.NotBefore, e.NotAfter, stateOf(e, now)}
	}
	if c.json() {
		return printJSON(std.out, list)
	}
	return listTable(std.out, list)
}

func listTable(out io.Writer, list []listed) error {
	table := grid{header: []string{"ID", "IDENTITY", "USE", "KDF", "NOT BEFORE", "NOT AFTER", "STATE"}}
	for _, e := range list {
		table.add(e.ID, printable(e.Identity), string(e.Use), cmp.Or(e.KDF, "-"), inTable(e.NotBefore), inTable(e.NotAfter), e.State)
	}
	return table.print(out)
}

func inTable(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

// loadEntries reads the entries of a file, without their secrets. A short
// authkey is no reason not to show them.
func loadEntries(path string) ([]auth.Entry, error) {
	creds, err := auth.LoadCredentials(path, auth.CredentialsConfig{DangerouslyAllowShortKey: true, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, usagef("%v", err)
	}
	return creds.Entries(), nil
}

// entryLine is what the line of an entry says that auth.Credentials keeps to
// itself.
type entryLine struct {
	number  int
	kdf     string
	keySize int // of an authkey, in bytes
}

// readLines reads the lines of a file that auth.LoadCredentials takes, by id.
func readLines(path string) (map[string]entryLine, error) {
	doc, err := os.ReadFile(path)
	if err != nil {
		return nil, usagef("%v", err)
	}
	lines := map[string]entryLine{}
	number := 0
	for text := range bytes.Lines(doc) {
		number++
		var e struct{ ID, KDF, PHC, Key string }
		if json.Unmarshal(text, &e) != nil || e.ID == "" {
			continue // blank, or the first
		}
		if part := strings.Split(e.PHC, "$"); len(part) > 3 { // $argon2id$v=19$m=65536,t=3,p=4$salt$hash
			e.KDF = strings.Join(part[1:4], "$")
		}
		lines[e.ID] = entryLine{number, e.KDF, len(e.Key)}
	}
	return lines, nil
}
