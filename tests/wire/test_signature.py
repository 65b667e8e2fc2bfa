"""Tokens: hashed, and compared in constant time. Commands: signed. Keys: sealed."""

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetwire.wire.errors import DataError
from fleetwire.wire.signature import (
    SignedCommand,
    canonical,
    derive_key,
    fingerprint,
    hash_token,
    new_token,
    open_key,
    read_signed,
    same_token,
    seal_key,
    sign,
    verify,
)


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


# ----------------------------------------------------------------------------------------------------------- commands

json_values = (
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
)
commands = st.builds(
    SignedCommand,
    command_id=st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    ea_id=st.integers(-(2**63), 2**63 - 1),
    command=st.sampled_from(["pause", "close_all"]),
    params=st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=4), json_values, max_size=4),
    issued_ms=st.integers(0, 2**53),
    expires_ms=st.integers(0, 2**53),
    nonce=st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
    boot_id=st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
)


@given(commands)
def test_a_signed_command_is_read_as_it_was_written(command: SignedCommand) -> None:
    key, text = derive_key("token"), canonical(command)
    assert read_signed(key, text, sign(key, text)) == command


@given(commands, commands)
def test_two_commands_have_one_form_only_if_they_are_one(one: SignedCommand, other: SignedCommand) -> None:
    assert (canonical(one) == canonical(other)) == (repr(one) == repr(other) or one == other)


@given(commands, st.integers(0, 400), st.integers(1, 255))
def test_no_byte_of_a_signed_command_can_be_changed(command: SignedCommand, place: int, by: int) -> None:
    key, text = derive_key("token"), bytearray(canonical(command))
    signature = sign(key, bytes(text))
    text[place % len(text)] ^= by
    assert not verify(key, bytes(text), signature)


@given(st.text())
def test_any_text_is_a_wrong_signature_and_no_crash(signature: str) -> None:
    assert not verify(b"k" * 32, b"text", signature)


# --------------------------------------------------------------------------------------------------------------- keys

SERVER_KEY = bytes(range(32))


@given(st.binary(min_size=32, max_size=32), st.text(max_size=10))
def test_a_sealed_key_is_opened_with_the_servers_key_for_its_own_token(key: bytes, token_id: str) -> None:
    sealed = seal_key(SERVER_KEY, token_id, key)
    assert open_key(SERVER_KEY, token_id, sealed) == key
    assert len(sealed) == 64
    assert key not in sealed
    for server_key, owner in ((b"x" * 32, token_id), (SERVER_KEY, token_id + "2")):
        with pytest.raises(DataError, match="can't be opened"):
            open_key(server_key, owner, sealed)


@given(st.integers(0, 63), st.integers(1, 255))
def test_no_byte_of_a_sealed_key_can_be_changed(place: int, by: int) -> None:
    sealed = bytearray(seal_key(SERVER_KEY, "t1", b"k" * 32))
    sealed[place] ^= by
    with pytest.raises(DataError, match="it was altered, or sealed with another server key"):
        open_key(SERVER_KEY, "t1", bytes(sealed))


def test_a_seal_of_a_wrong_length_and_keys_of_a_wrong_length_are_refused() -> None:
    with pytest.raises(DataError, match="is damaged: rotate that token"):
        open_key(SERVER_KEY, "t1", b"short")
    with pytest.raises(DataError, match="must have at least 32"):
        seal_key(b"short", "t1", b"k" * 32)
    with pytest.raises(DataError, match="a signing key has 32 bytes, and this one has 31"):
        seal_key(SERVER_KEY, "t1", b"k" * 31)


def test_two_seals_of_one_key_for_two_tokens_have_nothing_in_common() -> None:
    one, other = (seal_key(SERVER_KEY, token_id, b"k" * 32) for token_id in ("t1", "t2"))
    assert one[:32] != other[:32]
    assert one[32:] != other[32:]


def test_a_fingerprint_is_of_its_bytes_and_its_key() -> None:
    found = {fingerprint(b""), fingerprint(b"a"), fingerprint(b"a", b"k"), fingerprint(b"a", b"l")}
    assert len(found) == 4
    assert all(len(each) == 64 for each in found)
