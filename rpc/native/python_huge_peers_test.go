//go:build peers

package native

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/parley-rpc/parley/internal/peertest"
)

// hugeMessage takes the long form of the header.
const hugeMessage = 1<<31 + 17

// pyHuge sends and receives more than 2 GiB through the Connection of Python
// without having it in memory: what is sent is a mapping whose pages are not there
// but for three marks, and what comes is looked at piece by piece. 3.7 and older
// refuse.
const pyHuge = pyCommon + `
import mmap
from multiprocessing import connection
n = 2 ** 31 + 17
marks = (0, 2 ** 31 - 1, n - 1)
m = mmap.mmap(-1, n, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
for i in marks:
    m[i:i + 1] = b'!'
c = Client(address(url), authkey=key)
if sys.version_info < (3, 8):
    try:
        c.send_bytes(m)
    except Exception as e:
        say('refused')
    else:
        assert False
    sys.exit()
c.send_bytes(m)
m.close()
class Sink:
    def __init__(self):
        self.n, self.kept, self.found = 0, b'', []
    def write(self, chunk):
        if self.n < 16:
            self.kept += chunk[:16]
        i = chunk.find(b'!')
        while i >= 0:
            self.found.append(self.n + i)
            i = chunk.find(b'!', i + 1)
        self.n += len(chunk)
        assert self.n - len(chunk) < 16 or chunk.count(b'\0') + chunk.count(b'!') == len(chunk)
    def tell(self):
        return self.n
    def getvalue(self):
        return self.kept if self.n <= 16 else self
class IO:
    BytesIO = Sink
connection.io = IO
got = c.recv_bytes()
assert got.n == n and got.found == list(marks), (got.n, got.found)
say('ok')
`

// TestLiveHugeMessage passes a message of more than 2 GiB both ways. It takes up to
// 4 GiB of memory on the side of Go.
func TestLiveHugeMessage(t *testing.T) {
	for _, v := range peertest.Pythons(t) {
		t.Run(v.String(), func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
			defer cancel()
			l := testListener(t, testURL(t, "unix"), ListenConfig{Auth: keyFor(t, v, testKey), MaxMessage: hugeMessage})
			served := make(chan error, 1)
			go func() { served <- echoHuge(ctx, l) }()
			want := "ok"
			if !v.AtLeast(3, 8) {
				want = "refused"
			}
			if got := strings.TrimSpace(peertest.RunPython(t, ctx, v.Path, pyHuge, l.Addr(), testKey)); got != want {
				t.Errorf("got %q; want %s", got, want)
			}
			if err := <-served; want == "ok" && err != nil {
				t.Error(err)
			}
		})
	}
}

func echoHuge(ctx context.Context, l *Listener) error {
	c, err := l.Accept(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	data, err := c.RecvBytes(ctx)
	if err != nil {
		return err
	}
	for _, i := range []int{0, 1<<31 - 1, len(data) - 1} {
		if data[i] != '!' {
			return errors.New("a mark is not at its place")
		}
	}
	return c.SendBytes(ctx, data)
}
