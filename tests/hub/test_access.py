"""Who a token belongs to."""

import pytest

from fleetwire.hub.access import TOKEN_CHARS_MAX, Access, Identity, Right, Role
from fleetwire.hub.tokens import Tokens
from fleetwire.wire.errors import ConfigError
from fleetwire.wire.moment import Moment, moment
from fleetwire.wire.signature import hash_token
from fleetwire.wire.tokens import Binding, Scopes, Token, TokenRequest

AT = moment(1000.0, 1_780_000_000_000)


@pytest.mark.parametrize("token", ["", "s3cre", "s3cret ", "S3CRET", "s3crett", "\x00", "\ud800"])
def test_a_token_that_is_almost_right_is_wrong(token: str) -> None:
    assert Access("s3cret").identify(token, AT) is None


def test_the_one_token_is_the_admins() -> None:
    identity = Access("s3cret").identify("s3cret", AT)
    assert identity is not None
    assert identity.role is Role.admin


def test_what_knows_the_tokens_does_not_hold_them() -> None:
    access = Access("c4n4ry")
    assert "c4n4ry" not in repr(access)
    assert "c4n4ry" not in repr(vars(access))


def test_the_second_token_is_the_experts() -> None:
    access = Access("s3cret", "an-experts")
    identities = [access.identify(token, AT) for token in ("s3cret", "an-experts", "another")]
    assert [identity and identity.role for identity in identities] == [Role.admin, Role.expert, None]
    assert "an-experts" not in repr(vars(access))


def test_one_token_can_not_be_two() -> None:
    with pytest.raises(ConfigError, match="expert_token must differ") as refused:
        Access("c4n4ry", "c4n4ry")
    assert "c4n4ry" not in str(refused.value)


def test_who_may_not_is_told_who_may() -> None:
    identity = Identity(Role.viewer)
    assert identity.may(Right.hear)
    assert not identity.may(Right.publish)
    assert identity.why_not(Right.publish) == (
        "the role viewer may not publish on channels: use a token of one of admin, publisher"
    )


# ------------------------------------------------------------------------------------------------ tokens that are made

T0 = AT.utc_ms
LONDON = Binding(server="Broker-Demo", login=5, magic=7)


def at(seconds: float) -> Moment:
    return moment(AT.now + seconds, T0 + round(seconds * 1000))


def made(access: Access, secret: str = "s1", **words: object) -> Token:
    request = TokenRequest(**{"role": "viewer", **words})
    token = access.tokens.draft(request, f"tok_{len(access.tokens) + 1}", hash_token(secret), "admin", T0)
    access.tokens.put(token)
    return token


def test_a_token_says_what_its_identity_may() -> None:
    access = Access("s3cret")
    scopes = Scopes(accounts=("S/5",), channels=("alerts",), commands=("pause",))
    made(access, role="operator", scopes=scopes, lifetime_s=60.0)
    identity = access.identify("s1", at(10))
    assert identity is not None
    assert (identity.role, identity.token_id, identity.by) == (Role.operator, "tok_1", "tok_1")
    assert identity.scope == {"account:S/5"}
    assert [identity.may_hear(channel) for channel in ("alerts", "ea_updates")] == [True, False]
    assert [identity.may_command(command) for command in ("pause", "close_all")] == [True, False]
    assert (identity.until, identity.expires_at) == (AT.now + 60, "2026-05-28T20:27:40.000Z")
    assert identity.is_limited
    assert not Identity(Role.viewer).is_limited


def test_an_experts_token_is_bound_to_it() -> None:
    access = Access("s3cret")
    made(access, role="expert", expert=LONDON)
    identity = access.identify("s1", AT)
    assert identity is not None
    assert identity.reporter.expert == LONDON


def test_unknown_revoked_expired_and_rotated_tokens_are_the_same_nothing() -> None:
    access = Access("s3cret", "an-experts")
    made(access, "expired", lifetime_s=1.0)
    revoked, rotated = made(access, "revoked"), made(access, "rotated")
    access.tokens.put(access.tokens.revoked(revoked.token_id, T0))
    access.tokens.put(access.tokens.rotated(rotated.token_id, hash_token("new"), 0.0, T0))
    assert {access.identify(token, at(1)) for token in ("expired", "revoked", "rotated", "unknown", "")} == {None}
    assert access.identify("new", at(1)) is not None


def test_a_clock_that_jumps_expires_nobody_and_lengthens_no_life() -> None:
    access = Access("s3cret")
    made(access, lifetime_s=600.0)
    before = access.identify("s1", AT)
    for jump_ms in (3_600_000, -3_600_000, 864_000_000):
        after = access.identify("s1", Moment(AT.now + 5, T0 + 5000 + jump_ms, ""))
        assert before is not None
        assert after is not None
        assert after.until == before.until == AT.now + 600
    assert access.identify("s1", Moment(AT.now + 600, T0, "")) is None


def test_what_became_of_somebody() -> None:
    access = Access("s3cret")
    token = made(access)
    first = access.identify("s1", AT)
    assert first is not None
    assert access.review(first, AT) == first
    access.tokens.put(access.tokens.rotated(token.token_id, hash_token("s2"), 30.0, T0))
    shortened = access.review(first, AT)
    assert shortened is not None
    assert shortened.until == AT.now + 30
    assert access.review(first, at(30)) is None
    second = access.identify("s2", AT)
    assert second is not None
    assert access.review(second, at(30)) == second
    access.tokens.put(access.tokens.revoked(token.token_id, T0))
    assert access.review(second, AT) is None
    admin = access.identify("s3cret", AT)
    assert admin is not None
    assert access.review(admin, AT) is admin


def test_a_megabyte_is_refused_before_it_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    access = Access("s3cret")
    access.verifier = lambda *_: pytest.fail("it was looked at")
    assert access.identify("x" * (TOKEN_CHARS_MAX + 1), AT) is None
    with pytest.raises(ConfigError, match="auth_token must have at most 8,192 characters"):
        Access("x" * (TOKEN_CHARS_MAX + 1))


def test_a_known_token_is_never_shown_to_a_verifier() -> None:
    access = Access("s3cret", "an-experts", Tokens())
    made(access)
    asked: list[str] = []
    access.verifier = lambda token, utc_ms: asked.append(token)
    for token in ("s3cret", "an-experts", "s1"):
        assert access.identify(token, AT) is not None
    assert access.identify("another", AT) is None
    assert asked == ["another"]


def test_every_refusal_compares_equally_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unknown, revoked and expired tokens take the same comparisons: time tells nobody which it was."""
    from fleetwire.hub import access as module

    compared: list[int] = []
    same_token = module.same_token
    monkeypatch.setattr(module, "same_token", lambda token, known: compared.append(1) or same_token(token, known))
    access = Access("s3cret", "an-experts")
    revoked = made(access, "revoked")
    made(access, "expired", lifetime_s=1.0)
    access.tokens.put(access.tokens.revoked(revoked.token_id, T0))
    counts = set()
    for token in ("revoked", "expired", "unknown", "s3cre", ""):
        compared.clear()
        assert access.identify(token, at(5)) is None
        counts.add(len(compared))
    assert counts == {3}
