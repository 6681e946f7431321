# -*- coding: utf-8 -*-
"""A program that uses multiprocessing.managers, for every Python from 2.7 on. Its
arguments are a key, host, port, serializer, and the ways to start a process."""
import copy, gc, multiprocessing, pickle, sys, threading
from multiprocessing.managers import AutoProxy, BaseManager, BaseProxy, RemoteError

class M(BaseManager):
    pass

class Functions(BaseProxy):
    def add(self, x, y):
        return self._callmethod('add', (x, y))

M.register('rpc')
M.register('catalog', exposed=['find'])
M.register('deep.down', method_to_typeid={'reach': 'rpc'})
M.register('system')
M.register('nosuch')
M.register('typed', proxytype=Functions)

def connect():
    m = M((sys.argv[2], int(sys.argv[3])), sys.argv[1].encode('ascii'), serializer)
    m.connect()
    return m

def equal(got, want):
    assert got == want, (got, want)

def raises(kinds, text, function, *args, **kwargs):
    try:
        got = function(*args, **kwargs)
    except Exception as e:
        kinds = (RemoteError,) if xml else kinds
        assert type(e) in kinds and len(e.args) == 1 and text in e.args[0], repr(e)
        assert xml or e.args[0] == text, repr(e)
    else:
        assert False, repr(got)

def no_attribute(o, name):
    assert not hasattr(o, name), name

def calls(rpc):
    equal(rpc.add(3, 5), 8)
    equal(rpc.add(u'h\u00e9 \U0001F600', u'\u20ac'), u'h\u00e9 \U0001F600\u20ac')
    equal(rpc.add(b='y', a='x'), 'xy')
    equal(rpc.add([1, 2, 3], [4, 5]), [1, 2, 3, 4, 5])
    equal(rpc.describe('hammer', price=7, note='new'), 'hammer 7 new')
    equal(rpc.nothing(), None)
    equal(rpc.identity(None), None)
    equal(rpc.count(5), [0, 1, 2, 3, 4]) # a stream
    equal(rpc.identity(list(range(20000))), list(range(20000)))
    equal(rpc.identity({'a': [1, {'b': None}], u'\u20ac': 1.5, 'c': True}), {'a': [1, {'b': None}], u'\u20ac': 1.5, 'c': True})
    blob = bytearray(range(256)) * 100
    if xml:
        got = rpc.identity(xmlrpclib.Binary(bytes(blob)))
        equal(got.data, bytes(blob))
        equal(rpc.identity((1, 2)), [1, 2])
        equal(rpc.add(2**31 - 1, 1), 2**31)
        equal(rpc.aset(), [1, 2])
        raises((), ': result[0]: XML-RPC has no form for a complex', rpc.acomplex)
    else:
        equal(rpc.identity(blob), blob)
        equal(rpc.identity((1, (2,))), (1, (2,)))
        equal(rpc.add(2**64, 1), 2**64 + 1)
        equal(rpc.aset(), set([1, 2]))
        equal(rpc.acomplex(), [1 + 2j])
    raises((TypeError,), 'fault -32602: add: cannot add int and string', rpc.add, 1, 'x')
    raises((TypeError,), 'fault -32602: add: expected 2 arguments (a, b), got 1', rpc.add, 1)
    raises((TypeError,), 'fault -32602: identity: keyword arguments are not taken: got x', rpc.identity, x=1)
    raises((RuntimeError,), 'fault -32500: oh no', rpc.fail, 'oh no')
    raises((RuntimeError,), 'fault 17: out of paper', rpc.fault, 17, 'out of paper')
    raises((AttributeError,), 'fault -32601: method not found: nosuch', rpc._callmethod, 'nosuch')
    raises((RuntimeError,), u'fault -32500: no ' + (r'\u20ac' if xml else u'\u20ac'), rpc.fail, u'no \u20ac')
    equal(rpc.add(3, 5), 8)

def namespaces(m):
    catalog = m.catalog()
    equal(catalog.find('saw'), 'a saw')
    equal(catalog.find(name='saw'), 'a saw')
    equal(getattr(m, 'deep.down')().reach(), 'deep')
    assert 'catalog.find' in m.system().listMethods()
    equal(m.system().ping(), 'pong')
    rpc = m.rpc()
    for odd in ('print', '_secret', 'class', 'rpc', 'find', 'denied'):
        no_attribute(rpc, odd)
    if not xml:
        equal(rpc._callmethod('print'), 'printed')
    equal(rpc._callmethod('catalog.find', ('saw',)), 'a saw')
    equal(str(catalog), '<namespace catalog: find>')
    assert 'typeid' in repr(catalog)
    m.typed # is registered here, and not there
    raises((AttributeError,), 'fault -32601: no namespace is named nosuch: there is catalog, deep.down, rpc, system', m.nosuch)
    raises((TypeError,), 'fault -32602: create: expected no arguments to the namespace rpc, whose functions take them', m.rpc, 1)
    raises((RuntimeError,), 'fault -32600: the namespace rpc has no value to copy: call its functions', rpc._getvalue)

def management(m):
    from multiprocessing.managers import dispatch
    def ask(*args):
        conn = m._Client(m._address, authkey=m._authkey)
        return dispatch(conn, None, *args)
    equal(m._number_of_objects(), 4)
    assert '<namespace catalog: find>' in m._debug_info()
    raises((RuntimeError,), "fault -32600: shutdown is refused: the server is not the manager's own; it goes on", ask, 'shutdown')
    raises((AttributeError,), 'fault -32601: managers have no explode', ask, 'explode')
    raises((AttributeError,), 'fault -32601: no namespace is named 7f00: there is catalog, deep.down, rpc, system', ask, 'incref', ('7f00',))
    equal(ask('decref', ('7f00',)), None)
    equal(list(ask('get_methods', ('catalog',))), ['find'])
    equal(ask('incref', ('catalog',)), None)
    for i in range(20):
        proxy = m.rpc()
        equal(proxy.add(i, 1), i + 1)
        del proxy
        gc.collect()
    equal(m._number_of_objects(), 4)

def threads(m):
    rpc, failed = m.rpc(), []
    def work(n):
        try:
            for i in range(50):
                equal(rpc.add(n, i), n + i)
        except Exception as e:
            failed.append(repr(e))
    all = [threading.Thread(target=work, args=(1000 * n,)) for n in range(8)]
    for t in all:
        t.start()
    for t in all:
        t.join()
    assert not failed, failed

def child(rpc, queue):
    try:
        queue.put(rpc.add(3, 5))
    except Exception as e:
        queue.put(repr(e))

def processes(m):
    rpc = m.rpc()
    equal(rpc.add(1, 1), 2) # the parent has a connection, which the child must not use
    for way in sys.argv[5:]:
        context = multiprocessing.get_context(way) if sys.version_info[0] > 2 else multiprocessing
        queue = context.Queue()
        p = context.Process(target=child, args=(rpc, queue))
        p.start()
        equal(queue.get(), 8)
        p.join()
        equal(rpc.add(2, 2), 4)

def copies(m):
    rpc = m.rpc()
    again = pickle.loads(pickle.dumps(rpc))
    equal(again.add(3, 5), 8)
    equal(copy.copy(rpc).add(3, 5), 8)
    del rpc
    gc.collect()
    equal(again.add(3, 5), 8)
    if not xml: # which has no form for a Token
        equal(AutoProxy(again._token, serializer, authkey=m._authkey).add(3, 5), 8)
    equal(Functions(again._token, serializer, authkey=m._authkey).add(3, 5), 8)

class Odd(object):
    pass

class Run(object):
    def __reduce__(self):
        import os
        return os.system, ('true',)

def unread(m):
    if not xml: # which makes a dict of it
        break_connection(m.rpc())
        gc.collect() # there is no proxy left
        equal(m.rpc().add(3, 5), 8)

def not_read(rpc, value, name):
    try:
        got = rpc.identity(value)
    except TypeError as e:
        assert '-32602' in e.args[0] and name in e.args[0], repr(e)
    else:
        assert False, repr(got)

def break_connection(rpc):
    not_read(rpc, Odd(), '__main__.Odd')
    equal(rpc.add(3, 5), 8)
    not_read(rpc, Run(), '.system')
    try:
        got = rpc.add(3, 5) # the connection of this thread was closed
    except (EOFError, IOError, OSError):
        pass
    else:
        assert False, repr(got)

def wrong_key(m):
    from multiprocessing import AuthenticationError
    other = M(m.address, b'x' * 32, serializer)
    try:
        other.connect()
    except (AuthenticationError, EOFError, IOError):
        pass
    else:
        assert False

if __name__ == '__main__':
    serializer = sys.argv[4]
    xml = serializer == 'xmlrpclib'
    if xml:
        try:
            import xmlrpc.client as xmlrpclib
        except ImportError:
            import xmlrpclib
    m = connect()
    multiprocessing.current_process().authkey = m._authkey # for proxies that are unpickled
    for part in (lambda m: calls(m.rpc()), namespaces, management, threads, copies, processes, unread, wrong_key):
        part(m)
    sys.stdout.write('ok\n')
else:
    serializer = xml = None # imported by a child that was spawned
