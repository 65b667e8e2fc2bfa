"""Tokens as they are kept and asked for: what is no account or no expert is refused, and nothing shows a secret."""

import msgspec
import pytest

from fleetwire.fleet.events import ExpertId
from fleetwire.wire.tokens import Binding, IssuedToken, Scopes, Token, TokenRequest, TokenRow

LONDON = ExpertId("Broker-Demo", 5, 7, "EURUSD", "London")


def test_scopes_are_labels_and_none_are_all() -> None:
    assert Scopes().labels is None
    assert Scopes(channels=("alerts",), commands=("pause",)).labels is None
    scopes = Scopes(accounts=("S/5",), experts=(7,), groups=("gold",))
    assert scopes.labels == {"account:S/5", "ea:7", "group:gold"}


@pytest.mark.parametrize(
    ("binding", "is_it"),
    [
        (Binding(server="Broker-Demo", login=5, magic=7), True),
        (Binding(server="Broker-Demo", login=5, magic=7, symbol="EURUSD", name="London"), True),
        (Binding(server="Broker-Demo", login=5, magic=7, symbol="GBPUSD"), False),
        (Binding(server="Broker-Demo", login=5, magic=7, name="Paris"), False),
        (Binding(server="Broker-Demo", login=5, magic=8), False),
        (Binding(server="Broker-Demo", login=6, magic=7), False),
        (Binding(server="Broker-Live", login=5, magic=7), False),
    ],
)
def test_a_binding_is_of_one_expert(binding: Binding, is_it: bool) -> None:
    assert binding.is_of(LONDON) is is_it


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"role": ""},
        {"role": "viewer", "scope": {}},
        {"role": "viewer", "scopes": {"accounts": ["5"]}},
        {"role": "viewer", "scopes": {"accounts": ["S/5x"]}},
        {"role": "viewer", "scopes": {"experts": [0]}},
        {"role": "viewer", "scopes": {"experts": list(range(1, 258))}},
        {"role": "viewer", "scopes": {"groups": [""]}},
        {"role": "viewer", "name": "n" * 65},
        {"role": "viewer", "lifetime_s": 0},
        {"role": "expert", "expert": {"server": "S", "login": 5}},
    ],
)
def test_what_is_no_request_is_refused(request_: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(request_, TokenRequest)


def test_a_token_is_kept_as_it_was() -> None:
    token = Token(
        token_id="tok_1",
        role="expert",
        hash=bytes(range(32)),
        expert=Binding(server="S", login=5, magic=-1),
        created_ms=1,
        previous_hash=b"\xff" * 32,
        previous_until_ms=2,
    )
    assert msgspec.json.decode(msgspec.json.encode(token), type=Token) == token


def test_nothing_shows_a_secret() -> None:
    row = TokenRow(
        token_id="tok_1", name="", role="viewer", status="active", scopes=Scopes(), created_at="", created_by=""
    )
    assert "c4n4ry" not in repr(IssuedToken(token="c4n4ry", about=row))
