"""Tokens: hashed, and compared in constant time."""

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetwire.wire.signature import hash_token, new_token, same_token


@given(st.text(), st.text())
def test_only_the_same_token_is_the_same(token: str, other: str) -> None:
    assert same_token(token, hash_token(token))
    assert same_token(other, hash_token(token)) == (token == other)


@given(st.text(st.characters(categories=["Cs"])))
def test_a_lone_surrogate_is_a_wrong_token_and_no_crash(token: str) -> None:
    assert not same_token(token + "x", hash_token("secret"))


def test_tokens_are_compared_by_the_constant_time_function(monkeypatch: pytest.MonkeyPatch) -> None:
    """A timing can't be asserted in a test; that the one function made for it is asked, with hashes, can."""
    asked: list[tuple[bytes, bytes]] = []

    def compare(a: bytes, b: bytes) -> bool:
        asked.append((a, b))
        return False

    monkeypatch.setattr(hmac, "compare_digest", compare)
    assert not same_token("secret", hash_token("secret"))
    assert asked == [(hash_token("secret"), hash_token("secret"))]


def test_a_hash_does_not_hold_the_token() -> None:
    assert len(hash_token("c4n4ry")) == 32
    assert b"c4n4ry" not in hash_token("c4n4ry")


def test_new_tokens_are_long_different_and_survive_a_url() -> None:
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    for token in tokens:
        assert len(token) >= 22  # 128 bits in base64
        assert all(char.isalnum() or char in "-_" for char in token)
