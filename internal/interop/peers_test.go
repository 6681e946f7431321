package interop

import (
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// peer is one program that calls our server.
type peer struct {
	// name is that of its files: testdata/requests/NAME.http and so on.
	name string
	// language and library are what the document calls it.
	language, library string
	// file is the program, in testdata/clients, or in the case of a Go function
	// the file of this package that holds it.
	file string
	// program is the program if it is a function: it makes the calls to a URL
	// and returns what others print.
	program func(url string) string
	// packages are the Debian packages that it needs beside those that they
	// depend on, module that of npm. All of them are installed by "make peers".
	packages []string
	module   string
	// version, build and run are commands for sh. version prints the version of
	// the library, and fails where it is missing; build, if any, compiles the
	// program. Variables in them: SRC is the program's file, BIN a folder for
	// what is built, NPM that of the modules of npm, URL the server's.
	version, build, run string
	// live says that the program needs more than Go and Python.
	live bool
	// option is what our server has to be told so that it serves this peer.
	option *option
	// note is what the document says about the reason of what goes wrong.
	note string
}

// option is a field of xmlrpc.Server that some peer needs.
type option struct {
	name string
	set  func(*xmlrpc.Server)
}

// debian returns the command that prints the version of a package.
func debian(pkg string) string { return "dpkg-query -W -f '${Version}' " + pkg }

// npm returns the command that prints the version of a module.
func npm(module string) string {
	return `node -p 'JSON.parse(fs.readFileSync(process.env.NPM + "/` + module + `/package.json")).version'`
}

// peers are all programs that call our server, as the document lists them.
var peers = []peer{
	{
		name: "python", language: "Python", library: "xmlrpc.client", file: "python.py",
		packages: []string{"python3"},
		version:  "$PYTHON -c 'import platform; print(platform.python_version())'",
		run:      "$PYTHON $SRC $URL",
	},
	{
		name: "ruby", language: "Ruby", library: "xmlrpc", file: "ruby.rb", live: true,
		packages: []string{"ruby-xmlrpc"},
		version:  debian("ruby-xmlrpc"),
		run:      "ruby $SRC $URL",
	},
}
