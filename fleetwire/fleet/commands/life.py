"""The life of a command: its states, which may follow which, and what is known of one."""

from enum import StrEnum
from typing import Annotated, Any, Final, NamedTuple

import msgspec
from msgspec import Meta, Struct, structs

from fleetwire.fleet.commands.table import Priority

Key = Annotated[str, Meta(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]*\Z")]
Reason = Annotated[str, Meta(max_length=256, pattern=r"^[^\x00]*\Z")]
Name = Annotated[str, Meta(min_length=1, max_length=128)]

EXPIRES_S: Final = 60.0
"""How long a command may wait for being accepted, where its operator does not say."""
EXPIRES_S_MIN: Final = 1.0
EXPIRES_S_MAX: Final = 604_800.0


class Status(StrEnum):
    """Where a command is in its life."""

    queued = "queued"
    delivered = "delivered"
    accepted = "accepted"
    executed = "executed"
    partial = "partial"
    rejected = "rejected"
    failed = "failed"
    expired = "expired"
    cancelled = "cancelled"
    unknown = "unknown"

    @property
    def is_end(self) -> bool:
        """Whether nothing can follow."""
        return not TRANSITIONS[self]


MEANINGS: Final[dict[Status, str]] = {
    Status.queued: "on disk; not handed to the expert yet",
    Status.delivered: "handed to the expert, which has not said a word",
    Status.accepted: "the expert has it on its own disk, and is about to execute it, or at it",
    Status.executed: "done",
    Status.partial: "done in part: `results` say what, and what not",
    Status.rejected: "the expert will not do it; nothing was done",
    Status.failed: "the expert could not do it, or never had it; nothing was done",
    Status.expired: "its time was over before the expert took it; nothing was done",
    Status.cancelled: "taken back before it was handed over; nothing was done",
    Status.unknown: "handed over, and then lost sight of; the expert's next full report tells",
}

_ENDS_BY_WORD: Final = frozenset({Status.executed, Status.partial, Status.rejected, Status.failed})

TRANSITIONS: Final[dict[Status, frozenset[Status]]] = {
    Status.queued: frozenset({Status.delivered, Status.rejected, Status.expired, Status.cancelled}),
    Status.delivered: _ENDS_BY_WORD | {Status.accepted, Status.expired, Status.unknown},
    Status.accepted: _ENDS_BY_WORD | {Status.expired, Status.unknown},
    Status.unknown: _ENDS_BY_WORD | {Status.accepted, Status.expired},
    Status.executed: frozenset(),
    Status.partial: frozenset(),
    Status.rejected: frozenset(),
    Status.failed: frozenset(),
    Status.expired: frozenset(),
    Status.cancelled: frozenset(),
}
"""What may follow what. Nothing else ever happens to a command."""

WORDS: Final = _ENDS_BY_WORD | {Status.accepted, Status.expired}
"""What an expert may say of a command."""

UNDER_WAY: Final = (Status.delivered, Status.accepted)
"""Where an expert has it, and may be at it."""
WAITING: Final = (Status.queued, *UNDER_WAY)
"""Where a command takes room in an expert's queue."""


class Target(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """For whom a command is: exactly one of these. `account` is "server/login"."""

    ea_id: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | None = None
    account: Name | None = None
    group: Name | None = None
    strategy: Name | None = None
    all: bool = False

    def __post_init__(self) -> None:
        """Refuse none, and more than one: a command must never reach who was not meant."""
        names = [self.account, self.group, self.strategy]
        if (self.ea_id is not None) + self.all + sum(name is not None for name in names) != 1:
            raise ValueError("give exactly one of ea_id, account, group, strategy, all")

    def __str__(self) -> str:
        """Say it for people."""
        if self.ea_id is not None:
            return f"EA {self.ea_id}"
        for name in ("account", "group", "strategy"):
            if (value := getattr(self, name)) is not None:
                return f"{name} {value}"
        return "all experts"


class CommandRequest(Struct, frozen=True, kw_only=True):
    """What an operator asks for.

    Args:
        command: a name of `COMMANDS`.
        target: for whom.
        params: what the command has to say.
        by: the operator's token id, or "admin"; never the token.
        address: from where.
        reason: why; it goes into the audit.
        idempotency_key: the same key of the same operator is the same command, however often it is sent.
        expires_in_s: after how many seconds nobody may begin it any more.
        confirm: what a `ConfirmationError` gave, where the command has to be sent twice.
    """

    command: str
    target: Target
    params: dict[str, Any] = {}
    by: str = "admin"
    address: str = ""
    reason: Reason = ""
    idempotency_key: Key | None = None
    expires_in_s: Annotated[float, Meta(ge=EXPIRES_S_MIN, le=EXPIRES_S_MAX)] = EXPIRES_S
    confirm: Key | None = None


class Command(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One command for one expert, or the parent of those for several.

    Args:
        command_id: its own; for a child the parent's, a dot, and a number.
        number: in which order commands were issued; never given twice.
        parent_id: of a child; empty where there is no parent.
        ea_id: whose it is; None for a parent.
        target: whom the operator meant, in words.
        command: a name of `COMMANDS`.
        params: as they were checked.
        priority: the lowest goes first.
        status: where it is in its life.
        by: who asked for it: a token's id, or "admin".
        address: from where.
        reason: why.
        issued_ms: when, UTC.
        expires_ms: when nobody may begin it any more, UTC; by the wall clock of when this was last written.
        lifetime_ms: how long it may wait.
        clock_ms: what the wall clock showed when the monotonic one began, when this was last written.
        nonce: makes its signature like no other.
        boot_id: the run of the expert that it was handed to.
        changed_ms: when it came into its status.
        why: it is in this status.
        results: what the expert said of it; of a parent, how many children are in which status.
        idempotency_key: of a command without a parent.
        fingerprint: of what was asked for under that key.
    """

    command_id: str
    number: int
    parent_id: str = ""
    ea_id: int | None = None
    target: str = ""
    command: str
    params: dict[str, Any] = {}
    priority: Priority = Priority.normal
    status: Status = Status.queued
    by: str
    address: str = ""
    reason: str = ""
    issued_ms: int
    expires_ms: int
    lifetime_ms: int
    clock_ms: int
    nonce: str = ""
    boot_id: str = ""
    changed_ms: int = 0
    why: str = ""
    results: dict[str, Any] = {}
    idempotency_key: str = ""
    fingerprint: str = ""

    @property
    def is_parent(self) -> bool:
        """Whether it is for several experts, each of which has a child of it."""
        return self.ea_id is None

    @property
    def owner(self) -> int:
        """Whose it is.

        Raises:
            ValueError: it is a parent, and several experts'.
        """
        if self.ea_id is None:
            raise ValueError(f"command {self.command_id} is for several experts")
        return self.ea_id

    @property
    def urgency(self) -> tuple[int, int]:
        """What goes first: by priority, then in the order in which they were issued."""
        return (self.priority, self.number)

    @property
    def settled_ms(self) -> int | None:
        """When it came to an end or was lost sight of; None while it is under way."""
        return None if self.status in WAITING else self.changed_ms

    def memory(self) -> bytes:
        """Write it for the store."""
        return _encode(self)


class Step(NamedTuple):
    """One step in a command's life; `before` is None for the first. To be kept, then told.

    Args:
        before: as it was.
        after: as it is.
        by: who took the step: a token's id, "EA 1007", or "server".
        utc_ms: when.
        address: from where.
        why: in words.
    """

    before: Command | None
    after: Command
    by: str
    utc_ms: int
    address: str = ""
    why: str = ""


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(Command).decode


def read_memory(memory: bytes) -> Command:
    """Read what `Command.memory` wrote.

    Raises:
        msgspec.MsgspecError: it is no such thing.
    """
    return _decode(memory)


def moved(command: Command, status: Status, utc_ms: int, why: str, **more: Any) -> Command:
    """Give the command as it is after a step that the table has."""
    if status not in TRANSITIONS[command.status]:
        raise AssertionError(f"{command.status} is never followed by {status}")
    return structs.replace(command, status=status, changed_ms=utc_ms, why=why, **more)
