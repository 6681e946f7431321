"""Both logins: the challenge with an authkey, and parley/1 with a credential.

docs/wire-native.md and docs/wire-login.md tell what is on the wire.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import secrets
import socket
import ssl
import struct
from typing import Callable, Optional

from ._certificate import end_point
from ._deadline import Deadline
from ._errors import AuthError
from ._link import Broken, Closed, Link
from ._secrets import Secret

_MAX_CHALLENGE = 256  # bytes of a frame of the challenge
_MAX_LOGIN = 4096
_PREFIX, _WELCOME, _FAILURE = b"#CHALLENGE#", b"#WELCOME#", b"#FAILURE#"
_DIGEST, _RANDOM = b"{sha256}", 40
_TAG = re.compile(rb"parley/1 ([LC]) [^ ]+(?: .*)?", re.DOTALL)


def mac(key: bytes, message: bytes) -> bytes:
    """HMAC-SHA256."""
    return hmac.new(key, message, hashlib.sha256).digest()


def challenge(key: bytes, link: Link, deadline: Deadline) -> None:
    """Prove to a listener that we have the key, and have it prove the same.

    Only HMAC-SHA256 is spoken, and only with listeners of Parley: their messages
    say so under the HMAC, so that nobody can hand us one of a dialer, our own
    among them, and pass on what we make of it.
    """
    theirs = _first(link, deadline)
    if not theirs.startswith(_PREFIX):
        raise AuthError("the server asks for no authkey: expected a challenge, got %.32r" % theirs)
    theirs = theirs[len(_PREFIX):]
    _check_listener(theirs)

    # A listener of ours takes the challenge to it with the answer: one round trip less.
    ours = _DIGEST + secrets.token_bytes(_RANDOM) + b"parley/1 C -"
    link.send(_DIGEST + mac(key, theirs), deadline)
    link.send(_PREFIX + ours, deadline)

    verdict = link.receive(_MAX_CHALLENGE, deadline)
    if verdict == _FAILURE:
        raise AuthError("the server refused the authkey: it has another one")
    if verdict != _WELCOME:
        raise AuthError("expected the end of the login, got %.32r" % verdict)
    response = link.receive(_MAX_CHALLENGE, deadline)
    if not hmac.compare_digest(response, _DIGEST + mac(key, ours)):
        link.send(_FAILURE, deadline)
        raise AuthError("the server has not proved that it has the authkey")
    link.send(_WELCOME, deadline)


def _first(link: Link, deadline: Deadline) -> bytes:
    """Receive the server's challenge, which it sends at once."""
    try:
        return link.receive(_MAX_CHALLENGE, deadline)
    except Closed as e:
        raise Broken("%s without a word: is it the port of XML-RPC (http://), or of tls://? It may also be full, or not admit this address" % e) from e


def _check_listener(message: bytes) -> None:
    """Refuse a challenge that is not answered here."""
    if not message.startswith(_DIGEST):
        raise AuthError("the server's challenge is not one for SHA-256, and no weaker one is answered: %.16r" % message)
    tag = _TAG.fullmatch(message[len(_DIGEST) + _RANDOM:])
    if not tag:
        raise AuthError("the server's challenge is not that of a Parley listener (multiprocessing.connection.Client reaches those of Python)")
    if tag[1] != b"L":
        raise AuthError("the server's challenge was made by a dialer: somebody sends back what clients send")


_ALPN = "parley/1"


def start_tls(sock: socket.socket, host: str, cafile: Optional[str], deadline: Deadline) -> ssl.SSLSocket:
    """Begin TLS 1.3. With cafile the certificate and its host name are verified."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols([_ALPN])
    if cafile is None:
        context.check_hostname = False  # the login proves the server, whatever its certificate
        context.verify_mode = ssl.CERT_NONE
    else:
        context.load_verify_locations(cafile=cafile)
    tls = context.wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)
    try:
        tls.settimeout(deadline.left())  # of the handshake as a whole
        tls.do_handshake()
        if tls.selected_alpn_protocol() != _ALPN:
            raise AuthError("the server does not speak parley/1 inside of TLS")
    except ssl.SSLCertVerificationError as e:
        tls.close()
        raise AuthError("the server's certificate is not trusted: %s" % e.verify_message) from e
    except BaseException:
        tls.close()
        raise
    return tls


def login(secret: Secret, link: Link, deadline: Deadline) -> None:
    """Log in by SCRAM-SHA-256, and have the server prove that it knows the credential."""
    if isinstance(link.sock, ssl.SSLSocket):
        certificate = link.sock.getpeercert(binary_form=True)
        if not certificate:
            raise AuthError("the server has no certificate to be bound to")
        header, binding = b"p=tls-server-end-point,,", end_point(certificate)
    else:
        _check_user(link.sock)
        header, binding = b"n,,", b""

    conversation = Conversation(secret, header, binding, secrets.token_urlsafe(18))
    link.send(conversation.first(), deadline)
    link.send(conversation.final(link.receive(_MAX_LOGIN, deadline)), deadline)
    conversation.finish(link.receive(_MAX_LOGIN, deadline))


class Conversation:
    """One login: what is said, without the connection."""

    _S1 = re.compile(
        r"r=([!-+\--~]+),s=([A-Za-z0-9+/]+={0,2}),"
        r"i=([1-9][0-9]?),k=(raw|argon2id:19:([1-9][0-9]{0,6}):([1-9][0-9]?))")

    def __init__(self, secret: Secret, header: bytes, binding: bytes, nonce: str) -> None:
        self._secret = secret
        self._header = header
        self._bound = base64.b64encode(header + binding).decode()
        self._nonce = nonce
        self._expected = b""

    def first(self) -> bytes:
        """C1."""
        return self._header + self._bare().encode()

    def _bare(self) -> str:
        return "n=%s,r=%s" % (self._secret.id, self._nonce)

    def final(self, challenge: bytes) -> bytes:
        """C2, the answer to S1."""
        if challenge.startswith(b"e="):
            raise AuthError("the server refused the login")
        text = challenge.decode("latin-1")
        m = self._S1.fullmatch(text)
        if not m:
            raise AuthError("the server asks for a login of another kind: %.80r" % text)
        nonce, passes, kdf, memory, threads = m[1], int(m[3]), m[4], m[5], m[6]
        if not nonce.startswith(self._nonce) or not 24 <= len(nonce) - len(self._nonce) <= 128:
            raise AuthError("the server did not go on from our nonce")
        try:
            salt = base64.b64decode(m[2], validate=True)
        except ValueError:
            salt = b""
        if not 16 <= len(salt) <= 64:
            raise AuthError("the server's salt is not one of 16 to 64 bytes")
        if kdf == "raw":
            salted = self._raw(salt, passes)
        else:
            salted = self._argon2id(salt, passes, int(memory), int(threads))

        client, server = mac(salted, b"Client Key"), mac(salted, b"Server Key")
        bare = "c=%s,r=%s" % (self._bound, nonce)
        message = ",".join((self._bare(), text, bare)).encode("latin-1")
        signature = mac(hashlib.sha256(client).digest(), message)
        proof = bytes(a ^ b for a, b in zip(client, signature))
        self._expected = b"v=" + base64.b64encode(mac(server, message))
        return bare.encode("latin-1") + b",p=" + base64.b64encode(proof)

    def finish(self, verdict: bytes) -> None:
        """Check S2."""
        if verdict.startswith(b"e="):
            raise AuthError("the server refused the login: no such credential, or another secret, or somebody stands in between")
        if not self._expected or not hmac.compare_digest(verdict, self._expected):
            raise AuthError("the server has not proved that it knows the credential")

    def _raw(self, salt: bytes, passes: int) -> bytes:
        if not self._secret.generated or passes != 1:
            raise AuthError("the server asks for the login of a generated key; a passphrase is not given to that")
        prk = mac(salt, self._secret.value)
        return mac(prk, b"parley/1 raw salted-password\x01")  # HKDF, RFC 5869

    def _argon2id(self, salt: bytes, passes: int, memory: int, threads: int) -> bytes:
        if self._secret.generated:
            raise AuthError("the server asks for the login of a passphrase; this is a generated key")
        if not (19456 <= memory <= 262144 and passes <= 10 and threads <= 16 and memory * passes >= 38912):
            raise AuthError("the server asks for argon2id with %d KiB, %d passes and %d threads, beyond what is safe" % (memory, passes, threads))
        return argon2id()(self._secret.value, salt, passes, memory, threads)


def argon2id() -> Callable[[bytes, bytes, int, int, int], bytes]:
    """Return the function for passphrases, which the standard library lacks."""
    try:
        from argon2 import low_level  # type: ignore
    except ImportError:
        raise AuthError("a passphrase needs argon2id, which Python's standard library does not have: pip install argon2-cffi,"
                        " or log in with a generated key (parley auth add --generate)") from None

    def salted(secret: bytes, salt: bytes, passes: int, memory: int, threads: int) -> bytes:
        return bytes(low_level.hash_secret_raw(
            secret, salt, time_cost=passes, memory_cost=memory, parallelism=threads,
            hash_len=32, type=low_level.Type.ID, version=19))
    return salted


def _check_user(sock: socket.socket) -> None:
    """Let a login without TLS be with a process of the same user only."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        raise AuthError("a login without TLS needs the user of the other end, which Python tells on Linux only")
    _, uid, _ = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, option, struct.calcsize("3i")))
    if uid != os.geteuid():
        raise AuthError("the socket belongs to user %d, and a login without TLS is for one's own servers" % uid)
