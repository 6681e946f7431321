package native

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"sync"
	"testing"

	"github.com/parley-rpc/parley/rpc"
)

// Tests run their own binary once more as a child, where they need a process to
// kill, or to take descriptors from. The environment says what it is.
const (
	childRole = "PARLEY_TEST_CHILD"        // see runChild
	childURL  = "PARLEY_TEST_CHILD_URL"    // of the server
	childRuns = "PARLEY_TEST_CHILD_RUNS"   // a file that gets a line for each call that runs
	childFile = "PARLEY_TEST_CHILD_NOFILE" // how many descriptors it may have
)

// runChild is main in a child.
func runChild(role string) int {
	var err error
	switch role {
	case "server":
		err = childServer()
	case "client without descriptors":
		err = childWithoutDescriptors(os.Getenv(childURL))
	default:
		err = fmt.Errorf("no such role: %s", role)
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

// childServer serves until it is killed. It answers once(id), which is not to be
// repeated, after it has written id to its file, and block(id), which never
// returns.
func childServer() error {
	if err := limitDescriptors(os.Getenv(childFile)); err != nil {
		return err
	}
	runs, err := os.OpenFile(os.Getenv(childRuns), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	srv := &Server{
		Auth:   oneKey(testKey),
		Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)),
		Handler: callerFunc(func(ctx context.Context, req *rpc.Request) (any, error) {
			id, err := intArg(req)
			if err != nil {
				return nil, err
			}
			if _, err := fmt.Fprintln(runs, id); err != nil { // one write, and so a whole line
				return nil, err
			}
			if req.Method == "block" {
				<-ctx.Done()
			}
			return id, ctx.Err()
		}),
	}
	l, err := srv.Listen(os.Getenv(childURL))
	if err != nil {
		return err
	}
	fmt.Println("ready")
	return srv.Serve(l)
}

// child is a running child.
type child struct {
	cmd    *exec.Cmd
	stderr logBuffer
	kill   func() // with SIGKILL, and waits for its end
}

// startChild starts a child that says when it is ready. It is killed at the end
// of the test at the latest.
func startChild(t testing.TB, role string, env ...string) *child {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := &child{cmd: exec.Command(exe)}
	c.cmd.Env = append(os.Environ(), append(env, childRole+"="+role)...)
	c.cmd.Stderr = &c.stderr
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c.kill = sync.OnceFunc(func() {
		c.cmd.Process.Kill()
		c.cmd.Wait()
	})
	t.Cleanup(c.kill)
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "ready\n" {
		c.kill()
		t.Fatalf("the child: got %q, %v; want it to be ready\n%s", line, err, &c.stderr)
	}
	return c
}
