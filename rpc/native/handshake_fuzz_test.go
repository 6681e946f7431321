package native

import (
	"bytes"
	"context"
	"io"
	"net"
	"testing"
	"time"
)

// scriptedPeer is a connection to a peer that a script plays. What it sends is
// made when it is read, so that it can answer what was written before.
type scriptedPeer struct {
	net.Conn
	script []byte
	key    []byte // what it answers challenges with
	role   role   // of our side
	queue  []byte // made, not read yet
	wrote  []byte // by our side
	proofs int    // right answers that were given
}

// next makes the next thing that the peer sends, from an operation and, for
// some, a length and bytes.
func (p *scriptedPeer) next() bool {
	if len(p.script) == 0 {
		return false
	}
	op := p.script[0] % 12
	p.script = p.script[1:]
	take := func() []byte {
		if len(p.script) == 0 {
			return nil
		}
		n := min(int(p.script[0]), len(p.script)-1)
		b := p.script[1 : 1+n]
		p.script = p.script[1+n:]
		return b
	}
	other := map[role]role{listenerRole: dialerRole, dialerRole: listenerRole}
	var payload []byte
	switch op {
	case 0:
		p.queue = append(p.queue, take()...)
		return true
	case 1:
		payload = take()
	case 2:
		payload = []byte(welcome)
	case 3:
		payload = []byte(failure)
	case 4:
		payload = []byte(challengePrefix + pyMessage(true))
	case 5:
		payload = []byte(challengePrefix + pyMessage(false))
	case 6:
		payload = appendChallenge([]byte(challengePrefix), other[p.role], true)
	case 7:
		payload = appendChallenge([]byte(challengePrefix), p.role, true)
	case 8:
		payload = append([]byte(challengePrefix), take()...)
	case 9, 10, 11:
		at := bytes.LastIndex(p.wrote, []byte(challengePrefix))
		if at < 0 {
			return true
		}
		message := p.wrote[at+len(challengePrefix):]
		switch op {
		case 9:
			payload = append([]byte("{sha256}"), mac("sha256", p.key, message)...)
		case 10:
			payload = mac("sha256", p.key, message)
		case 11:
			payload = mac("md5", p.key, message)
		}
		p.proofs++
	}
	p.queue = append(appendFrameHeader(p.queue, len(payload)), payload...)
	return true
}

func (p *scriptedPeer) Read(b []byte) (int, error) {
	for len(p.queue) == 0 {
		if !p.next() {
			return 0, io.EOF
		}
	}
	n := copy(b, p.queue)
	p.queue = p.queue[n:]
	return n, nil
}

func (p *scriptedPeer) Write(b []byte) (int, error) {
	p.wrote = append(p.wrote, b...)
	return len(b), nil
}

func (p *scriptedPeer) SetDeadline(time.Time) error { return nil }

// FuzzHandshake lets a peer send anything in both roles. Without the key it
// never logs in; with it, only by a proof.
func FuzzHandshake(f *testing.F) {
	f.Add([]byte{9, 4, 2}, false, true, false)   // Python 3.12 dials
	f.Add([]byte{4, 2, 9, 2}, true, true, false) // and listens
	f.Add([]byte{11, 5, 2}, false, true, true)   // 3.11 dials
	f.Add([]byte{5, 2, 11}, true, true, true)    // and listens
	f.Add([]byte{10, 5, 2}, false, true, false)  // patched
	f.Add([]byte{5, 2, 10}, true, true, false)   // and listens
	f.Add([]byte{9, 6, 2}, false, true, false)   // our own kind
	f.Add([]byte{6, 2, 9}, true, true, false)    //
	f.Add([]byte{9, 7, 2}, false, true, false)   // reflection
	f.Add([]byte{7, 2, 9}, true, false, false)   //
	f.Add([]byte{9, 4, 2}, false, false, true)   // another key
	f.Add([]byte{1, 5, 0x80, 4, 'K', 1, '.'}, false, false, false)
	f.Add([]byte{0, 4, 0x7f, 0xff, 0xff, 0xff}, true, false, false)
	f.Add([]byte{8, 9, '{', 's', 'h', 'a', '2', '5', '6', '}', 'x'}, true, false, true)
	f.Fuzz(func(t *testing.T, script []byte, dialer, knows, md5 bool) {
		peer := &scriptedPeer{script: script, key: []byte("another"), role: listenerRole}
		if knows {
			peer.key = []byte(testKey)
		}
		auth := keys{texts: []string{testKey}, md5: md5}
		run := serverHandshake
		if dialer {
			peer.role, run = dialerRole, clientHandshake
		}
		result, err := run(context.Background(), peer, auth, true)
		if err != nil {
			if result != (handshakeResult{}) {
				t.Errorf("got %+v with error %v; want nothing", result, err)
			}
			return
		}
		if !knows || peer.proofs == 0 {
			t.Errorf("logged in with %d proofs, knowing the key: %v", peer.proofs, knows)
		}
		if result.Dialect == dialectMD5 && !md5 {
			t.Error("logged in with MD5")
		}
		if bytes.Contains(peer.wrote, []byte(failure)) || !bytes.Contains(peer.wrote, []byte(welcome)) {
			t.Errorf("logged in after %q", peer.wrote)
		}
	})
}
