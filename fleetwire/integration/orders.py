"""The service side of the command queue: what operators ask for, what experts are handed, and what they say of it.

Every step of a command is on disk before anybody hears of it: `batches` sees to that.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

import msgspec

from fleetwire.fleet.account import account_name
from fleetwire.fleet.commands import (
    Command,
    CommandLimits,
    CommandRequest,
    Commands,
    Refusals,
    Status,
    Step,
    Submission,
    Target,
    command_row,
    read_memory,
)
from fleetwire.fleet.events import CommandAck, CommandReport, ExpertId, ExpertReport
from fleetwire.fleet.expert import ExpertState
from fleetwire.integration.batches import Answer, Batches, Handed, Point, What, is_finished
from fleetwire.integration.doors import Door, Place, order_of
from fleetwire.ports import Memory
from fleetwire.wire.audit import AuditRow
from fleetwire.wire.errors import CommandError, ConflictError, ErrorCode, StoreError
from fleetwire.wire.messages import OrderData
from fleetwire.wire.moment import Moment
from fleetwire.wire.rows import CommandRow
from fleetwire.wire.tokens import Holder

if TYPE_CHECKING:
    from fleetwire.integration.service import IntegrationService

logger = logging.getLogger("fleetwire.commands")

HANDED_AT_ONCE: Final = 64
"""Commands that one expert is handed in one go; the next ones follow as it answers."""
_RETOLD_MAX: Final = 10_000  # steps of the run before that are told after a restart
_ROWS_AT_ONCE: Final = 1000


class Keys(Protocol):
    """Knows with what an expert's commands are signed."""

    def __call__(self, expert: ExpertId, holder: Holder) -> bytes | None:
        """Give the key for an expert that came in with a token; None where it has none: a shared token never signs."""


class Asker(NamedTuple):
    """Who asks, and what about it may be commanded.

    Args:
        by: the id of its token.
        address: from where.
        sees: whether an expert, given its labels, is within its scope.
        may: whether it may give this command.
    """

    by: str = "admin"
    address: str = ""
    sees: Callable[[ExpertState], bool] = lambda _: True
    may: Callable[[str], bool] = lambda _: True


class Orders:
    """Gives commands to experts, and knows what became of them.

    Args:
        service: whose fleet, store and clock it uses.
        limits: of the queue.
        keys: gives signing keys.
    """

    def __init__(
        self, service: "IntegrationService", limits: CommandLimits | None = None, keys: Keys | None = None
    ) -> None:
        self.commands = Commands(limits)
        self.keys: Keys = keys or (lambda _expert, _holder: None)
        self.batches = Batches(service.keeper, self._send, self._tell)
        self.places: dict[int, Place] = {}
        self._service = service
        self._watchers: dict[str, list[asyncio.Future[Command]]] = {}
        self._refusals = Refusals()

    # ------------------------------------------------------------------------------------------------------ the start

    def restore(self, memory: Memory, at: Moment) -> None:
        """Go on with what the run before has kept."""
        commands = [read_memory(kept.memory) for kept in memory.commands]
        keeper = self._service.keeper
        since = keeper.clock_since(memory, self._service.clock) if keeper is not None else None
        self.commands.restore(commands, at, memory.last_command_number, clock_since=since)

    async def tell_missed(self, told_until: int) -> None:
        """Tell what the run before has kept, and was ended before it could tell.

        Args:
            told_until: the row of the audit up to which everybody was told.
        """
        keeper = self._service.keeper
        if keeper is None:
            return
        after = max(told_until, keeper.trail.head.number - _RETOLD_MAX)
        while rows := await keeper.store.audit(after, _ROWS_AT_ONCE):
            after = rows[-1].number
            for row in rows:
                command = self.commands.get(row.subject)
                if command is not None and row.action == f"command_{row.after}":
                    self._tell(_as_it_was(command, row), row.number)

    def stop(self) -> None:
        """Hand nothing over any more."""
        self.places.clear()
        self.batches.stop()
        for watchers in self._watchers.values():
            for watcher in watchers:
                watcher.cancel()

    # ------------------------------------------------------------------------------------------------------ operators

    async def command(self, request: CommandRequest, asker: Asker) -> Submission:
        """Take a command; returns once it is on disk.

        Raises:
            CommandError: it is refused, and nothing changed.
            StoreError: it can't be kept now. It may be kept later: send it again with the same key to find out.
        """
        kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        submission = self.submit(request, asker, lambda error: _settle(kept, error))
        await kept
        return self._as_it_is_now(submission)

    def submit(self, request: CommandRequest, asker: Asker, answer: Answer) -> Submission:
        """Take a command, without waiting.

        Args:
            request: what is asked for.
            asker: by whom.
            answer: is told when it is on disk, or why that is not so.

        Raises:
            CommandError: it is refused, and nothing changed; `answer` is not called.
            StoreError: likewise.
        """
        self._check_store()
        at = self._service.clock.moment()
        try:
            if not asker.may(request.command):
                raise CommandError(ErrorCode.forbidden, f"this token may not give the command {request.command!r:.60}")
            experts = self._meant(request.target, asker)
            submission = self.commands.submit(request, experts, at, secrets.token_hex(8), secrets.token_hex(8))
        except CommandError as error:
            self.refuse(asker, "command_refused", str(request.target), f"{request.command:.60}: {error}")
            raise
        steps = list(submission.steps)
        handed: list[Handed] = []
        if not submission.repeated:
            for command in submission.children or [submission.command]:
                if command.ea_id is not None:
                    self._hand_over(command.ea_id, at, steps, handed)
        self.batches.keep(What.submit, steps, handed, answer)
        return submission

    def _meant(self, target: Target, asker: Asker) -> list[tuple[int, frozenset[str] | None]]:
        """List the experts that a target means, within the scope of who asks: (ea_id, what it supports)."""
        fleet = self._service.fleet
        if target.ea_id is not None:
            one = fleet.experts.get(target.ea_id)
            meant: Iterable[ExpertState] = [one] if one is not None else []
        else:
            meant = (expert for _, expert in sorted(fleet.experts.items()) if _is_meant(target, expert))
        return [(each.ea_id, _supports(each.report)) for each in meant if asker.sees(each)]

    def _as_it_is_now(self, submission: Submission) -> Submission:
        command_id = submission.command.command_id
        command = self.commands.get(command_id) or submission.command
        return Submission(command, self.commands.children(command_id), [], submission.repeated)

    async def cancel(self, command_id: str, asker: Asker, reason: str = "") -> Command:
        """Take a command back; returns once that is on disk.

        Raises:
            CommandError: it is not known, or an expert has it.
            StoreError: it can't be kept now.
        """
        kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.take_back(command_id, asker, reason, lambda error: _settle(kept, error))
        await kept
        return self.known(command_id, asker)

    def take_back(self, command_id: str, asker: Asker, reason: str, answer: Answer) -> None:
        """Take a command back, without waiting; else as `cancel`."""
        self._check_store()
        at = self._service.clock.moment()
        try:
            command = self.known(command_id, asker)
            if not asker.may(command.command):
                raise CommandError(ErrorCode.forbidden, f"this token may not give, nor take back, {command.command}")
            steps = self.commands.cancel(command_id, asker.by, at, address=asker.address, reason=reason)
        except CommandError as error:
            self.refuse(asker, "cancel_refused", command_id, str(error))
            raise
        self.batches.keep(What.cancel, steps, [], answer)

    def known(self, command_id: str, asker: Asker) -> Command:
        """Give a command as it stands.

        Raises:
            CommandError: it is not known, or not within the scope of who asks: nobody is told which.
        """
        command = self.commands.get(command_id)
        if command is not None and self.is_seen(command, asker):
            return command
        raise CommandError(ErrorCode.not_found, f"no command {command_id!r:.80} is known here, or it ended long ago")

    def is_seen(self, command: Command, asker: Asker) -> bool:
        """Tell whether a command is within the scope of who asks: one for several if it is theirs, or all of it is."""
        if command.ea_id is None:
            parts = self.commands.children(command.command_id)
            return command.by == asker.by or (bool(parts) and all(self.is_seen(each, asker) for each in parts))
        expert = self._service.fleet.experts.get(command.ea_id)
        return expert is not None and asker.sees(expert)

    def row(self, command: Command) -> CommandRow:
        """Give a command as it is listed."""
        return command_row(command)

    def finished(self, command_id: str) -> "asyncio.Future[Command]":
        """Give a future of a command's end; being lost sight of counts as one while it lasts.

        Raises:
            CommandError: it is not known.
        """
        watcher: asyncio.Future[Command] = asyncio.get_running_loop().create_future()
        command = self.known(command_id, Asker())
        if is_finished(command) and not self.batches.holds(command_id):
            watcher.set_result(command)
        else:
            self._watchers.setdefault(command_id, []).append(watcher)
            watcher.add_done_callback(lambda _: self._unwatch(command_id, watcher))
        return watcher

    def _unwatch(self, command_id: str, watcher: "asyncio.Future[Command]") -> None:
        watchers = self._watchers.get(command_id, [])
        if watcher in watchers:
            watchers.remove(watcher)
        if not watchers:
            self._watchers.pop(command_id, None)

    def refuse(self, asker: Asker, action: str, subject: str, why: str) -> None:
        """Put into the audit that somebody was refused something, and how much of it was left out before.

        Where nothing can be kept, the log has it.
        """
        logger.warning("%s: %r by %s: %s", action, subject[:80], asker.by, why)
        at = self._service.clock.moment()
        keeper = self._service.keeper
        left_out = self._refusals.left_out(asker.by, at.now)
        if keeper is None or left_out is None:
            return
        said = {"utc_ms": at.utc_ms, "who": asker.by, "address": asker.address, "action": action, "subject": subject}
        details = f'{{"left_out_before":{left_out}}}' if left_out else ""
        self.batches.at(f"{What.refusal}.{Point.before_keep}")
        try:
            keeper.audit(
                lambda _: self.batches.at(f"{What.refusal}.{Point.after_commit}"), **said, why=why, details=details
            )
        except StoreError as error:
            logger.error("that could not be put into the audit: %s", error)

    # -------------------------------------------------------------------------------------------------------- experts

    def reported(self, ea_id: int, report: ExpertReport, door: Door | None) -> None:
        """Note that an expert has reported, and by which way; what waits for it is handed over there.

        Args:
            ea_id: who.
            report: what it said.
            door: the way; None where it has to fetch commands (`collect`).
        """
        place = self.places.get(ea_id)
        is_here = place is not None and place.door == door and place.is_held and place.boot_id == report.boot_id
        if is_here and report.commands is None and not self.commands.unsettled(ea_id):
            return
        at = self._service.clock.moment()
        try:
            steps = self._heard(ea_id, report, at)
        except CommandError as error:
            who, address = _named(door)
            self.refuse(Asker(who, address), "word_refused", f"EA {ea_id}", f"in its report: {error}")
            return
        if door is None:
            self.places.pop(ea_id, None)
        elif not is_here:
            self.places[ea_id] = Place(door, report.boot_id)
        handed: list[Handed] = []
        self._hand_over(ea_id, at, steps, handed)
        if steps or handed:
            self.batches.keep(What.report, steps, handed)

    def _heard(self, ea_id: int, report: ExpertReport, at: Moment) -> list[Step]:
        steps = self.commands.expert_started(ea_id, report.boot_id, at)
        if report.commands is not None:
            said = {each.command_id: (each.status, each.results) for each in report.commands}
            steps += self.commands.expert_said(ea_id, said, at, report.boot_id)
        return steps

    def acknowledge(self, ack: CommandAck, door: Door | None, own: Iterable[int] = (), by: str = "") -> None:
        """Take an expert's word on a command.

        Args:
            ack: the word.
            door: the way by which it came; it speaks for the experts that were last heard there.
            own: for which experts it speaks besides.
            by: the id of the token by which it came, where there is no door.

        Raises:
            CommandError: it is refused, and nothing changed.
        """
        at = self._service.clock.moment()
        who, address = _named(door, by)
        try:
            ea_id = self._speaker(ack, door, own)
            steps = self.commands.acknowledge(
                ea_id, ack.command_id, ack.status, ack.results, ack.boot_id, at, address=address
            )
        except CommandError as error:
            claims = f" as EA {ack.ea_id}" if ack.ea_id is not None else ""
            self.refuse(Asker(who, address), "word_refused", ack.command_id, f"{ack.status:.40}{claims}: {error}")
            raise
        handed: list[Handed] = []
        place = self.places.get(ea_id)
        if place is not None and steps:
            place.given.discard(ack.command_id)
            self._hand_over(ea_id, at, steps, handed)
        if steps:
            self.batches.keep(What.answer, steps, handed)

    def _speaker(self, ack: CommandAck, door: Door | None, own: Iterable[int]) -> int:
        """Find out which expert says something.

        Raises:
            CommandError: nobody who may.
        """
        mine = set(own)
        command = self.commands.get(ack.command_id)
        candidates = [ack.ea_id] if ack.ea_id is not None else [command.ea_id if command is not None else None, *mine]
        for ea_id in candidates:
            if ea_id is not None and (ea_id in mine or self._is_at(ea_id, door)):
                return ea_id
        text = f"command {ack.command_id!r:.80}: only the expert that it is for has a say, after it has reported here"
        raise CommandError(ErrorCode.forbidden, text)

    def _is_at(self, ea_id: int, door: Door | None) -> bool:
        place = self.places.get(ea_id)
        return door is not None and place is not None and place.door == door and place.is_held

    async def collect(self, experts: Mapping[int, str], holder: Holder) -> list[OrderData]:
        """Give experts what waits for them, where they ask with each report (HTTP); returns once that is on disk.

        Args:
            experts: the run of each.
            holder: of the token by which they ask.

        Raises:
            StoreError: it can't be kept now: nothing is handed over.
        """
        at = self._service.clock.moment()
        steps: list[Step] = []
        ids: list[str] = []
        for ea_id, boot_id in experts.items():
            for command in self.commands.pending(ea_id, at)[:HANDED_AT_ONCE]:
                try:
                    steps += self.commands.delivered(command.command_id, boot_id, at)
                except ConflictError:  # of another run: a full report has to tell first
                    continue
                ids.append(command.command_id)
        if not ids:
            return []
        kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.batches.keep(What.hand_over, steps, [], lambda error: _settle(kept, error))
        await kept
        at = self._service.clock.moment()
        keys = {ea_id: self._key_of(ea_id, holder) for ea_id in experts}
        found = (self.commands.to_send(command_id, at) for command_id in ids)
        return [order_of(each, keys[each.owner], at) for each in found if each is not None]

    def _hand_over(self, ea_id: int, at: Moment, steps: list[Step], handed: list[Handed]) -> None:
        """Note what an expert is handed next, most urgent first; it goes out once that is on disk."""
        place = self.places.get(ea_id)
        if place is None or not place.is_open:
            return
        ids = []
        for command in self.commands.pending(ea_id, at)[:HANDED_AT_ONCE]:
            if command.command_id in place.given:
                continue
            try:
                steps += self.commands.delivered(command.command_id, place.boot_id, at)
            except ConflictError:  # of another run: a full report has to tell first
                continue
            place.given.add(command.command_id)
            ids.append(command.command_id)
        if ids:
            handed.append(Handed(place, ea_id, ids))

    # ----------------------------------------------------------------------------------------------------------- time

    def next_deadline(self) -> float | None:
        """When `due` has something to do, in monotonic seconds."""
        return self.commands.next_deadline()

    def due(self, at: Moment) -> None:
        """Let commands expire, lose sight of those without a word, and hand over again what was not accepted."""
        steps = self.commands.due(at)
        handed: list[Handed] = []
        for ea_id in self.commands.overdue(at):
            place = self.places.get(ea_id)
            if place is not None:
                place.given.clear()
                self._hand_over(ea_id, at, steps, handed)
        if steps or handed:
            self.batches.keep(What.time, steps, handed)

    # --------------------------------------------------------------------------------------- kept, handed over, told

    def _check_store(self) -> None:
        keeper = self._service.keeper
        if keeper is None:
            raise StoreError("commands need a database, and this server keeps nothing: start it with one")
        failing = keeper.store.health().failing
        if failing is not None or keeper.is_full:
            raise StoreError(f"no commands are taken, since they can't be kept: {failing or 'too much waits already'}")

    def _send(self, handed: Handed) -> None:
        place, ea_id, ids = handed
        if self.places.get(ea_id) is not place or not place.is_held:
            return  # it has come by another way since, and is given everything there
        key, at = self._key_of(ea_id, place.door.holder), self._service.clock.moment()
        for command_id in ids:
            command = self.commands.to_send(command_id, at)
            if command is not None and not place.door.give(order_of(command, key, at), at):
                place.given.discard(command_id)

    def _key_of(self, ea_id: int, holder: Holder) -> bytes | None:
        return self.keys(self._service.fleet.experts[ea_id].expert, holder)

    def _tell(self, command: Command, number: int) -> None:
        self._service.tell_command(command_row(command), _report_of(command), number)
        if is_finished(command):
            for watcher in self._watchers.pop(command.command_id, []):
                if not watcher.done():
                    watcher.set_result(command)


def _settle(waiting: "asyncio.Future[None]", error: StoreError | None) -> None:
    if waiting.done():
        return
    if error is None:
        waiting.set_result(None)
    else:
        waiting.set_exception(error)


def _as_it_was(command: Command, row: AuditRow) -> Command:
    """Give a command as it was when a row of the audit was written."""
    results = msgspec.json.decode(row.details or "{}").get("results", {})
    return msgspec.structs.replace(
        command, status=Status(row.after), changed_ms=row.utc_ms, why=row.why, results=results
    )


def _named(door: Door | None, by: str = "") -> tuple[str, str]:
    """Name who speaks for an expert, for the audit: by the token, never by whom it says that it is; and from where."""
    token_id = door.holder.token_id if door is not None else by
    return token_id or "an expert", door.address if door is not None else ""


def _is_meant(target: Target, expert: ExpertState) -> bool:
    report = expert.report
    if target.account is not None:
        return account_name(expert.account.id) == target.account
    if target.group is not None:
        return report.group == target.group
    if target.strategy is not None:
        return (report.strategy_tag or expert.expert.name) == target.strategy
    return target.all


def _supports(report: ExpertReport) -> frozenset[str] | None:
    return frozenset(report.supports) if report.supports is not None else None


def _report_of(command: Command) -> CommandReport | None:
    """Give what rules of alerts look at; of a command for several experts, they look at its parts."""
    if command.ea_id is None:
        return None
    return CommandReport(
        command_id=command.command_id,
        ea_id=command.ea_id,
        command=command.command,
        status=command.status.value,
        params=command.params,
        reason=command.reason,
        results=command.results,
    )
