package carry

import (
	"strings"
	"testing"
)

// claims are what the documents say that a transport carries or does, in the words of
// the rows.
var claims = []struct {
	claim   string // where, and in short what
	row     string
	lane    string
	verdict string
	note    string // that it begins with
}{
	{"README: native carries sets", "a set", nativeLane, Yes, ""},
	{"README: native carries tuples", "a tuple", nativeLane, Yes, ""},
	{"README: native carries decimals", "a decimal", nativeLane, Yes, ""},
	{"README: native carries any keys", "a map with tuples as keys", nativeLane, Yes, ""},
	{"README: native carries large integers", "an integer of 101 bits", nativeLane, Yes, ""},
	{"README: over XML-RPC sets arrive as lists", "a set", xmlrpcLane, Changed, "a list"},
	{"README: over XML-RPC tuples arrive as lists", "a tuple", xmlrpcLane, Changed, "a list"},
	{"README: over XML-RPC what has no form is an error", "a complex number", xmlrpcLane, No, "XML-RPC has no form for a complex"},
	{"mapping: beyond 64 bits an error", "an integer of 101 bits", xmlrpcLane, No, "an integer of 101 bits does not fit"},
	{"mapping: NaN is an error", "NaN and the infinities", xmlrpcLane, No, "XML-RPC has no nan"},
	{"mapping: nil is <nil/>", "nil", xmlrpcLane, Yes, ""},
	{"mapping: control characters are an error", "a text with control characters", xmlrpcLane, No, "text holds U+0000"},
	{"mapping: a bytearray becomes binary", "a bytearray", xmlrpcLane, Changed, "bytes"},
	{"mapping: parts of a second are cut off", "parts of a second", xmlrpcLane, Changed, "its whole seconds"},
	{"mapping: zones are sent as the time in UTC", "a time with its zone", xmlrpcLane, Changed, "the same instant in UTC"},
	{"mapping: integer keys are decimal text, which map[int]T reads again", "a map with integer keys", xmlrpcLane, Changed, "a map with text keys; map[int]string"},
	{"mapping: other keys are an error", "a map with tuples as keys", xmlrpcLane, No, "the key of a map"},
	{"mapping: a decimal is an error", "a decimal", xmlrpcLane, No, "XML-RPC has no form for a decimal"},
	{"mapping: a nil slice is an empty list", "a list that is nil", nativeLane, Changed, "an empty list"},
	{"mapping: an entry without a field is skipped", "a record with a field more", xmlrpcLane, Yes, ""},
	{"mapping: a field without an entry is zero", "a record with a field less", nativeLane, Yes, ""},
	{"README: native messages of 16 MiB", "8 MiB of bytes", nativeLane, Yes, ""},
	{"README: native messages of 16 MiB at most", "16 MiB of bytes", nativeLane, No, "message too large"},
	{"README: native streams have no length limit", "20 MiB of bytes as an argument that is a stream", nativeLane, Yes, ""},
	{"README: XML-RPC messages of 4 MiB", "2 MiB of bytes", xmlrpcLane, Yes, ""},
	{"README: XML-RPC messages of 4 MiB at most", "4 MiB of bytes", xmlrpcLane, No, byLength},
	{"README: 262 144 elements", "a list of 50000 integers", nativeLane, Yes, ""},
	{"README: 262 144 elements at most", "a list of 300000 integers", nativeLane, No, "over the limit of 262144"},
	{"README: 64 containers in one another", "lists in one another, 60 deep", xmlrpcLane, Yes, ""},
	{"README: 64 containers in one another at most", "lists in one another, 100 deep", xmlrpcLane, No, "lists and maps more than 64 deep"},
	{"README: native streams item by item", "a result, item by item", nativeLane, Yes, ""},
	{"README: of any length", "a result without an end, which the caller stops", nativeLane, Yes, ""},
	{"README: a slow reader stops nobody else", "a reader that waits holds up nobody else", nativeLane, Yes, "on one connection"},
	{"README: XML-RPC streams are a list", "a result, item by item", xmlrpcLane, Changed, "a list"},
	{"README: of bounded size", "a result without an end, which the caller stops", xmlrpcLane, No, "the stream has more than 262144 items"},
	{"README: one connection, any number of calls at once", "8 calls at once of one client", nativeLane, Yes, "on one connection"},
	{"README: in both directions", "a function calls its caller", nativeLane, Yes, ""},
	{"README: kolo makes one call at a time", "8 calls at once of one client", koloLane, No, "one after another"},
	{"errors: a fault's code is the same on both", "a fault with its code", xmlrpcLane, Yes, ""},
	{"errors: may have run and is marked: made again", "a call whose connection breaks is made again, if it is marked as idempotent", nativeLane, Yes, "and others never"},
	{"errors: may have run and is marked: made once more", "a call whose connection breaks is made again, if it is marked as idempotent", xmlrpcLane, Yes, "and others never"},
	{"wire-xmlrpc: the deadline travels", "the deadline of the caller reaches the function", xmlrpcLane, Yes, ""},
	{"wire-xmlrpc: a client that leaves cancels the function", "a call that is cancelled ends its function", xmlrpcLane, Yes, ""},
	{"README: on loopback everyone may come in by XML-RPC", "without a login, from loopback", xmlrpcLane, Yes, ""},
	{"README: native peers prove an authkey", "with an authkey, that of Python's multiprocessing", nativeLane, Yes, "as neighbour"},
	{"README: native needs a login", "without a login, from loopback", nativeLane, No, "no authkey to use"},
	{"README: tls:// proves both ends without a certificate authority", "inside TLS, without a certificate authority", nativeLane, Yes, ""},
	{"README: or a client certificate", "with a certificate of the client", nativeLane, Yes, "as " + client},
	{"README: what the policy denies looks as if it did not exist", "each caller may call what the policy says", xmlrpcLane, Yes, ""},
	{"README: a revoked credential closes its connections", "a key that is revoked ends what it has begun", nativeLane, Yes, ""},
	{"README: browsers get a page", "a page for browsers", xmlrpcLane, Yes, ""},
	{"README: a curl at hand", "an HTTP request written by hand, as for curl", xmlrpcLane, Yes, ""},
	{"python: a stream is a list", "a result, item by item", pythonLane, Changed, "a list"},
	{"python: one call at a time on a connection", "8 calls at once of one client", pythonLane, Changed, "on a connection for each"},
	{"python: arguments by name", "arguments by name", pythonLane, Yes, ""},
	{"python: arguments that do not fit are a TypeError", "arguments that do not fit are told from other faults", pythonLane, Yes, "a TypeError"},
	{"python: a message above 16 MiB is answered", "16 MiB of bytes", pythonLane, No, "the message has more than 16777216 bytes"},
	{"python: closing the connection cancels the call", "a call that is cancelled ends its function", pythonLane, Changed, "by closing the connection"},
}

// What the documents claim is what trying finds. A claim about Python is held against
// the record, as the document is.
func TestClaims(t *testing.T) {
	table, recorded := triedGo(t), readRecord(t)
	for _, c := range claims {
		got, ok := recorded[c.lane][c.row]
		for _, a := range table {
			if a.Name == c.row && !ok {
				got, ok = a.Lanes[c.lane]
			}
		}
		if !ok || got.Verdict != c.verdict || !strings.HasPrefix(got.Note, c.note) {
			t.Errorf("%s: trying %q on %s: got %q, %q; want %q, %q", c.claim, c.row, c.lane, got.Verdict, got.Note, c.verdict, c.note)
		}
	}
}
