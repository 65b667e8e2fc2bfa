"""The tokens that there are beside the one of the settings: made, given another secret, revoked, found by their hashes.

What is made or changed here is a draft: whoever keeps it puts it into force (`put`) once it is kept.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from msgspec import structs

from fleetwire.hub.roles import Role
from fleetwire.wire.channels import CHANNEL_BY_NAME
from fleetwire.wire.errors import DataError, NotFoundError
from fleetwire.wire.moment import read_utc, utc_text
from fleetwire.wire.tokens import Binding, Scopes, Token, TokenRequest, TokenRow

TOKENS_MAX: Final = 1000


class Found(NamedTuple):
    """A token, and whether it was found by the secret before its last rotation."""

    token: Token
    by_previous: bool


class Tokens:
    """All tokens, those that are over included, as long as there is room.

    Args:
        tokens_max: how many there may be.
    """

    def __init__(self, tokens_max: int = TOKENS_MAX) -> None:
        self._tokens_max = tokens_max
        self._tokens: dict[str, Token] = {}
        self._by_hash: dict[bytes, str] = {}
        self._by_expert: dict[tuple[str, int, int], list[str]] = {}  # server, login, magic -> ids, oldest first

    def __len__(self) -> int:
        """How many there are."""
        return len(self._tokens)

    def all(self) -> list[Token]:
        """List them, oldest first."""
        return list(self._tokens.values())

    def get(self, token_id: str) -> Token | None:
        """Give one."""
        return self._tokens.get(token_id)

    def of_expert(self, server: str, login: int, magic: int) -> list[Token]:
        """List the tokens that are bound to experts of an account and a magic, oldest first."""
        return [self._tokens[token_id] for token_id in self._by_expert.get((server, login, magic), ())]

    def find(self, digest: bytes, utc_ms: int) -> Found | None:
        """Find the token with a secret of this hash that is worth something now."""
        token = self._tokens.get(self._by_hash.get(digest, ""))
        if token is None or token.is_over(utc_ms) or token.role not in Role.__members__:  # a role of a later version
            return None
        if digest == token.hash:
            return Found(token, by_previous=False)
        return Found(token, by_previous=True) if utc_ms < token.previous_until_ms else None

    # ------------------------------------------------------------------------------------------------------- in force

    def restore(self, tokens: Iterable[Token]) -> None:
        """Take what an earlier run has kept."""
        for token in sorted(tokens, key=lambda token: (token.created_ms, token.token_id)):
            self.put(token)

    def put(self, token: Token) -> None:
        """Put a token into force, in the place of the same one as it was."""
        self._forget_hashes(token.token_id)
        if token.expert is not None and token.token_id not in self._tokens:
            self._by_expert.setdefault(_expert_of(token.expert), []).append(token.token_id)
        self._tokens[token.token_id] = token
        self._by_hash[token.hash] = token.token_id
        if token.previous_hash:
            self._by_hash[token.previous_hash] = token.token_id

    def drop(self, token_id: str) -> None:
        """Forget a token."""
        self._forget_hashes(token_id)
        token = self._tokens.pop(token_id, None)
        if token is not None and token.expert is not None:
            bound = self._by_expert[_expert_of(token.expert)]
            bound.remove(token_id)
            if not bound:
                del self._by_expert[_expert_of(token.expert)]

    def _forget_hashes(self, token_id: str) -> None:
        known = self._tokens.get(token_id)
        for digest in (known.hash, known.previous_hash) if known is not None else ():
            self._by_hash.pop(digest, None)

    # --------------------------------------------------------------------------------------------------------- drafts

    def draft(self, request: TokenRequest, token_id: str, secret_hash: bytes, by: str, utc_ms: int) -> Token:
        """Draft a new token.

        Args:
            request: what is wanted.
            token_id: its name; not given before.
            secret_hash: of its secret.
            by: who makes it.
            utc_ms: now.

        Raises:
            DataError: there can be no such token; says why.
        """
        _check(request)
        return Token(
            token_id=token_id,
            name=request.name,
            role=request.role,
            hash=secret_hash,
            scopes=request.scopes,
            expert=request.expert,
            created_ms=utc_ms,
            created_by=by,
            expires_ms=_expiry(request, utc_ms),
        )

    def room_for_one(self, utc_ms: int) -> Token | None:
        """Find what must be dropped for one more: the oldest that is over; None where there is room.

        Raises:
            DataError: there is no room, and none of them is over.
        """
        if len(self._tokens) < self._tokens_max:
            return None
        over = next((token for token in self._tokens.values() if token.is_over(utc_ms)), None)
        if over is None:
            raise DataError(f"there are {self._tokens_max:,} tokens already (tokens_max): revoke one")
        return over

    def rotated(self, token_id: str, secret_hash: bytes, overlap_s: float, utc_ms: int) -> Token:
        """Draft the same token with another secret; the one before counts for `overlap_s` more seconds.

        Raises:
            NotFoundError: there is no such token.
            DataError: it is over: a new one is meant.
        """
        token = self._known(token_id)
        if token.is_over(utc_ms):
            raise DataError(f"the token {token_id} is {_status(token, utc_ms)}: create a new one")
        return structs.replace(
            token,
            hash=secret_hash,
            rotations=token.rotations + 1,
            rotated_ms=utc_ms,
            previous_hash=token.hash if overlap_s > 0 else b"",
            previous_until_ms=utc_ms + round(overlap_s * 1000),
            sealed_key=b"",
            previous_sealed_key=token.sealed_key if overlap_s > 0 else b"",
        )

    def revoked(self, token_id: str, utc_ms: int) -> Token:
        """Draft the same token, revoked; one that is revoked already stays as it is.

        Raises:
            NotFoundError: there is no such token.
        """
        token = self._known(token_id)
        return token if token.revoked_ms is not None else structs.replace(token, revoked_ms=utc_ms)

    def _known(self, token_id: str) -> Token:
        token = self._tokens.get(token_id)
        if token is None:
            raise NotFoundError(f"there is no token {token_id!r:.60}: fleetwire token list shows those there are")
        return token


def _expert_of(binding: Binding) -> tuple[str, int, int]:
    return binding.server, binding.login, binding.magic


def _check(request: TokenRequest) -> None:
    if request.role not in Role.__members__:
        raise DataError(f"role: {request.role!r:.40} must be one of {', '.join(Role.__members__)}")
    if not request.name.isprintable():
        raise DataError("name: it must hold no control characters")
    for channel in request.scopes.channels:
        if channel not in CHANNEL_BY_NAME:
            raise DataError(f"channels: no channel {channel!r:.60}: there are {', '.join(CHANNEL_BY_NAME)}")
    if request.role == Role.admin.value and request.scopes != Scopes():
        raise DataError("an admin may everything, and makes tokens: give a token with scopes another role")
    if (request.expert is not None) is not (request.role == Role.expert.value):
        raise DataError("a token of the role expert is bound to its expert (server, login and magic), and no other is")
    if request.role == Role.expert.value and request.scopes != Scopes():
        raise DataError("an expert's token has no scopes: it speaks of its own expert only")


def _expiry(request: TokenRequest, utc_ms: int) -> int | None:
    if request.lifetime_s is not None and request.expires_at is not None:
        raise DataError("give expires_at or lifetime_s, not both")
    if request.lifetime_s is not None:
        return utc_ms + round(request.lifetime_s * 1000)
    if request.expires_at is None:
        return None
    try:
        expires_ms = read_utc(request.expires_at)
    except (ValueError, OverflowError):
        raise DataError(f"expires_at: {request.expires_at!r:.40} is no time, like 2027-01-31T00:00:00Z") from None
    if expires_ms <= utc_ms:
        raise DataError(f"expires_at: {request.expires_at:.40} is over already")
    return expires_ms


def _status(token: Token, utc_ms: int) -> str:
    if token.revoked_ms is not None:
        return "revoked"
    return "expired" if token.is_over(utc_ms) else "active"


def token_row(token: Token, utc_ms: int) -> TokenRow:
    """Describe a token, without its hashes."""
    overlaps = token.previous_hash and not token.is_over(utc_ms) and utc_ms < token.previous_until_ms
    return TokenRow(
        token_id=token.token_id,
        name=token.name,
        role=token.role,
        status=_status(token, utc_ms),
        scopes=token.scopes,
        expert=token.expert,
        created_at=utc_text(token.created_ms),
        created_by=token.created_by,
        expires_at=_text(token.expires_ms),
        revoked_at=_text(token.revoked_ms),
        rotated_at=_text(token.rotated_ms),
        overlap_until=utc_text(token.previous_until_ms) if overlaps else None,
    )


def _text(utc_ms: int | None) -> str | None:
    return None if utc_ms is None else utc_text(utc_ms)
