// Package pyclient has no code: its test runs the tests of the Python package in
// clients/python, with a server, on each CPython that the package is for.
package pyclient
