// Package usage has the error of a user: a mistake in the command line or in a
// file that it names, with what to do about it. Its errors end a command with exit
// code 2.
package usage

import (
	"errors"
	"fmt"
)

// Error is a mistake in the command line, or in what it refers to.
type Error struct{ text string }

func (e *Error) Error() string { return e.text }

// Errorf makes one. What it says of others it has from value.Clip.
func Errorf(format string, args ...any) error { return &Error{fmt.Sprintf(format, args...)} }

// Join makes one usage error of several, nil of none.
func Join(wrong ...error) error {
	if err := errors.Join(wrong...); err != nil {
		return &Error{err.Error()}
	}
	return nil
}

// Hint returns an error with what to do about it behind its text.
func Hint(err error, do string) error { return &hinted{err, do} }

type hinted struct {
	error
	do string
}

func (e *hinted) Error() string { return e.error.Error() + "; " + e.do }
func (e *hinted) Unwrap() error { return e.error }
