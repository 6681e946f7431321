package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"

	"github.com/parley-rpc/parley/cmd/parley/internal/exit"
	"github.com/parley-rpc/parley/cmd/parley/internal/terminal"
	"github.com/parley-rpc/parley/rpc"
)

// visible escapes what a server could use to play with a terminal. What has been
// escaped before stays as it is.
func visible(text string) string {
	var b strings.Builder
	for _, r := range text {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
		} else {
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
	}
	return b.String()
}

// report says on stderr, in one line, why a command failed, and returns the
// code to exit with.
func report(stderr io.Writer, err error) int {
	code := exit.Code(err)
	if code != exit.Answered {
		text := visible(strings.ReplaceAll(strings.TrimSpace(inOurWords(err)), "\n", "; "))
		// A fault stands at the start of its line, so that scripts find its code.
		if code != exit.Fault {
			text = "parley: " + text
		}
		head, rest, _ := strings.Cut(text, ": ")
		fmt.Fprintln(stderr, terminal.NewPainter(stderr).Failure(head+":"), rest)
	}
	return code
}

// options is what the packages call options, in the words of the command line.
var options = strings.NewReplacer(
	" (Options.NoNil)", "",
	" (Options.Int32Only)", "",
	", or set Options.BigInteger", "",
	", or set Options.NonFinite", "",
	"more values than Options.MaxElements", "more values than are taken",
	"longer than Options.MaxString", "longer than any that is taken",
	"longer than Options.MaxDigits", "longer than any that is taken",
	", which ClientConfig.MaxAnswer allows", ", which is the most that is taken",
	", and none is set here: set Auth", "",
	"Python 3.11 and older need AllowMD5", "to let Python 3.11 and older log in, add --allow-md5",
	"; set TLS.RootCAs to the authority that signed it, or use a Login without RootCAs", "",
	"; dial the name that it is for, or set TLS.ServerName", "; the URL has to have the name that it is for",
	"use tcp:// with Auth, or have it listen on tls://", "use tcp:// with --authkey-file, or have it listen on tls://",
	"tls:// needs Login, or TLS with a certificate of this side", "tls:// needs --credential-file, or --cert and --key",
)

// inOurWords returns the text of an error without the names of options that only
// programs can set. What a server says in a fault stays as it is.
func inOurWords(err error) string {
	text := err.Error()
	var fault *rpc.Fault
	if errors.As(err, &fault) {
		return text
	}
	return options.Replace(text)
}
