package auth

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

const (
	maxCredentialsSize = 1 << 20 // bytes of a file
	fileVersion        = "1"
)

// credentialFile is what a file of credentials says.
type credentialFile struct {
	mockKey []byte // nil if it says none
	entries []Entry
	lines   []int // of the entries, from 1
}

// fileHeader is the first line of a file.
type fileHeader struct {
	Version int    `json:"version"`
	MockKey []byte `json:"mock_key,omitempty"`
}

// read reads the file, and makes a set of it.
func (c *Credentials) read() (*credentialSet, error) {
	data, err := readSecretFile(c.path, maxCredentialsSize)
	if err != nil {
		return nil, err
	}
	set, err := parseCredentials(c.path, data, c.policy())
	if err != nil {
		return nil, err
	}
	if set.mockKey == nil {
		set.mockKey = c.mockKey()
	}
	return set, nil
}

// parseCredentials makes a set of the content of a file, whose name is for errors.
func parseCredentials(name string, data []byte, policy setPolicy) (*credentialSet, error) {
	file, err := parseCredentialFile(data)
	if err != nil {
		return nil, fmt.Errorf("%s:%w", name, err)
	}
	policy.where = func(i int) string { return fmt.Sprintf("%s:%d", name, file.lines[i]) }
	set, err := newCredentialSet(file.entries, policy)
	if err != nil {
		return nil, err
	}
	set.mockKey = file.mockKey
	return set, nil
}

// parseCredentialFile reads the lines of a file, and says of each in which line
// it fails, first. What entries say is not looked at.
//
// An error quotes nothing of a line: what is in the wrong place may be a secret.
func parseCredentialFile(data []byte) (*credentialFile, error) {
	file := &credentialFile{}
	seen := false // a line that is not blank
	number := 0
	for line := range bytes.Lines(data) {
		number++
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			continue
		}
		fields, err := parseLine(line)
		if err == nil && !seen && fields.has("version") {
			file.mockKey, err = parseHeader(fields)
		} else if err == nil {
			var e Entry
			e, err = parseEntry(fields)
			file.entries = append(file.entries, e)
			file.lines = append(file.lines, number)
		}
		if err != nil {
			return nil, fmt.Errorf("%d: %w", number, err)
		}
		seen = true
		if len(file.entries) > maxEntries {
			return nil, fmt.Errorf("%d: got more than %d entries; want %[2]d at most", number, maxEntries)
		}
	}
	if !seen {
		return nil, errors.New(`1: it is empty, or was cut off; a file without entries has the line {"version":1}`)
	}
	return file, nil
}

// field is one member of the object in a line.
type field struct {
	name, value string
	number      bool // the value is a number
}

type lineFields []field

func (l lineFields) has(name string) bool {
	return slices.ContainsFunc(l, func(f field) bool { return f.name == name })
}

// parseLine reads an object of strings and numbers. A name that comes twice, of
// which encoding/json takes the last, is an error.
func parseLine(line []byte) (lineFields, error) {
	var raw json.RawMessage
	if err := json.Unmarshal(line, &raw); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return nil, fmt.Errorf("byte %d: got what is no JSON; want one object in one line", syntax.Offset)
		}
		return nil, errors.New("got what is no JSON; want one object in one line")
	}
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.UseNumber()
	if start, err := dec.Token(); err != nil || start != json.Delim('{') {
		return nil, errors.New("byte 1: want a JSON object")
	}
	var fields lineFields
	for dec.More() {
		at := dec.InputOffset() + 1
		name, err := dec.Token()
		if err != nil {
			return nil, fmt.Errorf("byte %d: want a name", at)
		}
		f := field{name: name.(string)} // the line is JSON
		value, err := dec.Token()
		if err != nil {
			return nil, fmt.Errorf("byte %d: want a value", at)
		}
		switch v := value.(type) {
		case string:
			f.value = v
		case json.Number:
			f.value, f.number = v.String(), true
		default:
			return nil, fmt.Errorf("byte %d: want a string", dec.InputOffset())
		}
		switch {
		case fields.has(f.name):
			return nil, fmt.Errorf("byte %d: got a name for the second time", at)
		case f.value == "":
			return nil, fmt.Errorf("byte %d: got an empty string; leave the field out", at)
		}
		fields = append(fields, f)
	}
	return fields, nil
}

func parseHeader(fields lineFields) (mockKey []byte, err error) {
	for _, f := range fields {
		switch {
		case f.name == "version" && f.number && f.value == fileVersion:
		case f.name == "version":
			return nil, fmt.Errorf("version: want %s, which is all that this release reads", fileVersion)
		case f.name == "mock_key" && !f.number:
			if mockKey, err = decodeBase64(base64.StdEncoding, f.value); err != nil {
				return nil, fmt.Errorf("mock_key: %w", err)
			}
			if len(mockKey) != mockKeySize {
				return nil, fmt.Errorf("mock_key: got %d bytes; want %d", len(mockKey), mockKeySize)
			}
		default:
			return nil, errors.New("got an unknown field beside version, or no string; want mock_key alone")
		}
	}
	return mockKey, nil
}

func parseEntry(fields lineFields) (e Entry, err error) {
	for i, f := range fields {
		if f.number {
			return Entry{}, fmt.Errorf("field %d: got a number; want a string", i+1)
		}
		switch f.name {
		case "id":
			e.ID = f.value
		case "identity":
			e.Identity = f.value
		case "use":
			e.Use = Use(f.value)
		case "kdf":
			e.KDF = f.value
		case "salt":
			e.Salt, err = decodeBase64(base64.StdEncoding, f.value)
		case "stored_key":
			e.StoredKey, err = decodeBase64(base64.StdEncoding, f.value)
		case "server_key":
			e.ServerKey, err = decodeBase64(base64.StdEncoding, f.value)
		case "phc":
			e.PHC = f.value
		case "key":
			e.Key = f.value
		case "not_before":
			e.NotBefore, err = parseTime(f.value)
		case "not_after":
			e.NotAfter, err = parseTime(f.value)
		default:
			return Entry{}, fmt.Errorf("field %d: got an unknown name; want id, identity, use, kdf, salt, stored_key, server_key, phc, key, not_before or not_after", i+1)
		}
		if err != nil {
			return Entry{}, fmt.Errorf("%s: %w", f.name, err)
		}
	}
	return e, nil
}

// parseTime reads a time of RFC 3339. The zero time, which means no bound in an
// Entry, is none here.
func parseTime(text string) (time.Time, error) {
	var t time.Time
	if err := t.UnmarshalText([]byte(text)); err != nil || t.IsZero() {
		return time.Time{}, errors.New("want a time of RFC 3339, as 2027-01-31T12:00:00Z")
	}
	return t, nil
}

// encode writes the file.
func (file *credentialFile) encode() ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(fileHeader{Version: 1, MockKey: file.mockKey}); err != nil {
		return nil, err
	}
	for i := range file.entries {
		if err := enc.Encode((*entryLine)(&file.entries[i])); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), nil
}
