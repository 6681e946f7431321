package interop

// rarerPeers are compiled programs and those in the rarer languages.
var rarerPeers = []peer{
	{
		name: "xmlrpc-lite", language: "Perl", library: "XMLRPC::Lite", file: "xmlrpc-lite.pl", live: true,
		note:     "The library guesses the type of a scalar. It takes a text beyond ASCII for binary, and cannot write one with characters beyond ISO-8859-1 that way: such a text needs `XMLRPC::Data->type(string => $text)`, as in the program. It reads nil, which it writes as empty text, and does not read `<i8>`: `Server.Values.Int32Only` has such an answer be a fault.",
		packages: []string{"libxmlrpc-lite-perl"},
		version:  debian("libxmlrpc-lite-perl"),
		run:      perl,
	},
	{
		name: "xmlrpc-c", language: "C", library: "xmlrpc-c", file: "xmlrpc-c.c", live: true,
		note:     "The library refuses texts with characters beyond the Basic Multilingual Plane, as 🌍 is, before it sends them; the rest of the text arrives and comes back. What it reads as a double may differ in the last digit. It reads answers of up to 512 KiB, and more after `xmlrpc_limit_set(XMLRPC_XML_SIZE_LIMIT_ID, n)`.",
		packages: []string{"g++", "libxmlrpc-core-c3-dev"},
		version:  debian("libxmlrpc-core-c3-dev"),
		build:    "gcc -O0 -o $BIN/interop $SRC -lxmlrpc_client -lxmlrpc -lxmlrpc_util",
		run:      "$BIN/interop $URL",
	},
	{
		name: "ros", language: "C++", library: "xmlrpcpp of ROS", file: "ros.cpp", live: true,
		note:     "The library writes the fields of a `struct tm` as they are, years since 1900 and months from 0, which is no date. A program that sets `tm_year` to 2024 and `tm_mon` to 2 sends this one, and gets it back so. Integers have 32 bits and there is no nil: `execute` returns false for an answer that is one of these, and a list is cut off before it without an error. `Server.Values.Int32Only` and `Server.Values.NoNil` have such an answer be a fault.",
		packages: []string{"g++", "libxmlrpcpp-dev"},
		version:  debian("libxmlrpcpp-dev"),
		build:    "g++ -O0 -o $BIN/interop $SRC -lxmlrpcpp",
		run:      "$BIN/interop $URL",
	},
	{
		name: "axmlrpc", language: "Java", library: "aXMLRPC", file: "axmlrpc.java", live: true,
		note:     "The library decodes the entities of a text that the parser of XML has decoded already: `&amp;` in a text comes back as `&`, unless the client has `FLAGS_NO_STRING_DECODE`. Without `FLAGS_8BYTE_INT` and `FLAGS_NIL`, which the program sets, it neither sends nor reads integers beyond 32 bits and nil; `Server.Values.Int32Only` and `Server.Values.NoNil` have such an answer be a fault.",
		packages: []string{"default-jdk-headless", "libaxmlrpc-java"},
		version:  debian("libaxmlrpc-java"),
		build:    "javac -encoding UTF-8 -cp /usr/share/java/axmlrpc.jar -d $BIN $SRC",
		run:      "java -cp $BIN:/usr/share/java/axmlrpc.jar Interop $URL",
	},
	{
		name: "ocaml", language: "OCaml", library: "XmlRpc Light", file: "ocaml.ml", live: true,
		note:     "The library writes integers beyond 32 bits as `<int>` and does not read `<i8>`: `Server.Values.Int32Only` has such an answer be a fault. It takes seconds to read a text of a megabyte with many `&` and `<` in it.",
		packages: []string{"ocaml-nox", "ocaml-findlib", "libxmlrpc-light-ocaml-dev"},
		version:  debian("libxmlrpc-light-ocaml-dev"),
		// The compiler writes beside its source.
		build: "cp $SRC $BIN/interop.ml && ocamlfind ocamlopt -w -58 -package xmlrpc-light -linkpkg -o $BIN/interop $BIN/interop.ml",
		run:   "$BIN/interop $URL",
	},
	{
		name: "lua", language: "Lua", library: "Lua XML-RPC", file: "lua.lua", live: true,
		note:     "The library writes text as it stands, so that a program must write `&amp;` and `&lt;` itself. It writes numbers with 14 digits, and whole ones as `<int>`, however large. Dates and binary cannot be written, and are read as the text in the document; `<i8>` and `<nil/>` are not read: `Server.Values.Int32Only` and `Server.Values.NoNil` have such an answer be a fault.",
		packages: []string{"lua5.1", "lua-xmlrpc"},
		version:  debian("lua-xmlrpc"),
		run:      "lua5.1 $SRC $URL",
	},
	{
		name: "tcl", language: "Tcl", library: "xmlrpc", file: "tcl.tcl", live: true,
		note:     "The library writes and reads text as it stands in the document: a program must write and read `&amp;` and `&lt;` itself, in the text of a fault too. It counts characters where HTTP counts bytes, so that text beyond ASCII does not survive, unless a program sets `encoding system iso8859-1` and converts texts to UTF-8 and back. It posts to `//RPC2` for the path `/RPC2`, which our server takes, and sends no Host. `<i8>` and `<nil/>` are not read: `Server.Values.Int32Only` and `Server.Values.NoNil` have such an answer be a fault.",
		packages: []string{"tcl", "tcl-xmlrpc"},
		version:  debian("tcl-xmlrpc"),
		run:      "tclsh $SRC $URL",
	},
	{
		name: "emacs", language: "Emacs Lisp", library: "xml-rpc.el", file: "emacs.el", live: true,
		note:     "Nil, false and the empty list are one value in the language, and the library writes it as false. `[]` is sent as an empty array, and comes back as nil; so do an empty struct, and text that is empty or white space alone.",
		packages: []string{"emacs-nox", "elpa-xml-rpc"},
		version:  debian("elpa-xml-rpc"),
		run:      "emacs -q --batch -l $SRC $URL",
	},
}
