package main

import (
	"errors"
	"io/fs"

	"github.com/parley-rpc/parley/auth"
)

// policy lets Python 3.11 and older in, which know MD5 alone. The key is 32
// random bytes, which nobody finds by trying; with newer Pythons leave it out.
var policy = auth.KeyConfig{AllowMD5: true}

func loadKey(file string) (*auth.Authkey, error) { return auth.LoadKey(file, policy) }

// makeKey loads the key, and makes one first if there is none.
func makeKey(file string) (*auth.Authkey, error) {
	if err := auth.GenerateKey().WriteFile(file); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return loadKey(file)
}
