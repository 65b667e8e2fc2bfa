"""Who a token belongs to."""

import pytest

from fleetwire.hub.access import RIGHTS, Access, Identity, Right, Role
from fleetwire.wire.errors import ConfigError
from fleetwire.wire.moment import moment

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


def test_every_role_has_its_row_and_every_right_somebody() -> None:
    assert set(RIGHTS) == set(Role)
    assert frozenset().union(*RIGHTS.values()) == RIGHTS[Role.admin] == frozenset(Right)


def test_who_may_not_is_told_who_may() -> None:
    identity = Identity(Role.viewer)
    assert identity.may(Right.hear)
    assert not identity.may(Right.publish)
    assert identity.why_not(Right.publish) == (
        "the role viewer may not publish on channels: use a token of one of admin, publisher"
    )
