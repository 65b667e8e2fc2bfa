"""Who a token belongs to."""

import pytest

from fleetwire.hub.access import Access, Role


@pytest.mark.parametrize("token", ["", "s3cre", "s3cret ", "S3CRET", "s3crett", "\x00", "\ud800"])
def test_a_token_that_is_almost_right_is_wrong(token: str) -> None:
    assert Access("s3cret").identify(token) is None


def test_the_one_token_is_the_admins() -> None:
    identity = Access("s3cret").identify("s3cret")
    assert identity is not None
    assert identity.role is Role.admin


def test_what_knows_the_tokens_does_not_hold_them() -> None:
    access = Access("c4n4ry")
    assert "c4n4ry" not in repr(access)
    assert "c4n4ry" not in repr(vars(access))
