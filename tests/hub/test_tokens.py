"""Tokens that are made, rotated, revoked and expire."""

import pytest

from fleetwire.hub.tokens import Found, Tokens, token_row
from fleetwire.wire.errors import DataError, NotFoundError
from fleetwire.wire.signature import hash_token
from fleetwire.wire.tokens import Binding, Scopes, Token, TokenRequest

T0 = 1_780_000_000_000
LONDON = Binding(server="Broker-Demo", login=5, magic=7)


def made(tokens: Tokens, token_id: str = "tok_1", secret: str = "s1", **words: object) -> Token:
    token = tokens.draft(TokenRequest(**{"role": "viewer", **words}), token_id, hash_token(secret), "admin", T0)
    tokens.put(token)
    return token


def test_a_token_is_found_by_the_hash_of_its_secret_only() -> None:
    tokens = Tokens()
    token = made(tokens)
    assert tokens.find(hash_token("s1"), T0) == Found(token, by_previous=False)
    assert tokens.find(hash_token("s2"), T0) is None
    assert tokens.find(b"", T0) is None
    assert "s1" not in repr(token) + repr(vars(tokens))
    assert hash_token("s1").hex() not in repr(token)


def test_a_draft_counts_for_nothing() -> None:
    tokens = Tokens()
    tokens.draft(TokenRequest(role="viewer"), "tok_1", hash_token("s1"), "admin", T0)
    assert (tokens.find(hash_token("s1"), T0), tokens.all(), len(tokens)) == (None, [], 0)


def test_it_is_worth_nothing_from_its_end_on() -> None:
    tokens = Tokens()
    made(tokens, lifetime_s=60.0)
    assert tokens.find(hash_token("s1"), T0 + 59_999) is not None
    assert tokens.find(hash_token("s1"), T0 + 60_000) is None


def test_after_a_rotation_both_secrets_count_until_the_overlap_ends() -> None:
    tokens = Tokens()
    made(tokens)
    tokens.put(tokens.rotated("tok_1", hash_token("s2"), 10.0, T0))
    by = {secret: tokens.find(hash_token(secret), T0 + 9_999) for secret in ("s1", "s2")}
    assert {secret: found and found.by_previous for secret, found in by.items()} == {"s1": True, "s2": False}
    assert tokens.find(hash_token("s1"), T0 + 10_000) is None
    assert tokens.find(hash_token("s2"), T0 + 10_000) is not None
    tokens.put(tokens.rotated("tok_1", hash_token("s3"), 10.0, T0))
    assert tokens.find(hash_token("s1"), T0) is None, "there is one secret before, not a row of them"
    tokens.put(tokens.rotated("tok_1", hash_token("s4"), 0.0, T0))
    assert [tokens.find(hash_token(secret), T0) is not None for secret in ("s3", "s4")] == [False, True]


def test_revoked_is_revoked_with_both_secrets_and_once() -> None:
    tokens = Tokens()
    made(tokens)
    tokens.put(tokens.rotated("tok_1", hash_token("s2"), 100.0, T0))
    tokens.put(tokens.revoked("tok_1", T0 + 5))
    assert [tokens.find(hash_token(secret), T0 + 5) for secret in ("s1", "s2")] == [None, None]
    assert tokens.revoked("tok_1", T0 + 9).revoked_ms == T0 + 5
    with pytest.raises(DataError, match="the token tok_1 is revoked: create a new one"):
        tokens.rotated("tok_1", hash_token("s3"), 0.0, T0 + 9)


def test_what_an_earlier_run_has_kept_counts_again_and_a_role_of_tomorrow_does_not() -> None:
    before = Tokens()
    kept = [made(before, "tok_1", "s1"), made(before, "tok_2", "s2", name="b")]
    future = Token(token_id="tok_3", role="emperor", hash=hash_token("s3"), created_ms=T0)
    after = Tokens()
    after.restore([future, *reversed(kept)])
    assert [token.token_id for token in after.all()] == ["tok_1", "tok_2", "tok_3"]
    assert [after.find(hash_token(secret), T0) is not None for secret in ("s1", "s2", "s3")] == [True, True, False]


def test_there_are_so_many_and_the_oldest_that_is_over_makes_room() -> None:
    tokens = Tokens(tokens_max=2)
    assert tokens.room_for_one(T0) is None
    made(tokens, "tok_1", "s1", lifetime_s=1.0)
    made(tokens, "tok_2", "s2")
    with pytest.raises(DataError, match=r"there are 2 tokens already \(tokens_max\): revoke one"):
        tokens.room_for_one(T0)
    over = tokens.room_for_one(T0 + 1000)
    assert over is not None
    tokens.drop(over.token_id)
    assert [token.token_id for token in tokens.all()] == ["tok_2"]
    assert tokens.find(hash_token("s1"), T0) is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"role": "king"}, "role: 'king' must be one of admin, operator, viewer, publisher, expert"),
        ({"name": "a\nb"}, "name: it must hold no control characters"),
        ({"scopes": Scopes(channels=("rumours",))}, "no channel 'rumours'"),
        ({"role": "admin", "scopes": Scopes(groups=("gold",))}, "an admin may everything"),
        ({"role": "expert"}, "a token of the role expert is bound to its expert"),
        ({"expert": LONDON}, "and no other is"),
        ({"role": "expert", "expert": LONDON, "scopes": Scopes(groups=("gold",))}, "an expert's token has no scopes"),
        ({"expires_at": "2027-01-01", "lifetime_s": 5.0}, "give expires_at or lifetime_s, not both"),
        ({"expires_at": "tomorrow"}, "expires_at: 'tomorrow' is no time"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "is over already"),
    ],
)
def test_what_can_not_be_is_refused(words: dict[str, object], said: str) -> None:
    tokens = Tokens()
    with pytest.raises(DataError, match=said):
        made(tokens, **words)
    assert tokens.all() == []


def test_who_names_no_token_is_told_so() -> None:
    for change in (lambda tokens: tokens.revoked("tok_9", T0), lambda tokens: tokens.rotated("tok_9", b"", 0.0, T0)):
        with pytest.raises(NotFoundError, match="there is no token 'tok_9'"):
            change(Tokens())


def test_its_row_says_all_but_the_hashes() -> None:
    tokens = Tokens()
    made(tokens, name="wall", scopes=Scopes(experts=(7,)), lifetime_s=60.0)
    tokens.put(tokens.rotated("tok_1", hash_token("s2"), 10.0, T0))
    row = token_row(tokens.all()[0], T0 + 1)
    assert (row.status, row.name, row.scopes.experts, row.created_by) == ("active", "wall", (7,), "admin")
    assert (row.expires_at, row.overlap_until) == ("2026-05-28T20:27:40.000Z", "2026-05-28T20:26:50.000Z")
    assert token_row(tokens.all()[0], T0 + 60_000).status == "expired"
    assert token_row(tokens.revoked("tok_1", T0), T0).status == "revoked"
    assert not hasattr(row, "hash")
