// Package carry finds out what each transport can carry and do, by trying it: real
// servers on loopback, real clients, and one small trial for each thing that
// somebody who chooses a transport asks about.
//
//	trials      what is tried, one after another by group: types.go, sizes.go …
//	  |
//	world       the servers that are there for all of them, and what they serve
//	  |
//	lane        a client of one transport, made anew for each trial
//	  |
//	Outcome     yes, changed, no or untried, with what it became or the error
//
// Nothing in the table is written by hand. A trial sends, and says yes only if the
// function has seen what was sent and the same came back. It says no only if an
// error said so, and the client works as before: whatever else goes wrong, and
// whatever takes too long, is an error of Try and no outcome.
//
// The columns of Python are tried by a program in Python (clients.py, trials.py) that has
// nothing but the standard library, against the same servers.
package carry
