package main

import (
	"testing"

	"github.com/parley-rpc/parley/internal/peertest"
)

// everyManager connects by multiprocessing.managers with both serializers, and
// by XmlClient.
const everyManager = pythonClient + `
from multiprocessing.connection import XmlClient
from multiprocessing.managers import BaseManager, RemoteError
class Manager(BaseManager):
    pass
for name in ("rpc", "catalog", "system", "validator1", "nope"):
    Manager.register(name)
def raises(kind, text, function, *args):
    try:
        got = function(*args)
    except kind as e:
        assert text in str(e), e
    else:
        assert False, got
address = (sys.argv[1], int(sys.argv[2]))
for serializer, of in [("pickle", {}), ("xmlrpclib", dict((k, RemoteError) for k in (TypeError, AttributeError, RuntimeError)))]:
    m = Manager(address, key, serializer)
    m.connect()
    rpc = m.rpc()
    check(rpc.add(3, 5), 8)
    check(rpc.add(3, b=5), 8)
    check(rpc.echo(u"gr\u00fc\u00df", None, [1]), [u"gr\u00fc\u00df", None, [1]])
    check(m.catalog().get(2), {u"pid": 2, u"pname": u"Cup and saucer", u"pprice": 8.25})
    assert "catalog.get" in m.system().listMethods()
    assert hasattr(m.validator1(), "countTheEntities")
    raises(of.get(TypeError, TypeError), "-32602: add: cannot add int and string", rpc.add, 3, u"five")
    raises(of.get(AttributeError, AttributeError), "-32601", m.nope)
    raises(of.get(RuntimeError, RuntimeError), "-32500: oh no", rpc.fail, u"oh no")
c = XmlClient(address, authkey=key)
c.send(("add", (3, 5)))
check(c.recv(), 8)
c.send(("nope", ()))
raises(Exception, "-32601", c.recv)
print("done")
`

func TestLivePythonManagers(t *testing.T) {
	t.Parallel()
	eachPython(t, nil, func(t *testing.T, r *running, python peertest.PythonVersion) {
		if got := r.script(t, python, everyManager, r.keyFile()); got != "done\n" {
			t.Errorf("the script printed %q", got)
		}
	})
}
