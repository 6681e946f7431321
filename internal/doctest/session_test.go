//go:build unix

package doctest

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// play runs a session whose backticks are written as single quotation marks.
func play(t *testing.T, text string, set func(*Session)) (dir string, err error) {
	t.Helper()
	d, err := Parse("x.md", strings.ReplaceAll(text, "'''", "```"))
	if err != nil {
		t.Fatal(err)
	}
	s := &Session{Document: d, Dir: t.TempDir(), Env: []string{"PATH=" + os.Getenv("PATH")}}
	if set != nil {
		set(s)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	return s.Dir, s.Run(ctx)
}

func TestSession(t *testing.T) {
	dir, err := play(t, `
'''text file=sub/words
one
'''

'''sh run
cat sub/words
cd sub
echo two \
  three
'''

'''text output
one
...
... three
'''

'''text file=words
four
'''

'''sh start
cat words && sleep 600
'''

'''text output
four
'''

'''sh run needs=nothing-of-this-name
exit 1
'''
`, func(s *Session) { s.Has = func(name string) bool { return name == "sh" } })
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "sub", "words")); string(got) != "four\n" || err != nil {
		t.Errorf("words: got %q, %v; want that of the folder where the run ended", got, err)
	}
}

func TestSessionFindsWhatIsNotSo(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"command fails":         {"'''sh run\nfalse\ntrue\n'''", "x.md:1: doctest: sh: exit status 1"},
		"other output":          {"'''sh run\necho 8\n'''\n'''text output\n9\n'''", "x.md:4: doctest: got\n8"},
		"more output":           {"'''sh run\necho 8; echo 9\n'''\n'''text output\n8\n'''", "want\n8"},
		"less output":           {"'''sh run\necho 8\n'''\n'''text output\n8\n9\n'''", "want\n8\n9"},
		"output of nothing":     {"'''text output\n8\n'''\n'''sh run\ntrue\n'''", "no run is before"},
		"output twice":          {"'''sh run\necho 8\n'''\n'''text output\n8\n'''\n'''text output\n8\n'''", "no run is before"},
		"unused file":           {"'''python file=a.py\n1\n'''\n'''sh run\necho b.py\n'''", "uses the file a.py"},
		"start ends":            {"'''sh start\necho 1; echo no >&2\n'''\n'''text output\n2\n'''", "has ended: got\n1\nno"},
		"start without output":  {"'''sh start\nsleep 600\n'''", "an output block has to follow"},
		"restart of nothing":    {"'''sh restart\nsleep 600\n'''", "nothing runs that"},
		"start before a run":    {"'''sh start\nsleep 600\n'''\n'''sh run\ntrue\n'''", "x.md:4: doctest: nothing says"},
		"server does not start": {"'''sh run\nparley serve\n'''", "parley serve has ended"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := play(t, test.text, func(s *Session) {
				s.Env = append(s.Env, "PATH=/bin:/usr/bin") // no parley
			})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v; want %q", err, test.want)
			}
		})
	}
}

// A restart takes the place of the last start, and of no other one.
func TestSessionStartsAgain(t *testing.T) {
	_, err := play(t, `
'''sh start
trap 'rm first; exit' TERM; touch first; echo up; while sleep 0.1; do :; done
'''

'''text output
up
'''

'''sh start
trap 'rm second; exit' TERM; touch second; echo up; while sleep 0.1; do :; done
'''

'''text output
up
'''

'''sh restart
ls; echo again; sleep 600
'''

'''text output
first
again
'''
`, nil)
	if err != nil {
		t.Fatal(err)
	}
}

// A session leaves nothing running, not even what a command left behind.
func TestSessionEndsWhatItStarted(t *testing.T) {
	var held *os.File // whose other end the processes have
	_, err := play(t, `
'''sh start
sh -c 'exec 9>fifo; echo up; exec sleep 600' & wait
'''

'''text output
up
'''

'''sh run
sh -c 'exec 9>fifo; exec >&- 2>&-; exec sleep 600' &
sleep 600 9>fifo >/dev/null 2>&1 &
'''
`, func(s *Session) {
		name := filepath.Join(s.Dir, "fifo")
		if err := syscall.Mkfifo(name, 0o600); err != nil {
			t.Fatal(err)
		}
		var err error
		if held, err = os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { held.Close() })
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := held.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := held.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("got %v; want that no process has the file open any more", err)
	}
}

func TestPortsGetOtherNumbers(t *testing.T) {
	given := map[int]int{8080: 18080, 16000: 26000}
	number := func(old int) (int, error) { return given[old], nil }
	text := `http://127.0.0.1:8080/RPC2 ("127.0.0.1", 16000) localhost:8080 port 8080`
	want := `http://127.0.0.1:18080/RPC2 ("127.0.0.1", 26000) localhost:18080 port 8080`
	got, err := renumber([]Block{{Text: text}}, number)
	if err != nil || got[0].Text != want {
		t.Errorf("got %v, %v; want %s", got, err, want)
	}
	for line, want := range map[string]string{
		"parley serve  # the adder":                    "parley serve  --xmlrpc 127.0.0.1:18080 --native 127.0.0.1:26000",
		"parley serve --xmlrpc off":                    "parley serve --xmlrpc off --native 127.0.0.1:26000",
		"parley serve --config parley.toml --xmlrpc x": "parley serve --config parley.toml --xmlrpc x",
	} {
		if got, err := serveLine(line, number); got != want || err != nil {
			t.Errorf("%s: got %s, %v; want %s", line, got, err, want)
		}
	}
}

func TestFreePorts(t *testing.T) {
	number := FreePorts()
	seen := map[int]bool{}
	for old := 8080; old < 8180; old++ {
		n, err := number(old)
		if err != nil || seen[n] {
			t.Fatalf("port %d: got %d, %v; want one that no other has", old, n, err)
		}
		seen[n] = true
		if again, err := number(old); again != n || err != nil {
			t.Fatalf("port %d: got %d, %v; want %d once more", old, again, err, n)
		}
	}
}
