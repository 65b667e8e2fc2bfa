"""What an expert asks of a command before it acts: is it genuine, for me, new, still wanted? No socket, no clock."""

from enum import Enum
from typing import Any, Final

import msgspec
from msgspec import Struct

from fleetwire.client.journal import Journal
from fleetwire.wire.errors import DataError
from fleetwire.wire.messages import OrderData
from fleetwire.wire.signature import SignedCommand, read_signed

ENDS: Final = frozenset({"executed", "partial", "rejected", "failed", "expired"})
"""How a command ends by the word of an expert."""
URGENT: Final = "emergency_stop"
"""Overtakes what waits."""


class Outcome(Struct, frozen=True):
    """How a command ended.

    Args:
        status: `executed`, `partial`, `rejected` or `failed`.
        results: what was done: return codes, tickets, texts; anything that JSON can say.
    """

    status: str = "executed"
    results: dict[str, Any] = {}

    def __post_init__(self) -> None:
        """Refuse what is no end."""
        if self.status not in ENDS:
            raise ValueError(f"a command ends as one of {', '.join(sorted(ENDS))}, not as {self.status!r:.40}")


class ReceivedCommand(Struct, frozen=True):
    """A command as an expert's handler gets it.

    Args:
        command_id: names it for good.
        command: what to do.
        params: how.
        issued_ms: when it was asked for, in milliseconds since 1970 (UTC).
        expires_ms: from when on nobody may begin with it.
    """

    command_id: str
    command: str
    params: dict[str, Any]
    issued_ms: int
    expires_ms: int


class Verdict(Enum):
    """What is to be done with a command that came; the value says it for a log."""

    new = "to be carried out"
    known = "given before: its outcome is told again"
    expired = "came too late"
    unsupported = "not known to this expert"
    unreadable = "is no command"
    forged = "its signature is wrong"
    unsigned = "has no signature, and this expert has a key"
    misdirected = "is for another expert"
    outdated = "is for an earlier run of this expert"
    replayed = "is older than what this expert remembers"


def read_order(data: object) -> OrderData | None:
    """Read what a server sent; None where it is no command."""
    try:
        return msgspec.convert(data, OrderData)
    except msgspec.ValidationError:
        return None


class Inspector:
    """Looks at each command before anything is done.

    Args:
        key: what this expert's commands are signed with; None where it shares its token with others.
        supports: the commands that it knows.
        journal: what it was given before.
        boot_id: this run of the expert.
    """

    def __init__(self, key: bytes | None, supports: frozenset[str], journal: Journal, boot_id: str) -> None:
        self._key = key
        self._supports = supports
        self._journal = journal
        self._boot_id = boot_id

    def look(self, order: OrderData, ea_id: int | None, now_ms: int) -> tuple[Verdict, ReceivedCommand | None]:
        """Tell what a command is, and what it says; nothing of it is believed that is not signed.

        Args:
            order: as it came.
            ea_id: who this expert is; None if it does not know yet.
            now_ms: the server's time, as well as it is known.
        """
        signed = self._genuine(order)
        if signed is None:
            return (Verdict.forged if order.signature or self._key is None else Verdict.unsigned), None
        command = ReceivedCommand(signed.command_id, signed.command, signed.params, signed.issued_ms, signed.expires_ms)
        return self._judge(signed, ea_id, now_ms), command

    def _genuine(self, order: OrderData) -> SignedCommand | None:
        if self._key is not None:
            try:
                return read_signed(self._key, order.signed.encode(), order.signature)
            except DataError:
                return None
        if order.signature:
            return None  # of a key that this expert does not have
        return SignedCommand(
            command_id=order.id,
            ea_id=order.target,
            command=order.command,
            params=order.params,
            issued_ms=order.issued,
            expires_ms=order.expires,
            nonce=order.nonce,
            boot_id=order.boot_id,
        )

    def _judge(self, signed: SignedCommand, ea_id: int | None, now_ms: int) -> Verdict:
        if signed.ea_id != ea_id:
            return Verdict.misdirected
        if self._journal.find(signed.command_id) is not None:
            return Verdict.known
        if signed.boot_id not in ("", self._boot_id):
            return Verdict.outdated
        if self._journal.may_be_forgotten(signed.issued_ms):
            return Verdict.replayed
        if now_ms >= signed.expires_ms:
            return Verdict.expired
        return Verdict.new if signed.command in self._supports else Verdict.unsupported
