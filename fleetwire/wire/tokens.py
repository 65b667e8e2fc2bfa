"""Tokens as they are kept, asked for and shown: who may do what, until when. A token itself is nowhere: its hash is."""

from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

from msgspec import Meta, Struct

from fleetwire.wire.labels import account_label, expert_label, group_label
from fleetwire.wire.rows import Row

SCOPED_MAX = 256
"""How many of each a token may name."""

Account = Annotated[str, Meta(pattern="^.{1,128}/[0-9]{1,19}$", max_length=148)]
"""An account, as "Server/login"."""
EaId = Annotated[int, Meta(gt=0, le=2**63 - 1)]
Word = Annotated[str, Meta(min_length=1, max_length=128)]
Name = Annotated[str, Meta(max_length=64)]


class Scopes(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a token is limited to; an empty list limits nothing.

    `accounts`, `experts` and `groups` together say what it is about: it sees what any of them names. `channels` are
    those that it may hear, `commands` those that it may give.
    """

    accounts: Annotated[tuple[Account, ...], Meta(max_length=SCOPED_MAX)] = ()
    experts: Annotated[tuple[EaId, ...], Meta(max_length=SCOPED_MAX)] = ()
    groups: Annotated[tuple[Word, ...], Meta(max_length=SCOPED_MAX)] = ()
    channels: Annotated[tuple[Word, ...], Meta(max_length=SCOPED_MAX)] = ()
    commands: Annotated[tuple[Word, ...], Meta(max_length=SCOPED_MAX)] = ()

    @property
    def labels(self) -> frozenset[str] | None:
        """The labels of what it may see; None is all of them."""
        if not (self.accounts or self.experts or self.groups):
            return None
        accounts, experts, groups = self.accounts, self.experts, self.groups
        return frozenset([*map(account_label, accounts), *map(expert_label, experts), *map(group_label, groups)])


class Binding(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """The expert whose token it is: of an account and a magic; symbol and name where they are not left out."""

    server: Annotated[str, Meta(min_length=1, max_length=128)]
    login: Annotated[int, Meta(gt=0, le=2**63 - 1)]
    magic: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
    symbol: Annotated[str, Meta(max_length=64)] | None = None
    name: Annotated[str, Meta(min_length=1, max_length=128)] | None = None

    def is_of(self, expert: Any) -> bool:
        """Tell whether this is the expert (its server, login, magic, symbol and name)."""
        return (
            (expert.server, expert.login, expert.magic) == (self.server, self.login, self.magic)
            and self.symbol in (None, expert.symbol)
            and self.name in (None, expert.name)
        )


class Holder(NamedTuple):
    """Whose token somebody came in with: its id, and which of the secrets that it has had, counted from 0."""

    token_id: str = ""
    secret: int = 0


class Reporter(Struct, frozen=True):
    """Who reports: what about it may.

    Args:
        scope: the labels of what it may speak of; None is everything.
        expert: the one expert that it is; None for those who speak of many.
        holder: of which token.
    """

    scope: frozenset[str] | None = None
    expert: Binding | None = None
    holder: Holder = Holder()


ANYBODY = Reporter()
"""May report whatever there is."""
NOBODY = Reporter(frozenset())
"""May report nothing."""


class Commander(NamedTuple):
    """Who commands: what about it may. Without anything said, nothing.

    Args:
        by: the id of its token.
        scope: the labels of what it may command; None is everything.
        may: whether it may give this command.
    """

    by: str = ""
    scope: frozenset[str] | None = frozenset()
    may: Callable[[str], bool] = lambda _: False


class Token(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One token, as it is kept. Times are UTC milliseconds.

    Args:
        token_id: names it in lists, logs and answers.
        name: for people.
        role: what it may do.
        hash: of the secret that counts now.
        scopes: what it is limited to.
        expert: the expert whose it is.
        created_ms: when it was made.
        created_by: who made it.
        expires_ms: from when on it is worth nothing; None for never.
        revoked_ms: since when it is worth nothing.
        rotations: how often it was given a new secret.
        rotated_ms: when that was last.
        previous_hash: of the secret before.
        previous_until_ms: until when that one counts as well.
        sealed_key: of an expert's: the key that signs its commands, derived from its secret, and sealed.
        previous_sealed_key: likewise, of the secret before.
    """

    token_id: str
    name: str = ""
    role: str
    hash: bytes
    scopes: Scopes = Scopes()
    expert: Binding | None = None
    created_ms: int
    created_by: str = ""
    expires_ms: int | None = None
    revoked_ms: int | None = None
    rotations: int = 0
    rotated_ms: int | None = None
    previous_hash: bytes = b""
    previous_until_ms: int = 0
    sealed_key: bytes = b""
    previous_sealed_key: bytes = b""

    def __repr__(self) -> str:
        """Show which, and no hash."""
        return f"<Token {self.token_id} {self.role}>"

    def is_over(self, utc_ms: int) -> bool:
        """Tell whether it is worth nothing any more."""
        return self.revoked_ms is not None or (self.expires_ms is not None and utc_ms >= self.expires_ms)


class TokenRequest(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What token is wanted. `expires_at` is UTC; `lifetime_s` counts from now; without either it never expires."""

    role: Word
    name: Name = ""
    scopes: Scopes = Scopes()
    expert: Binding | None = None
    expires_at: Annotated[str, Meta(max_length=40)] | None = None
    lifetime_s: Annotated[float, Meta(gt=0, le=3_155_760_000)] | None = None


class RotateRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long the secret before counts beside the new one, in seconds; 0 ends it, and its sessions, at once."""

    overlap_s: Annotated[float, Meta(ge=0, le=2_592_000)] = 3600.0


class TokenRow(Row, frozen=True, kw_only=True):
    """A token, as it is listed. `status` is `active`, `expired` or `revoked`.

    `overlap_until` is until when the secret before the last rotation counts as well.
    """

    token_id: str
    name: str
    role: str
    status: str
    scopes: Scopes
    expert: Binding | None = None
    created_at: str
    created_by: str
    expires_at: str | None = None
    revoked_at: str | None = None
    rotated_at: str | None = None
    overlap_until: str | None = None


class IssuedToken(Row, frozen=True, kw_only=True):
    """The one answer that holds a token: what it is, and the token itself. It can't be shown again."""

    token: str
    about: TokenRow

    def __repr__(self) -> str:
        """Hide the token."""
        return f"IssuedToken(token='...', about={self.about!r})"
