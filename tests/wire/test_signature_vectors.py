"""The vectors of spec/vectors/commands.json: what every implementation signs, accepts and refuses.

`python -m tests.wire.test_signature_vectors` writes them anew after a change of the form, which is a new form.
"""

import json
import sys
from pathlib import Path

import pytest

from fleetwire.wire.errors import DataError
from fleetwire.wire.signature import SignedCommand, canonical, derive_key, read_signed, sign

FILE = Path(__file__).parents[2] / "spec" / "vectors" / "commands.json"

TOKENS = ["mDmPPBvGyvOLbDcnYZMXfA", "short", "mit Umlaut äöü 😀"]

COMMANDS = {
    "no parameters": SignedCommand(
        command_id="01J0000000000000",
        ea_id=12345,
        command="pause",
        params={},
        issued_ms=1_795_519_800_000,
        expires_ms=1_795_519_860_000,
        nonce="q83vEjRWeJCrze8SNFZ4kA",
        boot_id="7c9e6679",
    ),
    "members are sorted, numbers are as JSON has them": SignedCommand(
        command_id="01J0000000000001.2",
        ea_id=-1,
        command="place_order",
        params={"volume": 0.1, "symbol": "EURUSD", "type": "buy_limit", "price": 1.0, "deviation": 10},
        issued_ms=1_795_519_800_123,
        expires_ms=1_795_519_805_123,
        nonce="AAAAAAAAAAAAAAAAAAAAAA",
        boot_id="",
    ),
    "text is UTF-8, and escaped as little as JSON allows": SignedCommand(
        command_id="01J0000000000002",
        ea_id=9_007_199_254_740_991,
        command="set_parameter",
        params={"name": "Comment", "value": 'Zürich "€" \\ / 😀'},
        issued_ms=0,
        expires_ms=1,
        nonce="n",
        boot_id="b",
    ),
}


def vectors() -> dict:
    """Everything that the file holds."""
    key = derive_key(TOKENS[0])
    good = [
        {"name": name, "signed": (text := canonical(command)).decode(), "signature": sign(key, text)}
        for name, command in COMMANDS.items()
    ]
    first, second = good[0], good[1]
    text, signature = first["signed"], first["signature"]
    bad = [
        {"name": "another command", "signed": text.replace("pause", "close_all"), "signature": signature},
        {"name": "another expert", "signed": text.replace("12345", "12346"), "signature": signature},
        {"name": "a later end", "signed": text.replace("860000", "860001"), "signature": signature},
        {"name": "another run", "signed": text.replace("7c9e6679", ""), "signature": signature},
        {"name": "a space that means nothing in JSON", "signed": text.replace("{}", "{ }"), "signature": signature},
        {"name": "the signature of another command", "signed": text, "signature": second["signature"]},
        {"name": "cut short", "signed": text, "signature": signature[:-2]},
        {"name": "capital letters", "signed": text, "signature": signature.upper()},
        {"name": "empty", "signed": text, "signature": ""},
        {"name": "signed with another key", "signed": text, "signature": sign(derive_key("short"), text.encode())},
        {"name": "signed with the token itself", "signed": text, "signature": sign(TOKENS[0].encode(), text.encode())},
        {
            "name": "signed well, but of an unknown form",
            "signed": (other := text.replace("command-1", "command-9")),
            "signature": sign(key, other.encode()),
        },
        {
            "name": "signed well, but with one field more",
            "signed": (longer := text[:-1] + ",1]"),
            "signature": sign(key, longer.encode()),
        },
        {"name": "signed well, but no JSON", "signed": "pause", "signature": sign(key, b"pause")},
    ]
    return {
        "about": "docs/commands.md: keys of tokens; commands signed with the key of the first token; what is refused",
        "keys": [{"token": token, "key": derive_key(token).hex()} for token in TOKENS],
        "accepted": good,
        "refused": bad,
    }


def test_the_vectors_are_what_the_code_makes() -> None:
    assert json.loads(FILE.read_text("utf-8")) == vectors()


@pytest.mark.parametrize("vector", vectors()["accepted"], ids=lambda vector: vector["name"])
def test_what_is_signed_is_what_is_read(vector) -> None:
    read = read_signed(derive_key(TOKENS[0]), vector["signed"].encode(), vector["signature"])
    assert read == COMMANDS[vector["name"]]


@pytest.mark.parametrize("vector", vectors()["refused"], ids=lambda vector: vector["name"])
def test_what_is_forged_or_altered_is_refused(vector) -> None:
    with pytest.raises(DataError):
        read_signed(derive_key(TOKENS[0]), vector["signed"].encode(), vector["signature"])


def test_the_key_of_a_token_is_hkdf_of_rfc_5869() -> None:
    """Written out by hand, with nothing but HMAC."""
    import hashlib
    import hmac

    for token in TOKENS:
        extracted = hmac.new(b"fleetwire command key 1", token.encode(), hashlib.sha256).digest()
        assert derive_key(token) == hmac.new(extracted, b"signing\x01", hashlib.sha256).digest()


if __name__ == "__main__":
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(json.dumps(vectors(), indent=2, ensure_ascii=False) + "\n", "utf-8")
    sys.stdout.write(f"{FILE} written\n")
