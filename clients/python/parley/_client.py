"""The client: calls on one connection, one after another."""

from __future__ import annotations

import functools
import os
import pickle
import socket
import ssl
import threading
import weakref
from typing import Any, Callable, Dict, Iterable, Mapping, NoReturn, Optional, Sequence, Tuple, Type, Union

from . import _address, _link, _login, _pickle, _secrets
from ._deadline import Deadline, check_timeout
from ._errors import AnswerError, Error, LinkError, Timeout, fault_of
from ._secrets import Path

DEFAULT_TIMEOUT = 30.0
DEFAULT_CONNECT_TIMEOUT = 10.0
DEFAULT_MAX_MESSAGE = 16 << 20

# A login that has its secret; what it is made of is not reachable from repr.
_Login = Callable[[_link.Link, Deadline], None]


_clients: "weakref.WeakSet[Client]" = weakref.WeakSet()


def _forked() -> None:
    for client in list(_clients):
        client._forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


class Function:
    """A function of a server: call it, or take one below its name."""

    __slots__ = ("_client", "_name")

    def __init__(self, client: "Client", name: str) -> None:
        self._client = client
        self._name = name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._client.call(self._name, args, kwargs)

    def __getattr__(self, name: str) -> "Function":
        if name.startswith("__"):  # what copy, pickle and others look for
            raise AttributeError(name)
        return Function(self._client, "%s.%s" % (self._name, name))

    def __repr__(self) -> str:
        return "<function %s of %s>" % (self._name, self._client.address)


_LAST = b"; the connection is closed now"  # at the end of the answer to what the server could not read


class Client:
    """A connection to a server, made by connect.

    Attributes are the server's functions, but for those that this class has:
    client.add(3, 5), client.catalog.get(1). call reaches functions of any name.

    Calls are answered one after another; threads that share a client wait for
    each other, within their time-outs. A connection that broke, or that was
    closed because a call was not answered in time, is made anew by the next call.
    """

    def __init__(self, address: _address.Address, login: _Login, cafile: Optional[str], classes: Dict[str, Type[Any]],
                 timeout: float, connect_timeout: float, max_message: int) -> None:
        self._address = address
        self._login = login
        self._cafile = cafile
        self._classes = classes
        self._timeout = timeout
        self._connect_timeout = connect_timeout
        self._max_message = max_message
        self._lock = threading.Lock()  # guards the link while a call uses it
        self._link: Optional[_link.Link] = None
        self._closed = False
        _clients.add(self)

    @property
    def address(self) -> str:
        """Where the server is."""
        return str(self._address)

    @property
    def closed(self) -> bool:
        """Whether close was called."""
        return self._closed

    def __repr__(self) -> str:
        return "<parley client of %s%s>" % (self._address, ", closed" if self._closed else "")

    def __getattr__(self, name: str) -> Function:
        if name.startswith("_"):  # what copy, pickle and others look for
            raise AttributeError("%s: a function with this name is reached by call(%r)" % (name, name))
        return Function(self, name)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> NoReturn:
        raise TypeError("a client cannot be copied or pickled; use connect in each process")

    def _forked(self) -> None:
        """Leave the connection to the parent process. Nobody releases the lock here."""
        self._lock = threading.Lock()
        link, self._link = self._link, None
        if link is not None:
            link.close()

    def _open(self) -> None:
        """Make the first connection, so that what is wrong is seen now."""
        with self._lock:
            self._ready(Deadline(self._connect_timeout, "connect_timeout"))

    def close(self) -> None:
        """Close the connection. A call that runs in another thread is broken off."""
        self._closed = True
        if self._lock.acquire(blocking=False):
            try:
                self._drop(polite=True)
            finally:
                self._lock.release()
            return
        link = self._link
        if link is not None:
            link.interrupt()

    def call(self, name: str, args: Sequence[Any] = (), kwargs: Optional[Mapping[str, Any]] = None,
             timeout: Optional[float] = None) -> Any:
        """Call a function by its name and return its result.

        timeout is in seconds, and that of connect if it is not given; it bounds
        all of the call, with the wait for other threads and for a new connection.

        Raises Fault if the server answers with a fault, AnswerError for an answer
        that cannot be read, Timeout, LinkError and AuthError.
        """
        if not isinstance(name, str):
            raise TypeError("name: expected a str, got %s" % type(name).__name__)
        if isinstance(args, (str, bytes, bytearray)):
            raise TypeError("args: expected a list or tuple of arguments, got %s" % type(args).__name__)
        deadline = Deadline(self._timeout if timeout is None else check_timeout("timeout", timeout))
        request: Tuple[Any, ...] = (name, tuple(args), dict(kwargs)) if kwargs else (name, tuple(args))
        message = _pickled(request)
        answer = self._exchange(message, deadline)
        try:
            result = _pickle.loads(answer, self._classes)
        except _pickle.Malformed as e:
            raise AnswerError("%s: the answer cannot be read: %s" % (name, e)) from e
        if isinstance(result, BaseException):
            raise fault_of(result)
        return result

    def _exchange(self, message: bytes, deadline: Deadline) -> bytes:
        """Send a message and receive the answer."""
        if not self._lock.acquire(timeout=deadline.rest()):
            raise Timeout("%s: no answer within %s: the connection was in use by other calls" % (self.address, deadline))
        try:
            link = self._ready(deadline)
            sent = False
            try:
                link.send(message, deadline)
                sent = True
                answer = link.receive(self._max_message, deadline)
                if _LAST in answer[-64:]:
                    self._drop()  # the server hangs up: the next call must not be sent here
                return answer
            except BaseException as e:
                # An answer that comes late must not be taken for that of the next
                # call; and a server that sees the end stops what it does in vain.
                told = None
                if isinstance(e, OSError) and not isinstance(e, socket.timeout) and not sent:
                    told = link.last_words(self._max_message)
                self._drop()
                if told is not None:
                    return told
                if isinstance(e, OSError):
                    raise self._broken(e, sent, len(message), deadline) from e
                raise
        finally:
            if self._closed:
                self._drop()
            self._lock.release()

    def _broken(self, e: OSError, sent: bool, size: int, deadline: Deadline) -> Error:
        """Return what a caller gets for an error of the link."""
        if isinstance(e, _link.TooLarge):
            return AnswerError("%s: the answer cannot be read: %s (max_message)" % (self.address, e))
        if isinstance(e, socket.timeout):
            what = "no answer" if sent else "the call could not be sent"
            return Timeout("%s: %s within %s" % (self.address, what, deadline), sent)
        if self._closed:
            return LinkError("%s: the client was closed" % self.address, sent)
        hint = ""
        if size > DEFAULT_MAX_MESSAGE:
            hint = "; the message had %d bytes, and servers take %d unless they are told otherwise" % (size, DEFAULT_MAX_MESSAGE)
        return LinkError("%s: the connection broke: %s%s" % (self.address, e, hint), sent)

    def _ready(self, deadline: Deadline) -> _link.Link:
        """Return a link that a call can be sent on. The lock is held."""
        if self._link is not None and not self._link.idle():
            self._drop()  # the server has left since
        if self._closed:
            raise LinkError("%s: the client is closed" % self.address)
        if self._link is None:
            self._link = self._connect(deadline.sooner(self._connect_timeout, "connect_timeout"))
        return self._link

    def _connect(self, deadline: Deadline) -> _link.Link:
        """Connect and log in."""
        sock = self._address.dial(deadline)
        try:
            if self._address.scheme == "tls":
                sock = _login.start_tls(sock, self._address.host, self._cafile, deadline)
            link = _link.Link(sock)
            self._login(link, deadline)
            return link
        except BaseException as e:
            sock.close()
            if isinstance(e, Error):
                e.args = ("%s: %s" % (self.address, e),)
            elif isinstance(e, socket.timeout):
                raise Timeout("%s: no login within %s" % (self.address, deadline)) from e
            elif isinstance(e, ssl.SSLError):
                raise LinkError("%s: no TLS 1.3 with parley/1 there: %s" % (self.address, e)) from e
            elif isinstance(e, OSError):
                raise LinkError("%s: the connection broke during the login: %s" % (self.address, e)) from e
            raise

    def _drop(self, polite: bool = False) -> None:
        """Close the link, if there is one. The lock is held."""
        link, self._link = self._link, None
        if link is not None:
            link.close(polite)


def _pickled(request: Tuple[Any, ...]) -> bytes:
    """Return the message of a call; TypeError for an argument that cannot be in one."""
    try:
        return pickle.dumps(request, _pickle.PROTOCOL)
    except MemoryError:
        raise
    except Exception as e:  # PicklingError, AttributeError, RecursionError, or what a class raises
        name, args, *named = request
        for which, argument in [("args[%d]" % i, a) for i, a in enumerate(args)] + list(named[0].items() if named else []):
            try:
                pickle.dumps(argument, _pickle.PROTOCOL)
            except Exception as why:
                raise TypeError("%s: %s, of type %s, cannot be sent: %s: %s" % (name, which, type(argument).__name__, type(why).__name__, why)) from why
        raise TypeError("%s: the arguments cannot be sent together: %s: %s" % (name, type(e).__name__, e)) from e


def connect(address: str, *, authkey: Optional[bytes] = None, authkey_file: Optional[Path] = None,
            credential: Optional[Path] = None, cafile: Optional[Path] = None,
            classes: Union[Iterable[Type[Any]], Mapping[str, Type[Any]]] = (),
            timeout: float = DEFAULT_TIMEOUT, connect_timeout: float = DEFAULT_CONNECT_TIMEOUT,
            max_message: int = DEFAULT_MAX_MESSAGE, dangerously_allow_short_key: bool = False) -> Client:
    """Connect to a server, log in, and return the client.

    address is tcp://host:port, tls://host:port, unix:///path, or unix://@name.

    One of these proves who we are, and the server proves that it knows it:

    authkey, 32 bytes or more, or authkey_file, where it is without one newline at
    the end: for tcp:// and unix://. What follows the login is neither encrypted
    nor protected there, so that it is for one machine.

    credential: for tls://, and for servers of one's own on unix://. The text of a
    generated key, parley1_..., or the path of a file with one or with
    ID:PASSPHRASE; a passphrase needs the package argon2-cffi.

    Files have to be readable by their owner alone. With cafile, certificates in
    PEM form, the server's certificate and its host name are verified too.

    classes may be in answers, beside plain data: a list of them, or a mapping of
    the names that the server knows them by, such as "product.Product". They are
    made of what the server sends, as unpickling does it: __new__, the
    constructor, __setstate__.

    timeout bounds each call in seconds; connect_timeout connecting and login,
    and so does timeout if it is shorter. max_message bounds an answer in bytes;
    no memory is taken for a larger one.

    A client that is not used as a context manager should be closed.
    """
    where = _address.parse(address)
    given = [n for n, v in (("authkey", authkey), ("authkey_file", authkey_file), ("credential", credential)) if v is not None]
    if len(given) != 1:
        raise TypeError("expected one of authkey, authkey_file and credential, got %s" % (" and ".join(given) or "none"))
    if where.scheme == "tls" and credential is None:
        raise ValueError("tls:// takes a credential, not an authkey; make one with: parley auth add --use channel --generate")
    if where.scheme == "tcp" and credential is not None:
        raise ValueError("a credential is for tls://; tcp:// takes an authkey")
    if cafile is not None and where.scheme != "tls":
        raise ValueError("cafile is for tls://: there is no certificate on %s://" % where.scheme)
    if isinstance(max_message, bool) or not isinstance(max_message, int) or max_message < 1:
        raise ValueError("max_message: expected bytes, 1 or more, got %r" % (max_message,))
    timeout = check_timeout("timeout", timeout)
    connect_timeout = min(timeout, check_timeout("connect_timeout", connect_timeout))
    known = _pickle.classes_by_name(classes)

    login: _Login
    if credential is not None:
        secret = _secrets.credential(credential)
        if not secret.generated:
            _login.argon2id()  # or say now that it is missing
        login = functools.partial(_login.login, secret)
    else:
        if authkey is not None:
            key = _secrets.authkey(authkey, dangerously_allow_short_key)
        else:
            assert authkey_file is not None
            key = _secrets.authkey_file(authkey_file, dangerously_allow_short_key)
        login = functools.partial(_login.challenge, key)

    client = Client(where, login, None if cafile is None else os.fspath(cafile), known, timeout, connect_timeout, max_message)
    client._open()
    return client
