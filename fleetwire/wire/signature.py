"""Hashing and comparing tokens: a token is kept as its hash, and compared in constant time."""

import hashlib
import hmac
import secrets


def hash_token(token: str) -> bytes:
    """Hash a token (SHA-256, 32 bytes): it is long and random, so a slow hash would only serve a flood."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def same_token(token: str, known_hash: bytes) -> bool:
    """Tell whether a token is the one that was hashed, in a time that does not depend on where they differ."""
    return hmac.compare_digest(hash_token(token), known_hash)


def new_token() -> str:
    """Make a token of 128 random bits, in characters that survive a URL, a shell and a copy by hand."""
    return secrets.token_urlsafe(16)
