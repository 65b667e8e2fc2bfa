"""Tokens are made, rotated and revoked here: each change is kept before it is answered."""

import asyncio
import logging
import secrets
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import msgspec
from msgspec import structs

from fleetwire.hub.tokens import Tokens, token_row
from fleetwire.integration.keeper import Done
from fleetwire.ports import KeptAudit, KeptToken, Record
from fleetwire.wire.audit import AuditTrail
from fleetwire.wire.errors import StoreError
from fleetwire.wire.signature import hash_token, new_token
from fleetwire.wire.tokens import IssuedToken, Token, TokenRequest, TokenRow

logger = logging.getLogger("fleetwire.integration")

_ID_PREFIX: Final = "tok_"


class KeptTokens:
    """`fleetwire.ports.TokenDesk`: tokens that are kept in a store.

    Args:
        tokens: those in force.
        keep: hands a unit to the store, in its order; as `Store.keep`.
        trail: makes rows of the audit.
        take_utc_ms: gives the time by which they expire.
        changed: is called when one of them has changed.
        seal: derives the key that signs an expert's commands from its token, and seals it; is given the token's id, and
            the token.
    """

    def __init__(
        self,
        tokens: Tokens,
        keep: Callable[[Sequence[Record], Done | None], None],
        trail: AuditTrail,
        take_utc_ms: Callable[[], int],
        changed: Callable[[], None],
        seal: Callable[[str, str], bytes],
    ) -> None:
        self._seal = seal
        self._tokens = tokens
        self._keep = keep
        self._trail = trail
        self._take_utc_ms = take_utc_ms
        self._changed = changed
        self._one_at_a_time = asyncio.Lock()

    async def create(self, request: TokenRequest, by: str, address: str = "") -> IssuedToken:
        """Make a token; it counts once it is kept."""
        async with self._one_at_a_time:
            secret, utc_ms = new_token(), self._take_utc_ms()
            token = self._tokens.draft(request, self._new_id(), hash_token(secret), by, utc_ms)
            token = self._sealed(token, secret)
            dropped = self._tokens.room_for_one(utc_ms)
            records = [KeptToken(token)] if dropped is None else [KeptToken(dropped, True), KeptToken(token)]
            undo = [KeptToken(token, True)] if dropped is None else [KeptToken(token, True), KeptToken(dropped)]
            await self._kept(records, undo, _Change("token_created", token, "", by, address, utc_ms))
            if dropped is not None:
                self._tokens.drop(dropped.token_id)
            self._tokens.put(token)
        logger.info("token %s (%s) was made by %s", token.token_id, token.role, by)
        return IssuedToken(token=secret, about=token_row(token, utc_ms))

    def listed(self) -> list[TokenRow]:
        """List all tokens, oldest first."""
        utc_ms = self._take_utc_ms()
        return [token_row(token, utc_ms) for token in self._tokens.all()]

    async def revoke(self, token_id: str, by: str, address: str = "") -> TokenRow:
        """Let a token count no more: at once, and then that is kept."""
        async with self._one_at_a_time:
            utc_ms = self._take_utc_ms()
            before = self._tokens.get(token_id)
            token = self._tokens.revoked(token_id, utc_ms)
            was = "" if before is None else token_row(before, utc_ms).status
            self._put(token)
            logger.info("token %s was revoked by %s", token_id, by)
            try:
                await self._kept([KeptToken(token)], [], _Change("token_revoked", token, was, by, address, utc_ms))
            except StoreError as error:
                raise StoreError(f"{token_id} counts no more, but only until a restart: {error}") from error
        return token_row(token, utc_ms)

    async def rotate(self, token_id: str, overlap_s: float, by: str, address: str = "") -> IssuedToken:
        """Give a token another secret; it counts once it is kept."""
        async with self._one_at_a_time:
            secret, utc_ms = new_token(), self._take_utc_ms()
            before = self._tokens.get(token_id)
            token = self._sealed(self._tokens.rotated(token_id, hash_token(secret), overlap_s, utc_ms), secret)
            change = _Change("token_rotated", token, "active", by, address, utc_ms)
            await self._kept([KeptToken(token)], [KeptToken(before)] if before is not None else [], change)
            self._put(token)
        logger.info("token %s was given another secret by %s", token_id, by)
        return IssuedToken(token=secret, about=token_row(token, utc_ms))

    def _sealed(self, token: Token, secret: str) -> Token:
        """Add to an expert's token the key that signs its commands; here, and never again, its secret is known."""
        if token.expert is None:
            return token
        return structs.replace(token, sealed_key=self._seal(token.token_id, secret))

    def _put(self, token: Token) -> None:
        self._tokens.put(token)
        self._changed()

    def _new_id(self) -> str:
        while True:
            token_id = _ID_PREFIX + secrets.token_hex(4)
            if self._tokens.get(token_id) is None:
                return token_id

    async def _kept(self, records: list[KeptToken], undo: list[KeptToken], change: "_Change") -> None:
        """Wait until records, and the row of the audit about them, are on disk.

        Where they can't be now, they are taken back: the store would write them yet.

        Raises:
            StoreError: they can't be kept now.
        """
        waiting: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()

        def done(error: Exception | None) -> None:
            if not waiting.done():
                waiting.set_result(error)

        self._keep([*records, self._row(change)], done)
        error = await waiting
        if error is not None:
            if undo:
                self._keep([*undo, self._row(change, withdrawn=str(error))], None)
            raise error

    def _row(self, change: "_Change", withdrawn: str = "") -> KeptAudit:
        row = token_row(change.token, change.utc_ms)
        about = {"role": row.role, "name": row.name, "scopes": row.scopes, "expires_at": row.expires_at}
        return KeptAudit(
            self._trail.row(
                utc_ms=change.utc_ms,
                who=change.by,
                address=change.address,
                action="token_withdrawn" if withdrawn else change.action,
                subject=row.token_id,
                before=row.status if withdrawn else change.before,
                after=change.before if withdrawn else row.status,
                why=withdrawn,
                details=msgspec.json.encode(about | ({"expert": row.expert} if row.expert else {})).decode(),
            )
        )


class _Change(NamedTuple):
    """What is done to a token, as the audit has it."""

    action: str
    token: Token
    before: str
    by: str
    address: str
    utc_ms: int
