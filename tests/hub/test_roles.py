"""The one table of who may do what."""

from fleetwire.hub.roles import RIGHTS, Right, Role


def test_every_role_has_its_row_and_every_right_somebody() -> None:
    assert set(RIGHTS) == set(Role)
    assert frozenset().union(*RIGHTS.values()) == RIGHTS[Role.admin] == frozenset(Right)


def test_only_an_admin_makes_tokens() -> None:
    assert [role for role, rights in RIGHTS.items() if Right.manage_tokens in rights] == [Role.admin]
