// Testreport reads what "go test -json" prints and writes it for a person: one
// line for each package, the whole output of each failed test, the tests that
// were skipped with their reasons, and as the last line the count.
//
//	go test -json ./... | go run ./internal/testreport
//
// With -noskips a skipped test counts as failed: use it where everything that
// tests need is there. It exits 1 if anything failed, or if nothing ran.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	noSkips := flag.Bool("noskips", false, "count skipped tests as failed")
	flag.Parse()
	r := newReport(os.Stdout)
	if err := r.read(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "testreport:", err)
		os.Exit(1)
	}
	if !r.finish(*noSkips) {
		os.Exit(1)
	}
}
