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

var allowMissingContentType = option{"AllowMissingContentType", func(s *xmlrpc.Server) { s.AllowMissingContentType = true }}

// perl runs a program whose hashes have one order, so that it sends the same in
// every run.
const perl = "PERL_HASH_SEED=0 PERL_PERTURB_KEYS=0 perl $SRC $URL"

// debian returns the command that prints the version of a package.
func debian(pkg string) string { return "dpkg-query -W -f '${Version}' " + pkg }

// numbers is what all modules of npm have in common.
const numbers = "A number that is whole goes out as an integer, 1e300 too, which our server reads as the double that it is. The library does not read `<i8>`, as which an integer beyond 32 bits is answered."

// javascript returns the row of a module of npm.
func javascript(name, module, note string) peer {
	return peer{
		name: name, language: "JavaScript", library: module, file: name + ".js", live: true,
		packages: []string{"nodejs", "npm"}, module: module, note: note,
		version: "node -p 'JSON.parse(fs.readFileSync(process.argv[1])).version' $NPM/" + module + "/package.json",
		run:     "NODE_PATH=$NPM node $SRC $URL",
	}
}

// with returns the row of a peer that needs an option.
func (p peer) with(opt option) peer {
	p.option = &opt
	return p
}

// peers are all programs that call our server, as the document lists them.
var peers = append([]peer{
	{
		name: "parley", language: "Go", library: "rpc/xmlrpc", file: "goclients_test.go", program: callByParley,
	},
	{
		name: "kolo", language: "Go", library: "kolo/xmlrpc", file: "goclients_test.go", program: callByKolo,
		note:    "The client reads empty text as nil into a variable of any type. Binary is, either way, the base64 that a program makes or reads by itself. A fault reaches it as text.",
		version: "sed -n 's|.*github.com/kolo/xmlrpc *||p' ../../go.mod",
	},
	{
		name: "python", language: "Python", library: "xmlrpc.client", file: "python.py",
		note:     "`xmlrpc.client` refuses to write integers beyond 32 bits; it reads them. It writes None if a program sets `allow_none`, as this one does.",
		packages: []string{"python3"},
		version:  "$PYTHON -c 'import platform; print(platform.python_version())'",
		run:      "$PYTHON $SRC $URL",
	},
	{
		name: "ruby", language: "Ruby", library: "xmlrpc", file: "ruby.rb", live: true,
		note:     "Integers beyond 32 bits are sent once a program sets `XMLRPC::Config::ENABLE_BIGINT`; they are read. Nil is an error both ways, unless a program sets `ENABLE_NIL_CREATE` and `ENABLE_NIL_PARSER` there, as this one does: `Server.Values.NoNil` is for those that do not.",
		packages: []string{"ruby-xmlrpc"},
		version:  debian("ruby-xmlrpc"),
		run:      "ruby $SRC $URL",
	},
	{
		name: "rpcxml", language: "Perl", library: "RPC::XML", file: "rpcxml.pl", live: true,
		note:     "The library guesses the type of a scalar, and takes what is beyond 1e37 for a text. `RPC::XML::double->new(1e300)` is sent as a double.",
		packages: []string{"librpc-xml-perl"},
		version:  debian("librpc-xml-perl"),
		run:      perl,
	},
	{
		name: "frontier", language: "Perl", library: "Frontier::RPC", file: "frontier.pl", live: true,
		note:     "The library writes each byte of a text beyond ASCII as a number of its own, and cannot write characters beyond ISO-8859-1 at all. It knows neither nil nor integers beyond 32 bits, which it sends all the same, and cannot read.",
		packages: []string{"libfrontier-rpc-perl"},
		version:  debian("libfrontier-rpc-perl"),
		run:      perl,
	},
	{
		name: "php", language: "PHP", library: "xmlrpc", file: "php.php", live: true,
		note:     "Without options the extension takes each byte of a text for a letter of ISO-8859-1. Its integers have 32 bits: it reads an `<i8>` as null, and of a longer `<int>` the lower 32 bits, both without an error. `Server.Values.Int32Only` has such an answer be a fault; `LongInt` is not for PHP. It reads nil, which it writes as empty text, and an empty array may have been meant as a struct.",
		packages: []string{"php-cli", "php-xmlrpc"},
		version:  debian("php-xmlrpc"),
		run:      "php $SRC $URL",
	},
	{
		name: "php-utf8", language: "PHP", library: "xmlrpc, told to write UTF-8", file: "php.php", live: true,
		note:     "With the options that a program in UTF-8 needs, texts arrive.",
		packages: []string{"php-cli", "php-xmlrpc"},
		version:  debian("php-xmlrpc"),
		run:      "php $SRC $URL utf-8",
	},
	javascript("npm-xmlrpc", "xmlrpc", numbers),
	javascript("homematic", "homematic-xmlrpc", numbers+" It writes a text with `<` as CDATA, and does not see that `]]>` in the text ends that: not XML."),
	javascript("foxglove", "@foxglove/xmlrpc", numbers+" It writes a text with `<` as CDATA, and refuses one that holds `]]>` as well. It reads nil as undefined."),
	javascript("davexmlrpc", "davexmlrpc", numbers+" It sends no Content-Type. It knows no nil: null goes out as an empty struct. Binary comes back as text that was decoded as UTF-8.").with(allowMissingContentType),
}, rarerPeers...)
