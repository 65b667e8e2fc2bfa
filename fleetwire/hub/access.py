"""Identities and roles: who may hear and who may do what."""

from enum import Enum

from msgspec import Struct

from fleetwire.wire.errors import ConfigError
from fleetwire.wire.signature import hash_token, same_token


class Right(Enum):
    """Something that an identity may be allowed to do; the value says it to people."""

    hear = "hear channels, and read what is kept"
    report = "report what experts, accounts and markets do"
    publish = "publish on channels"
    acknowledge = "acknowledge alerts"
    command = "give commands to experts"
    see_clients = "see who is connected"


class Role(Enum):
    """What an identity may do: `RIGHTS` has it. Who knows the one `auth_token` is an admin."""

    admin = "admin"
    operator = "operator"
    viewer = "viewer"
    publisher = "publisher"
    expert = "expert"


RIGHTS: dict[Role, frozenset[Right]] = {
    Role.admin: frozenset(Right),
    Role.operator: frozenset({Right.hear, Right.acknowledge, Right.command}),
    Role.viewer: frozenset({Right.hear}),
    Role.publisher: frozenset({Right.publish, Right.report}),
    Role.expert: frozenset({Right.report}),
}
"""The one table of what each role may do."""


class Identity(Struct, frozen=True):
    """Who a session is, once it is known.

    Args:
        role: what it may do.
        scope: the labels of what it may hear; None is everything.
        token_id: of the token by which it is known; empty for one without a name.
    """

    role: Role
    scope: frozenset[str] | None = None
    token_id: str = ""

    @property
    def by(self) -> str:
        """Name it in what it does: never the token."""
        return self.role.value

    def may(self, right: Right) -> bool:
        """Tell whether it may do this."""
        return right in RIGHTS[self.role]

    def why_not(self, right: Right) -> str:
        """Say to whom a right belongs that this one does not have."""
        others = ", ".join(role.value for role, rights in RIGHTS.items() if right in rights)
        return f"the role {self.role.value} may not {right.value}: use a token of one of {others}"


_ADMIN = Identity(Role.admin)
_EXPERT = Identity(Role.expert)


class Access:
    """Knows the tokens, by their hashes only.

    Args:
        auth_token: the token of the admin.
        expert_token: the token that all experts share; None where they use the admin's.

    Raises:
        ConfigError: both are the same.
    """

    def __init__(self, auth_token: str, expert_token: str | None = None) -> None:
        self._admin_hash = hash_token(auth_token)
        self._expert_hash = hash_token(expert_token) if expert_token is not None else None
        if self._expert_hash is not None and same_token(auth_token, self._expert_hash):
            raise ConfigError("expert_token must differ from auth_token: it is for those who may only report")

    def identify(self, token: str) -> Identity | None:
        """Tell whose token it is, or None. The time it takes does not tell how much of a token was right."""
        if same_token(token, self._admin_hash):
            return _ADMIN
        if self._expert_hash is not None and same_token(token, self._expert_hash):
            return _EXPERT
        return None
