"""Tokens: hashed and compared. Commands: signed, so that nobody between the server and the expert can make one.

The forms are described byte by byte in docs/commands.md; spec/vectors/commands.json has examples.
"""

import hashlib
import hmac
import secrets
from typing import Any, Final

import msgspec
from msgspec import Struct

from fleetwire.wire.errors import DataError

KEY_BYTES: Final = 32
SEALED_BYTES: Final = 64

_FORM: Final = "fleetwire-command-1"
_SALT: Final = b"fleetwire command key 1"
_SIGNING: Final = b"signing"
_SEAL_TAG: Final = b"fleetwire seal 1 tag"
_SEAL_PAD: Final = b"fleetwire seal 1 pad"

# ------------------------------------------------------------------------------------------------------------- tokens


def hash_token(token: str) -> bytes:
    """Hash a token (SHA-256, 32 bytes): it is long and random, so a slow hash would only serve a flood."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def same_token(token: str, known_hash: bytes) -> bool:
    """Tell whether a token is the one that was hashed, in a time that does not depend on where they differ."""
    return hmac.compare_digest(hash_token(token), known_hash)


def new_token() -> str:
    """Make a token of 128 random bits, in characters that survive a URL, a shell and a copy by hand."""
    return secrets.token_urlsafe(16)


def fingerprint(data: bytes, key: bytes = b"") -> str:
    """Give what stands for some bytes: SHA-256, or HMAC-SHA256 where there is a key; 64 hexadecimal digits."""
    return hmac.digest(key, data, "sha256").hex() if key else hashlib.sha256(data).hexdigest()


# ----------------------------------------------------------------------------------------------------------- commands


class SignedCommand(Struct, frozen=True, kw_only=True):
    """What of a command is signed.

    Args:
        command_id: its own; executed once, however often it comes.
        ea_id: for whom.
        command: a name of the table of commands.
        params: what it has to say.
        issued_ms: when, by the server's clock, UTC.
        expires_ms: when nobody may begin it any more, by the server's clock.
        nonce: makes it like no other.
        boot_id: the run of the expert that it is for; empty for any.
    """

    command_id: str
    ea_id: int
    command: str
    params: dict[str, Any]
    issued_ms: int
    expires_ms: int
    nonce: str
    boot_id: str


class _Form(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The canonical form, in its order."""

    form: str
    command_id: str
    ea_id: int
    command: str
    params: dict[str, Any]
    issued_ms: int
    expires_ms: int
    nonce: str
    boot_id: str


_encode: Final = msgspec.json.Encoder(order="sorted").encode
_decode: Final = msgspec.json.Decoder(_Form).decode


def canonical(command: SignedCommand) -> bytes:
    """Write a command as it is signed and sent: a JSON array without spaces, in a fixed order, members sorted."""
    return _encode(
        _Form(
            _FORM,
            command.command_id,
            command.ea_id,
            command.command,
            command.params,
            command.issued_ms,
            command.expires_ms,
            command.nonce,
            command.boot_id,
        )
    )


def sign(key: bytes, text: bytes) -> str:
    """Sign a canonical form: HMAC-SHA256, 64 hexadecimal digits."""
    return hmac.digest(key, text, "sha256").hex()


def verify(key: bytes, text: bytes, signature: str) -> bool:
    """Tell whether a signature is of these very bytes, in a time that does not depend on where they differ."""
    return hmac.compare_digest(sign(key, text).encode(), signature.encode("utf-8", "surrogatepass"))


def read_signed(key: bytes, text: bytes, signature: str) -> SignedCommand:
    """Read a command from the bytes that were signed, and from nowhere else.

    Args:
        key: the expert's own.
        text: the canonical form as it came.
        signature: as it came.

    Raises:
        DataError: it is not signed with this key, or is no command.
    """
    if not verify(key, text, signature):
        raise DataError("the command is not signed with this expert's key: it is not executed")
    try:
        form = _decode(text)
    except msgspec.MsgspecError as error:
        raise DataError(f"the command is signed, but can't be read: {error}") from None
    if form.form != _FORM:
        raise DataError(f"the command is signed in the form {form.form!r:.40}, and {_FORM} is known here: update")
    return SignedCommand(
        command_id=form.command_id,
        ea_id=form.ea_id,
        command=form.command,
        params=form.params,
        issued_ms=form.issued_ms,
        expires_ms=form.expires_ms,
        nonce=form.nonce,
        boot_id=form.boot_id,
    )


# --------------------------------------------------------------------------------------------------------------- keys


def derive_key(token: str) -> bytes:
    """Derive an expert's signing key from its token: HKDF-SHA256 (RFC 5869), one block."""
    extracted = hmac.digest(_SALT, token.encode("utf-8", "surrogatepass"), "sha256")
    return hmac.digest(extracted, _SIGNING + b"\x01", "sha256")


def seal_key(server_key: bytes, token_id: str, key: bytes) -> bytes:
    """Wrap an expert's signing key for the store: what is stored is worth nothing without the server's key.

    The composition is SIV (RFC 5297, section 2.6, with HMAC-SHA256 as the pseudo-random function): a tag over whose
    key it is and the key itself, then the key under a pad that follows from the tag. No randomness is needed, nothing
    in it can be altered or given to another token, and two seals are alike only where all that went in was alike.

    Args:
        server_key: at least 32 random bytes that are not in the store.
        token_id: whose key it is.
        key: 32 bytes.

    Raises:
        DataError: a key is too short.
    """
    _check_keys(server_key, key)
    tag = _tag(server_key, token_id, key)
    return tag + _xor(key, _pad(server_key, tag))


def open_key(server_key: bytes, token_id: str, sealed: bytes) -> bytes:
    """Unwrap what `seal_key` has wrapped.

    Raises:
        DataError: it was altered, is another token's, or was sealed with another server key.
    """
    if len(sealed) != SEALED_BYTES:
        raise DataError(f"the sealed key of token {token_id!r:.60} is damaged: rotate that token")
    tag, covered = sealed[:KEY_BYTES], sealed[KEY_BYTES:]
    key = _xor(covered, _pad(server_key, tag))
    if not hmac.compare_digest(tag, _tag(server_key, token_id, key)):
        raise DataError(
            f"the sealed key of token {token_id!r:.60} can't be opened: it was altered, or sealed with another server "
            "key: put that key file back, or rotate the token"
        )
    return key


def _check_keys(server_key: bytes, key: bytes) -> None:
    if len(server_key) < KEY_BYTES:
        raise DataError(f"the server's key has {len(server_key)} bytes: it must have at least {KEY_BYTES}")
    if len(key) != KEY_BYTES:
        raise DataError(f"a signing key has {KEY_BYTES} bytes, and this one has {len(key)}")


def _tag(server_key: bytes, token_id: str, key: bytes) -> bytes:
    own = hmac.digest(server_key, _SEAL_TAG, "sha256")
    return hmac.digest(own, key + token_id.encode("utf-8", "surrogatepass"), "sha256")


def _pad(server_key: bytes, tag: bytes) -> bytes:
    own = hmac.digest(server_key, _SEAL_PAD, "sha256")
    return hmac.digest(own, tag, "sha256")


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))
