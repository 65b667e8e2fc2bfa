"""Steps of commands that are kept together: on disk first; then handed over, answered and told, in this order.

When the commit of a batch is through, commands go out to their experts, whoever asked is answered, and everybody is
told. What can't be kept now waits, and goes on as soon as the store has written it.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from enum import StrEnum
from typing import Final, NamedTuple

from fleetwire.fleet.commands import Command, Status, Step, audit_row
from fleetwire.integration.doors import Place
from fleetwire.integration.keeper import Keeper
from fleetwire.ports import KeptAudit, KeptCommand, Record
from fleetwire.wire.audit import AuditRow
from fleetwire.wire.errors import StoreError

logger = logging.getLogger("fleetwire.commands")

_AGAIN_S: Final = 0.5  # until the store is asked again whether it can write


class What(StrEnum):
    """What a batch keeps."""

    submit = "submit"
    cancel = "cancel"
    hand_over = "hand_over"
    answer = "answer"
    report = "report"
    time = "time"
    refusal = "refusal"


class Point(StrEnum):
    """Where in a batch the server can be killed; a test does."""

    before_keep = "before_keep"
    after_commit = "after_commit"
    after_hand_over = "after_hand_over"
    after_answer = "after_answer"
    after_telling = "after_telling"


POINTS: Final = (
    *(f"{what}.{point}" for what in What if what is not What.refusal for point in Point),
    *(f"{What.refusal}.{point}" for point in (Point.before_keep, Point.after_commit)),
)
"""Every step of the life of a batch: before and after each commit, and each send. Who is refused is told at once."""

Answer = Callable[[StoreError | None], None]
"""Is called once: with None when all is on disk, or with why it can't be now."""


class Handed(NamedTuple):
    """Commands that an expert is handed together, where it is now."""

    place: Place
    ea_id: int
    command_ids: list[str]


class _Batch(NamedTuple):
    what: What
    told: list[tuple[Step, AuditRow]]  # its steps, each with its row of the audit
    handed: list[Handed]
    answer: Answer | None


class Batches:
    """Keeps batches in their order, and does what follows from each.

    Args:
        keeper: writes them; None where nothing is kept, and no command can be.
        hand_over: gives commands to their expert, without waiting.
        tell: tells everybody how a command stands; is given the number of the audit's row as well.
    """

    def __init__(
        self, keeper: Keeper | None, hand_over: Callable[[Handed], None], tell: Callable[[Command, int], None]
    ) -> None:
        self.at: Callable[[str], None] = lambda _: None
        """Is told each point of `POINTS` as it is passed; a test kills the server there."""
        self._keeper = keeper
        self._hand_over = hand_over
        self._tell = tell
        self._batches: deque[_Batch] = deque()
        self._answered: set[int] = set()  # ids of batches in `_batches` whose asker was told of a failure
        self._waiting: asyncio.Task[None] | None = None

    def stop(self) -> None:
        """Ask the store no more; what it writes yet is gone on with."""
        if self._waiting is not None:
            self._waiting.cancel()

    def holds(self, command_id: str) -> bool:
        """Whether a step of a command is not on disk yet."""
        return any(step.after.command_id == command_id for batch in self._batches for step, _ in batch.told)

    def keep(self, what: What, steps: list[Step], handed: list[Handed], answer: Answer | None = None) -> None:
        """Keep steps, and go on with them once they are on disk.

        Raises:
            StoreError: nothing can be kept here at all; `answer` is not called.
        """
        keeper = self._keeper
        if keeper is None:
            raise StoreError("commands need a database, and this server keeps nothing")
        self.at(f"{what}.{Point.before_keep}")
        told = [(step, audit_row(keeper.trail, step)) for step in steps]
        latest = {step.after.command_id: step.after for step in steps}
        records: list[Record] = [_kept(command) for command in latest.values()]
        records += [KeptAudit(row) for _, row in told]
        batch = _Batch(what, told, handed, answer)
        self._batches.append(batch)
        keeper.commit(records, lambda error: self._written(batch, error))

    def _written(self, batch: _Batch, error: Exception | None) -> None:
        """Go on with a batch that is on disk, and those before it; or wait until it is."""
        if error is None:
            self._go_on_until(batch)
            return
        if batch.answer is not None:
            batch.answer(StoreError(f"it can't be kept now, and nothing was handed over: {error}"))
        self._answered.add(id(batch))
        if self._waiting is None or self._waiting.done():
            self._waiting = asyncio.get_running_loop().create_task(self._wait_for_store())

    async def _wait_for_store(self) -> None:
        """Ask the store until it can write again: what waited goes on then."""
        while self._batches and self._keeper is not None:
            last = self._batches[-1]
            try:
                await self._keeper.store.committed()
            except StoreError:
                await asyncio.sleep(_AGAIN_S)
            else:
                self._go_on_until(last)

    def _go_on_until(self, last: _Batch) -> None:
        """Units are written in their order: with one, all before it are on disk."""
        if not any(batch is last for batch in self._batches):
            return
        while True:
            batch = self._batches.popleft()
            try:
                self._go_on(batch)
            except Exception:  # a defect in one must not keep the others waiting for ever
                logger.exception("a batch of commands (%s) could not be handled to its end", batch.what)
            if batch is last:
                return

    def _go_on(self, batch: _Batch) -> None:
        self.at(f"{batch.what}.{Point.after_commit}")
        for handed in batch.handed:
            self._hand_over(handed)
        self.at(f"{batch.what}.{Point.after_hand_over}")
        if id(batch) in self._answered:
            self._answered.discard(id(batch))
        elif batch.answer is not None:
            batch.answer(None)
        self.at(f"{batch.what}.{Point.after_answer}")
        for step, row in batch.told:
            self._tell(step.after, row.number)
        self.at(f"{batch.what}.{Point.after_telling}")


def is_finished(command: Command) -> bool:
    """Whether there is an end to tell: being lost sight of counts as one while it lasts."""
    return command.status.is_end or command.status is Status.unknown


def _kept(command: Command) -> KeptCommand:
    """Give a command as it is kept."""
    return KeptCommand(
        command_id=command.command_id,
        number=command.number,
        parent_id=command.parent_id,
        ea_id=command.ea_id,
        command=command.command,
        status=command.status.value,
        by=command.by,
        issued_ms=command.issued_ms,
        settled_ms=command.changed_ms if is_finished(command) else None,
        memory=command.memory(),
    )
