"""Identities and roles: who may hear and who may do what."""

from enum import Enum

from msgspec import Struct

from fleetwire.wire.signature import hash_token, same_token


class Role(Enum):
    """What an identity may do. The brief's one `auth_token` is an admin."""

    admin = "admin"


class Identity(Struct, frozen=True):
    """Who a session is, once it is known."""

    role: Role


_ADMIN = Identity(Role.admin)


class Access:
    """Knows the tokens, by their hashes only.

    Args:
        auth_token: the token of the admin.
    """

    def __init__(self, auth_token: str) -> None:
        self._admin_hash = hash_token(auth_token)

    def identify(self, token: str) -> Identity | None:
        """Tell whose token it is, or None. The time it takes does not tell how much of a token was right."""
        return _ADMIN if same_token(token, self._admin_hash) else None
