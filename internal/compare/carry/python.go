package carry

import (
	"bufio"
	"context"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/parley-rpc/parley/internal/compare"
	"github.com/parley-rpc/parley/internal/faultproxy"
)

//go:embed clients.py
var clientsPy string

//go:embed trials.py
var trialsPy string

// pythonTimeout is what the program may take for all of its trials.
const pythonTimeout = 2 * time.Minute

// order is what the program in Python is told.
type order struct {
	Lane  string               `json:"lane"`
	Seen  map[string][2]string `json:"seen"`  // what a function should see of the value of each row
	Lines [2]string            `json:"lines"` // what the function line should answer

	ByLength string `json:"by_length"`

	Blobs   []int `json:"blobs"`
	Lengths []int `json:"lengths"`
	Depths  []int `json:"depths"`

	Host      string `json:"host"` // of the native server, with Port
	Port      int    `json:"port"`
	Authkey   string `json:"authkey"` // in hex
	URL       string `json:"url"`     // of that for XML-RPC
	Proxy     [2]any `json:"proxy"`   // host and port, on the way to the server of the lane
	Unix      string `json:"unix"`
	WebUnix   string `json:"web_unix"`
	TLS       [2]any `json:"tls"`
	Mutual    [2]any `json:"mutual"`
	Web       string `json:"web"`
	HTTPS     string `json:"https"`
	HTTPSOpen string `json:"https_open"`
	CA        string `json:"ca"`
	Cert      string `json:"cert"`
	AuthText  string `json:"auth_text"`
	Password  string `json:"password"`
	Key       string `json:"key"`
}

// answer is a line of the program.
type answer struct {
	Python  string `json:"python"` // its version, in the first one
	Name    string `json:"name"`
	Verdict string `json:"verdict"`
	Note    string `json:"note"`
}

// tryPython runs the trials of a column of Python, and returns their outcomes by the
// names of the rows. Without an interpreter all rows are untried, with the reason.
func tryPython(ctx context.Context, w *world, python, name string) (map[string]compare.Outcome, error) {
	if python == "" {
		return untried("there is no python3"), nil
	}
	ctx, cancel := context.WithTimeout(ctx, pythonTimeout)
	defer cancel()
	o, done, err := w.order(name)
	if err != nil {
		return nil, err
	}
	defer done()
	input, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, python, "-I", "-c", clientsPy+"\n\n"+trialsPy)
	cmd.WaitDelay = time.Second
	cmd.Stdin = strings.NewReader(string(input))
	var output, complaint strings.Builder
	cmd.Stdout, cmd.Stderr = &output, &complaint
	err = cmd.Run()
	outcomes, began, bad := outcomesOf(output.String())
	if !began && ctx.Err() == nil {
		return untried("python3 does not start: " + lastLine(complaint.String(), err)), nil
	}
	if err != nil {
		bad = append(bad, fmt.Errorf("the program ends with %w: %s", err, complaint.String()))
	}
	return outcomes, errors.Join(bad...)
}

// untried is the outcome of all rows of a column.
func untried(why string) map[string]compare.Outcome {
	outcomes := map[string]compare.Outcome{}
	for _, t := range trials() {
		outcomes[t.name] = compare.Outcome{Verdict: Untried, Note: why}
	}
	return outcomes
}

func lastLine(complaint string, err error) string {
	lines := strings.Split(strings.TrimSpace(complaint), "\n")
	if last := lines[len(lines)-1]; last != "" {
		return oneLine(last)
	}
	return fmt.Sprint(err)
}

// outcomesOf reads what the program has written.
func outcomesOf(output string) (outcomes map[string]compare.Outcome, began bool, bad []error) {
	outcomes = map[string]compare.Outcome{}
	rows := map[string]bool{}
	for _, t := range trials() {
		rows[t.name] = true
	}
	times := map[string]any{}
	for _, v := range values() {
		if _, ok := v.dynamic.(time.Time); ok {
			times[v.name] = v.dynamic
		}
	}
	lines := bufio.NewScanner(strings.NewReader(output))
	for lines.Scan() {
		var a answer
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			bad = append(bad, fmt.Errorf("the program writes %q: %w", lines.Text(), err))
			continue
		}
		switch {
		case a.Python != "":
			began = true
		case !rows[a.Name]:
			bad = append(bad, fmt.Errorf("the program tries %q, which is no row", a.Name))
		case a.Verdict == No && strings.HasSuffix(a.Note, "deadline exceeded"): // see ranOut
			bad = append(bad, fmt.Errorf("%s: the server had no time: %s", a.Name, a.Note))
		case a.Verdict == Yes, a.Verdict == Changed, a.Verdict == No:
			if sent, ok := times[a.Name]; ok && a.Verdict == Changed {
				a.Note = became(sent, kindOf(sent), a.Note)
			}
			outcomes[a.Name] = compare.Outcome{Verdict: a.Verdict, Note: oneLine(a.Note)}
		default:
			bad = append(bad, fmt.Errorf("%s: %s", a.Name, a.Note))
		}
	}
	if err := lines.Err(); err != nil {
		bad = append(bad, err)
	}
	return outcomes, began, bad
}

// order is what the program needs to know of the world. done ends what was made for it.
func (w *world) order(name string) (o order, done func(), err error) {
	p, err := w.people()
	if err != nil {
		return order{}, nil, err
	}
	server := hostOf(w.webURL)
	if name == pythonLane {
		server = hostOf(w.nativeURL)
	}
	proxy, err := faultproxy.New("tcp", "127.0.0.1:0", "tcp", server)
	if err != nil {
		return order{}, nil, err
	}
	w.service.onCut(name, proxy.Hangup)
	native := address(hostOf(w.nativeURL))
	o = order{
		Lane: name, Seen: map[string][2]string{},
		Lines:    [2]string{fmt.Sprint(line{Item: "tea"}), fmt.Sprint(line{Item: "tea", Qty: 2})},
		ByLength: byLength,
		Blobs:    blobs[:], Lengths: lengths[:], Depths: depths[:],
		Host: native[0].(string), Port: native[1].(int), Authkey: hex.EncodeToString(w.key.Reveal()),
		URL: w.webURL, Proxy: address(proxy.Addr()),
		Unix: w.socket("native"), WebUnix: w.socket("web"),
		TLS: address(hostOf(p.tlsURL)), Mutual: address(hostOf(p.mutualURL)),
		Web: p.webURL, HTTPS: p.httpsURL, HTTPSOpen: p.httpsOpenURL, CA: p.caFile, Cert: p.certFile,
		AuthText: authText, Password: password, Key: p.webKey.Reveal(),
	}
	for _, v := range values() {
		if !v.ofGo {
			o.Seen[v.name] = [2]string{kindOf(v.dynamic), show(v.dynamic)}
		}
	}
	return o, func() { proxy.Close() }, nil
}

// address is a host and a port, as Python has them.
func address(hostPort string) [2]any {
	host, text, _ := strings.Cut(hostPort, ":")
	port, _ := strconv.Atoi(text) // made by a listener
	return [2]any{host, port}
}
