package python
import ("testing";"fmt";"os";"os/exec";"bufio";"strings")
func TestZZ(t *testing.T) {
	py := os.ExpandEnv("$HOME/.pyenv/versions/3.12.1/bin/python")
	_, url := serve(t, "tcp://127.0.0.1:0", key(t, true), Handler(testRegistry(t)))
	_, uurl := serve(t, "unix://"+t.TempDir()+"/s", key(t, true), Handler(testRegistry(t)))
	srv := exec.Command(py, "/tmp/pk/bench/s.py", testKey); o, _ := srv.StdoutPipe(); srv.Start(); line, _ := bufio.NewReader(o).ReadString('\n')
	sock := t.TempDir()+"/p"
	srv2 := exec.Command(py, "/tmp/pk/bench/s.py", testKey, sock); o2, _ := srv2.StdoutPipe(); srv2.Start(); bufio.NewReader(o2).ReadString('\n')
	defer srv.Process.Kill(); defer srv2.Process.Kill()
	for range 3 {
		for _, x := range [][2]string{{url,"go tcp "},{"tcp://x:"+strings.TrimSpace(line),"py tcp "},{uurl,"go unix"},{"unix://"+sock,"py unix"}} {
			out, err := exec.Command(py, "/tmp/pk/bench/c.py", x[0], testKey, x[1]).CombinedOutput()
			fmt.Print(string(out)); if err != nil { t.Error(err) }
		}
	}
}
