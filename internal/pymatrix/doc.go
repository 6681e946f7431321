// Package pymatrix holds the tests that hold this module against CPython as a
// whole: which values survive between the two (the table in docs/python.md is
// made by them), whether the reader of pickles and CPython's own one agree on
// what a message says, and what hostile peers can do to a server and to a
// client that are run as programs run them.
package pymatrix
