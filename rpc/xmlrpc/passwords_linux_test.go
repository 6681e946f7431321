package xmlrpc_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// guardedPHC is the environment variable that makes a test binary the server of
// the test below, and holds the hash of ann's password.
const guardedPHC = "PARLEY_TEST_GUARDED_PHC"

// TestGuardedServer is no test: it is the process whose memory is measured.
func TestGuardedServer(t *testing.T) {
	phc := os.Getenv(guardedPHC)
	if phc == "" {
		return // it runs as a child of the test below
	}
	credentials, err := auth.NewCredentials([]auth.Entry{{ID: "ann", Identity: "ann", Use: auth.UseHTTP, PHC: phc}}, auth.CredentialsConfig{Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	srv := &xmlrpc.Server{Auth: credentials, Handler: registry(t, map[string]any{"whoami": whoami}), Logger: quiet}
	ln, err := srv.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		_, _ = io.Copy(io.Discard, os.Stdin) // until the parent is gone
		srv.Close()
	}()
	fmt.Println("listening", ln.Addr())
	if err := srv.Serve(ln); !errors.Is(err, xmlrpc.ErrServerClosed) {
		t.Fatal(err)
	}
	<-closed
}

// guarded starts such a server and returns its address and its process.
func guarded(t *testing.T, phc string) (addr string, p *os.Process) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestGuardedServer$")
	cmd.Env = append(os.Environ(), guardedPHC+"="+phc)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(stdout)
	t.Cleanup(func() {
		stdin.Close()
		_, _ = io.Copy(io.Discard, lines)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the server: %v", err)
		}
	})
	line, err := lines.ReadString('\n')
	addr, ok := strings.CutPrefix(strings.TrimSpace(line), "listening ")
	if err != nil || !ok {
		t.Fatalf("the server said %q, %v", line, err)
	}
	return addr, cmd.Process
}

// TestAllocationsOfWrongPasswordsAreBounded: 500 wrong passwords at the same time,
// again and again, neither take the memory of the server nor make a client wait
// whose password is known. What takes time or memory is measured without the race
// detector, and the best of three counts: the machine has other things to do.
func TestAllocationsOfWrongPasswordsAreBounded(t *testing.T) {
	const attackers, mostRise, mostWait = 500, 400 << 10, 100 * time.Millisecond
	secret, err := auth.NewPassphrase("ann", "correct horse battery staple")
	if err != nil {
		t.Fatal(err)
	}
	entry, err := secret.Entry(auth.UseHTTP, "ann")
	if err != nil {
		t.Fatal(err)
	}
	addr, server := guarded(t, entry.PHC)
	pid := server.Pid
	c := newClient(t, "http://"+addr, xmlrpc.ClientConfig{Login: secret})
	call := func() time.Duration {
		began := time.Now()
		if got, err := rpc.Invoke[string](bounded(t), c, "whoami"); err != nil || !strings.HasPrefix(got, "ann ") {
			t.Fatalf("the one who is known: got %q, %v", got, err)
		}
		return time.Since(began)
	}
	call()
	before := statusOf(t, pid, "VmRSS")
	if before == 0 {
		t.Fatal("no VmRSS in the status of the server")
	}

	over := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() { // a server that bounds nothing would take all the memory there is
		for {
			select {
			case <-over:
				return
			case <-time.After(20 * time.Millisecond):
			}
			if rise := statusOf(t, pid, "VmRSS") - before; !raceEnabled && rise > 2*mostRise {
				t.Errorf("the memory of the server has risen by %d MiB", rise>>10)
				_ = server.Kill()
				return
			}
		}
	})
	defer watch.Wait()
	defer close(over)

	var p99 time.Duration
	for try := range 3 {
		stop := make(chan struct{})
		var mu sync.Mutex
		answers := map[int]int{}
		var wg sync.WaitGroup
		for i := range attackers {
			wg.Go(func() {
				for n := 0; ; n++ {
					status := wrongLogin(addr, fmt.Sprintf("a guess %d %d %d", try, i, n))
					mu.Lock()
					answers[status]++
					mu.Unlock()
					select {
					case <-stop:
						return
					case <-time.After(time.Second): // as it is told
					}
				}
			})
		}
		var waits []time.Duration
		for began := time.Now(); time.Since(began) < 2*time.Second || len(waits) < 200; {
			waits = append(waits, call())
		}
		close(stop)
		wg.Wait()
		slices.Sort(waits)
		p99 = waits[len(waits)*99/100]
		t.Logf("%d calls: p50 %v, p99 %v, max %v; answers to the guesses: %v; peak memory +%d MiB",
			len(waits), waits[len(waits)/2], p99, waits[len(waits)-1], answers, (statusOf(t, pid, "VmHWM")-before)>>10)
		if answers[401] == 0 || answers[503] == 0 || answers[200] != 0 {
			t.Errorf("got the answers %v; want some 401, many 503 and nothing else", answers)
		}
		if raceEnabled || p99 < mostWait {
			break
		}
	}
	if raceEnabled {
		return
	}
	if p99 >= mostWait {
		t.Errorf("the one who is known waits %v in 1 of 100 calls; want less than %v", p99, mostWait)
	}
	if rise := statusOf(t, pid, "VmHWM") - before; rise >= mostRise {
		t.Errorf("the memory of the server rises by %d MiB; want less than %d", rise>>10, mostRise>>10)
	}
}

// wrongLogin tries a password and returns the status, 0 if there was no answer.
func wrongLogin(addr, password string) int {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return 0
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	_, _ = io.WriteString(c, request("POST / HTTP/1.1", addr, document("whoami"), "Content-Type: text/xml", "Authorization: "+basic("ann", password)))
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0
	}
	resp.Body.Close()
	return resp.StatusCode
}
