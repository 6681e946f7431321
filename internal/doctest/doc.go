// Package doctest reads the code blocks of the project's documents, and runs
// them as a reader would. Its tests hold that every block of every document is
// run, compiled, parsed, or found in a program that is.
//
// The first word after the three backticks is the language of a block. Words
// after it, which renderers of Markdown do not show, say what the block is:
//
//	file=NAME    the whole of a file, which a reader would save under that name
//	run          commands for a shell, to be typed one after another
//	start        a command that goes on running: a server in a terminal of its own
//	restart      the same, behind Ctrl-C in the terminal of the last start
//	output       what the commands before it print
//	needs=NAME   only where that program is installed: ruby, php, node
//
// A document with such words is a session, which [Session.Run] plays: the blocks
// of the document, from top to bottom, in one folder that is empty at first.
//
//   - A file is written into the folder that the commands are in by then; a later
//     one of the same name takes its place. Its folders are made.
//   - The commands of a run are lines for sh, and the first that fails ends the
//     session. The next block begins in the folder where this one ended (cd);
//     variables of the shell are gone by then. A line that begins with
//     "parley serve" is left running, and the next line has its turn when the
//     server is ready.
//   - A start is followed by an output: when the command has printed that, the
//     session goes on. It ends with the session.
//   - An output has to be the same, line by line, but for spaces at the end of
//     a line. "..." stands for any text within a line, and as a line of its own
//     for any number of lines. That of a start is what it prints first.
//
// So this is a session:
//
//	```python file=client.py
//	import xmlrpc.client
//	print(xmlrpc.client.ServerProxy("http://127.0.0.1:8080/RPC2").add(3, 5))
//	```
//
//	```sh run
//	parley serve
//	python3 client.py
//	```
//
//	```text output
//	8
//	```
//
// Loopback ports that the blocks name may be given other numbers, the same one
// everywhere in a session, so that it can run where they are taken.
package doctest
