package pymatrix

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/parley-rpc/parley/internal/peertest"
)

// rowsScript is values.py with the rows that a Python has.
func rowsScript(t testing.TB, v version) string {
	t.Helper()
	base, err := os.ReadFile("testdata/values.py")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.Write(base)
	for _, r := range allRows() {
		if v.has(r.row) {
			fmt.Fprintf(&b, "rows.append((%d, %s, %q))\n", r.id, r.python, r.look)
			if r.object {
				fmt.Fprintf(&b, "object_rows.add(%d)\n", r.id)
			}
		}
	}
	return b.String()
}

// dumpRows prints pickles of all rows in all protocols.
const dumpRows = `
import binascii
for number, v, look in rows:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        try:
            data = pickle.dumps(v, protocol)
        except Exception:
            continue # which a protocol does not have
        if len(data) < 4000:
            print(binascii.hexlify(data).decode())
`

// seedScript is for the python3 of a test, whatever it is.
func seedScript(t testing.TB) string {
	return rowsScript(t, pythonVersion(t)) + dumpRows
}

// pythonVersion is the version of peertest.PythonOfProtocol5.
func pythonVersion(t testing.TB) version {
	t.Helper()
	out := peertest.RunPython(t, t.Context(), peertest.PythonOfProtocol5(t), "import sys\nprint(sys.version_info[0], sys.version_info[1])\n")
	var v version
	if _, err := fmt.Sscan(out, &v.major, &v.minor); err != nil {
		t.Fatal(err)
	}
	return v
}
