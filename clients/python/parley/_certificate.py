"""The channel binding tls-server-end-point (RFC 5929, section 4.1)."""

from __future__ import annotations

import hashlib
from typing import Tuple

from ._errors import AuthError

# Object identifiers of signatures, as they stand in a certificate.
_SHA384 = {
    "2a864886f70d01010c",  # sha384WithRSAEncryption
    "2a8648ce3d040303",  # ecdsa-with-SHA384
}
_SHA512 = {
    "2a864886f70d01010d",  # sha512WithRSAEncryption
    "2a8648ce3d040304",  # ecdsa-with-SHA512
}
_PSS = "2a864886f70d01010a"  # RSASSA-PSS, whose hash is a parameter
_PSS_SHA384 = bytes.fromhex("0609608648016503040202")
_PSS_SHA512 = bytes.fromhex("0609608648016503040203")


def end_point(der: bytes) -> bytes:
    """Return the hash of a certificate, by the function of its signature.

    SHA-256 stands in for MD5 and SHA-1, and for signatures without a hash of
    their own, such as Ed25519.
    """
    try:
        _, certificate, _ = _item(der, 0x30)
        _, _, rest = _item(certificate, 0x30)  # tbsCertificate
        _, algorithm, _ = _item(rest, 0x30)
        _, oid, parameters = _item(algorithm, 0x06)
    except (ValueError, IndexError):
        raise AuthError("the server's certificate cannot be read") from None
    name = oid.hex()
    # The hash stands first in the parameters of PSS; the mask's may follow.
    sha384 = name in _SHA384 or name == _PSS and 0 <= parameters.find(_PSS_SHA384, 0, 24)
    sha512 = name in _SHA512 or name == _PSS and 0 <= parameters.find(_PSS_SHA512, 0, 24)
    hash = hashlib.sha384 if sha384 else hashlib.sha512 if sha512 else hashlib.sha256
    return hash(der).digest()


def _item(data: bytes, tag: int) -> Tuple[int, bytes, bytes]:
    """Take one item of DER from data: its tag, its content, and what follows."""
    if data[0] != tag:
        raise ValueError("unexpected tag")
    size, start = data[1], 2
    if size >= 0x80:
        start += size & 0x7F
        size = int.from_bytes(data[2:start], "big")
    if len(data) < start + size:
        raise ValueError("truncated")
    return data[0], data[start:start + size], data[start + size:]
