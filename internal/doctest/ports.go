package doctest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"regexp"
	"strconv"
	"strings"
)

// port finds a port of the loopback interface, in URLs and addresses and as
// Python writes them, ("127.0.0.1", 16000).
var port = regexp.MustCompile(`(\b(?:127\.0\.0\.1|localhost)(?::|["'], ?))(\d{4,5})\b`)

// The ports that "parley serve" takes where it is told nothing.
const (
	xmlrpcPort = 8080
	nativePort = 16000
)

// FreePorts returns a Session.Port that gives each port a free one. They are none
// of those that systems give to outgoing connections, so that nothing takes them
// in the meantime.
func FreePorts() func(int) (int, error) {
	given, taken := map[int]int{}, map[int]bool{}
	return func(old int) (int, error) {
		if n, ok := given[old]; ok {
			return n, nil
		}
		var err error
		for range 100 {
			n := 20000 + rand.IntN(10000)
			if taken[n] {
				continue
			}
			var l net.Listener
			if l, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", n)); err == nil {
				given[old], taken[n] = n, true
				return n, l.Close()
			}
		}
		return 0, fmt.Errorf("doctest: no free port: %w", err)
	}
}

// renumber gives each port of the blocks another number.
func renumber(blocks []Block, number func(int) (int, error)) ([]Block, error) {
	if number == nil {
		return blocks, nil
	}
	var failed error
	renumbered := make([]Block, len(blocks))
	for i, b := range blocks {
		b.Text = port.ReplaceAllStringFunc(b.Text, func(place string) string {
			m := port.FindStringSubmatch(place)
			old, err := strconv.Atoi(m[2])
			if err == nil {
				old, err = number(old)
			}
			if err != nil {
				failed = fmt.Errorf("doctest: %s: port %s: %w", b, m[2], err)
			}
			return m[1] + strconv.Itoa(old)
		})
		renumbered[i] = b
	}
	return renumbered, failed
}

// isServe reports whether a command starts the server of the project.
func isServe(command string) bool {
	return command == "parley serve" || strings.HasPrefix(command, "parley serve ")
}

// serveLine is a command that starts the server, with the numbers of the ports
// that it would take otherwise.
func serveLine(command string, number func(int) (int, error)) (string, error) {
	command, _, _ = strings.Cut(command, " #")
	if number == nil || strings.Contains(command, "--config") {
		return command, nil
	}
	for _, side := range []struct {
		flag string
		port int
	}{{"--xmlrpc", xmlrpcPort}, {"--native", nativePort}} {
		if strings.Contains(command, side.flag) {
			continue
		}
		n, err := number(side.port)
		if err != nil {
			return "", err
		}
		command += fmt.Sprintf(" %s 127.0.0.1:%d", side.flag, n)
	}
	return command, nil
}
