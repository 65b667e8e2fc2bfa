"""Identities: who may hear and who may do what, until when; and whose a token is."""

from collections.abc import Callable
from typing import Final

from msgspec import Struct, structs

from fleetwire.hub.roles import RIGHTS, Right, Role
from fleetwire.hub.steady import SteadyTime
from fleetwire.hub.tokens import Found, Tokens
from fleetwire.wire.errors import ConfigError
from fleetwire.wire.moment import Moment, utc_text
from fleetwire.wire.signature import hash_token, same_token
from fleetwire.wire.tokens import Binding, Commander, Holder, Reporter

__all__ = ["RIGHTS", "TOKEN_CHARS_MAX", "Access", "Identity", "Right", "Role", "Verifier"]

TOKEN_CHARS_MAX: Final = 8192
"""What is longer is no token: it is refused before it is looked at."""
_NOBODYS: Final = bytes(32)  # compared with where there is nothing to compare with, so that it takes as long


class Identity(Struct, frozen=True):
    """Who a session is, once it is known.

    Args:
        role: what it may do.
        scope: the labels of what it may hear; None is everything.
        token_id: of the token by which it is known; empty for one without a name.
        channels: the names of those that it may hear; None is all.
        commands: those that it may give; None is all that its role may.
        expert: the one expert that it is, where it may only speak of itself.
        expires_ms: when its token expires, in UTC milliseconds; None for never.
        until: the same in monotonic seconds, reckoned when it was identified.
        secret: counts the secrets that its token has had.
        is_kept: whether its token is one of those that were made here, and can be revoked.
    """

    role: Role
    scope: frozenset[str] | None = None
    token_id: str = ""
    channels: frozenset[str] | None = None
    commands: frozenset[str] | None = None
    expert: Binding | None = None
    expires_ms: int | None = None
    until: float | None = None
    secret: int = 0
    is_kept: bool = False

    def may(self, right: Right) -> bool:
        """Tell whether it may do this."""
        return right in RIGHTS[self.role]

    def why_not(self, right: Right) -> str:
        """Say to whom a right belongs that this one does not have."""
        others = ", ".join(role.value for role, rights in RIGHTS.items() if right in rights)
        return f"the role {self.role.value} may not {right.value}: use a token of one of {others}"

    def may_hear(self, channel: str) -> bool:
        """Tell whether it may hear a channel, or read what that would tell."""
        return self.channels is None or channel in self.channels

    def may_command(self, command: str) -> bool:
        """Tell whether this command is among those that its token names; what its role may is asked apart."""
        return self.commands is None or command in self.commands

    @property
    def by(self) -> str:
        """Name it in what it does: the id of its token, never the token."""
        return self.token_id or self.role.value

    @property
    def holder(self) -> Holder:
        """Whose token it is, and which of its secrets."""
        return Holder(self.token_id, self.secret)

    @property
    def is_limited(self) -> bool:
        """Whether it is limited to a part of the fleet, of the channels, or of the commands."""
        return self.scope is not None or self.channels is not None or self.commands is not None

    @property
    def reporter(self) -> Reporter:
        """What about it may report."""
        return Reporter(self.scope, self.expert, self.holder)

    @property
    def asks(self) -> Commander:
        """What it may command."""
        if not self.may(Right.command):
            return Commander(by=self.by)
        return Commander(self.by, self.scope, self.may_command)

    @property
    def expires_at(self) -> str | None:
        """When its token expires: UTC, as text."""
        return None if self.expires_ms is None else utc_text(self.expires_ms)


Verifier = Callable[[str, int], Identity | None]
"""Knows tokens that others have made; is given one, and the time in UTC milliseconds. Must neither wait nor raise."""


_ADMIN: Final = Identity(Role.admin, token_id="admin")  # noqa: S106  (its name, no token)
_EXPERT: Final = Identity(Role.expert, token_id="expert")  # noqa: S106  (likewise)


class Access:
    """Knows the tokens, by their hashes only.

    Args:
        auth_token: the token of the admin.
        expert_token: the token that all experts share; None where they use the admin's.
        tokens: those that were made.

    Raises:
        ConfigError: the two are the same, or too long.
    """

    def __init__(self, auth_token: str, expert_token: str | None = None, tokens: Tokens | None = None) -> None:
        for name, token in (("auth_token", auth_token), ("expert_token", expert_token)):
            if token is not None and len(token) > TOKEN_CHARS_MAX:
                raise ConfigError(f"{name} must have at most {TOKEN_CHARS_MAX:,} characters")
        self.tokens = tokens if tokens is not None else Tokens()
        self.verifier: Verifier | None = None
        self._time = SteadyTime()
        self._fixed = [(hash_token(auth_token), _ADMIN)]
        if expert_token is not None:
            self._fixed.append((hash_token(expert_token), _EXPERT))
            if same_token(expert_token, self._fixed[0][0]):
                raise ConfigError("expert_token must differ from auth_token: it is for those who may only report")

    def identify(self, token: str, at: Moment) -> Identity | None:
        """Tell whose token it is, or None for one that is unknown, revoked or expired: nobody is told which.

        The time it takes does not tell how much of a token was right, or whether it ever was.
        """
        if len(token) > TOKEN_CHARS_MAX:
            return None
        utc_ms, digest = self._time.utc_ms(at), hash_token(token)
        matching = [identity for known, identity in self._fixed if same_token(token, known)]
        found = self.tokens.find(digest, utc_ms)
        known = _NOBODYS if found is None else found.token.previous_hash if found.by_previous else found.token.hash
        is_same = same_token(token, known)
        if matching:
            return matching[0]
        if found is not None and is_same:
            return self._timed(_identity_of(found), utc_ms, at)
        identity = self.verifier(token, utc_ms) if self.verifier is not None else None
        return self._timed(identity, utc_ms, at) if identity is not None else None

    def review(self, identity: Identity, at: Moment) -> Identity | None:
        """Tell what became of somebody who was identified before: None where its token, or its secret, is over."""
        if identity.until is not None and at.now >= identity.until:
            return None
        if not identity.is_kept:
            return identity
        token = self.tokens.get(identity.token_id)
        if token is None:  # only one that is over is forgotten
            return None
        age = token.rotations - identity.secret
        utc_ms = self._time.utc_ms(at)
        if token.revoked_ms is not None or age > 1 or (age == 1 and utc_ms >= token.previous_until_ms):
            return None
        return self._timed(_identity_of(Found(token, by_previous=age == 1)), utc_ms, at)

    def utc_ms(self, at: Moment) -> int:
        """Tell the time by which tokens expire."""
        return self._time.utc_ms(at)

    def _timed(self, identity: Identity, utc_ms: int, at: Moment) -> Identity | None:
        """Reckon when it expires on the monotonic clock, which nobody can set; None if that is over."""
        if identity.expires_ms is None:
            return identity
        if identity.expires_ms <= utc_ms:
            return None
        return structs.replace(identity, until=at.now + (identity.expires_ms - utc_ms) / 1000)


def _identity_of(found: Found) -> Identity:
    token, scopes = found.token, found.token.scopes
    ends = [token.expires_ms, token.previous_until_ms if found.by_previous else None]
    return Identity(
        role=Role[token.role],
        scope=scopes.labels,
        token_id=token.token_id,
        channels=frozenset(scopes.channels) or None,
        commands=frozenset(scopes.commands) or None,
        expert=token.expert,
        expires_ms=min((end for end in ends if end is not None), default=None),
        secret=token.rotations - found.by_previous,
        is_kept=True,
    )
