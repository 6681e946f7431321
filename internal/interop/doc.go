// Package interop holds the tests with XML-RPC programs that others wrote.
//
// Programs in other languages, in testdata/clients, call our server by the
// library that people of that language use. Each sends the same values, one
// call each, and prints what came back; the server notes what arrived. Both are
// compared with what was meant, and docs/interop.md is written from that.
//
// Every conversation is recorded. A request that was recorded is sent again by
// the ordinary tests, which need none of those programs: it must arrive as it
// did, and its answer must be the bytes that the program has understood.
//
// The table of programs is in peers_test.go, that of values in cases_test.go.
// What needs no more than Go and Python runs live in the ordinary tests too;
// the rest has the build tag peers. "make peers" installs all of them and runs
// them, "make peers-update" records them anew.
package interop
