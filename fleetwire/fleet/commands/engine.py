"""Commands: submitted, handed over, answered, lost sight of, found again. Every change is a step of the one table."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from fleetwire.fleet.commands.bounds import CommandLimits
from fleetwire.fleet.commands.intake import Intake, Submission
from fleetwire.fleet.commands.ledger import Ledger
from fleetwire.fleet.commands.life import (
    TRANSITIONS,
    UNDER_WAY,
    WORDS,
    Command,
    CommandRequest,
    Status,
    Step,
)
from fleetwire.fleet.commands.requests import Gate, Keys, check
from fleetwire.fleet.commands.runs import Runs
from fleetwire.fleet.commands.stepping import SERVER, take_step
from fleetwire.wire.errors import CommandError, ConflictError, ErrorCode
from fleetwire.wire.moment import Moment

_STEPS_AT_ONCE: Final = 1000
"""How many commands one call of `due` may end, so that nothing else waits for long."""

_encode: Final = msgspec.json.Encoder().encode


class Commands:
    """All commands. Nothing here acts: every method returns the steps to be kept and, once they are, told.

    Args:
        limits: the bounds.
    """

    def __init__(self, limits: CommandLimits | None = None) -> None:
        self.limits = limits if limits is not None else CommandLimits()
        self._ledger = Ledger(self.limits)
        self._keys = Keys()
        self._gate = Gate(self.limits)
        self._intake = Intake(self._ledger, self.limits)
        self._runs = Runs()

    # --------------------------------------------------------------------------------------------------------- asking

    def __len__(self) -> int:
        """Count those that are remembered."""
        return len(self._ledger.commands)

    @property
    def waiting(self) -> int:
        """How many wait, or are under way."""
        return self._ledger.waiting_count

    def get(self, command_id: str) -> Command | None:
        """Give a command, if it is remembered."""
        return self._ledger.commands.get(command_id)

    def children(self, command_id: str) -> list[Command]:
        """Give the children of a command, in the order of their numbers; none where it has none."""
        return self._ledger.children(command_id)

    def unsettled(self, ea_id: int) -> list[Command]:
        """Give an expert's commands that have not come to an end, those lost sight of included, most urgent first."""
        return self._ledger.unsettled(ea_id)

    def pending(self, ea_id: int, at: Moment | None = None) -> list[Command]:
        """Give what is to be handed to an expert now, most urgent first: what it has not accepted.

        What was delivered already is among it: it is handed over again until it is accepted or expires, by the same id.

        Args:
            ea_id: whose.
            at: now: what has expired is left out, and `expires_ms` is by the wall clock of now.
        """
        found = self._ledger.to_hand_over(ea_id)
        if at is None:
            return found
        return [self._ledger.by_clock(each, at) for each in found if not self._ledger.is_over(each.command_id, at)]

    def to_send(self, command_id: str, at: Moment) -> Command | None:
        """Give a command as it goes out now, with `expires_ms` by the wall clock of now; None where it must not.

        What was handed over once may go out again much later, and the wall clock may have been set since.
        """
        command = self.get(command_id)
        if command is None or command.status is not Status.delivered or self._ledger.is_over(command_id, at):
            return None
        return self._ledger.by_clock(command, at)

    def next_deadline(self) -> float | None:
        """Give when `due` or `overdue` has something to do, in monotonic seconds."""
        times = [time for time in (self._ledger.deadlines.next(), self._ledger.answers.next()) if time is not None]
        return min(times, default=None)

    def overdue(self, at: Moment) -> list[int]:
        """Give the experts to which something is to be handed over again, for they have not said a word."""
        experts = list(self._ledger.answers.passed(at.now))
        found = []
        for ea_id in experts:
            if any(each.status is Status.delivered for each in self._ledger.to_hand_over(ea_id)):
                self._ledger.answers.set(ea_id, at.now + self.limits.redeliver_s)
                found.append(ea_id)
        return found

    # ------------------------------------------------------------------------------------------------------ operators

    def submit(
        self,
        request: CommandRequest,
        experts: Sequence[tuple[int, frozenset[str] | None]],
        at: Moment,
        new_id: str,
        nonce: str,
    ) -> Submission:
        """Take a command.

        Args:
            request: what is asked for.
            experts: (ea_id, the commands that it supports, None for all) of everybody whom the target means.
            at: now.
            new_id: for the command, if it becomes one: never used before.
            nonce: for its signature, or for a confirmation: random, hard to guess.

        Raises:
            CommandError: it is refused, and nothing changed.
        """
        checked = check(request, self.limits)
        first = self._keys.first(checked)
        if first is not None:
            return Submission(self._ledger.commands[first], self.children(first), [], True)
        wanted = self._intake.wanted(checked, experts)
        self._gate.pass_rate(checked, at)
        self._gate.pass_confirmation(checked, wanted, nonce, at)
        self._intake.check_room(checked, wanted)
        if new_id in self._ledger.commands:
            raise ConflictError(f"the id {new_id!r:.60} is another command's")
        made = self._intake.create(checked, wanted, at, new_id, nonce)
        self._keys.note(made.command)
        self._tidied(made.steps, at)
        return made

    def cancel(self, command_id: str, by: str, at: Moment, *, address: str = "", reason: str = "") -> list[Step]:
        """Take a command back that was not handed over; of one for several experts, what was not.

        Args:
            command_id: which.
            by: the operator's token id.
            at: now.
            address: from where.
            reason: why.

        Raises:
            CommandError: it is not known, or the expert has it already.
        """
        command = self._known(command_id)
        queued = [each for each in self.children(command_id) or [command] if each.status is Status.queued]
        if not queued:
            raise ConflictError(_too_late(command))
        steps: list[Step] = []
        for each in queued:
            steps += self._step(each, Status.cancelled, by, at, address=address, why=reason or "taken back")
        return self._tidied(steps, at)

    def _known(self, command_id: str) -> Command:
        command = self._ledger.commands.get(command_id)
        if command is None:
            raise CommandError(
                ErrorCode.not_found, f"no command {command_id!r:.80} is known here, or it ended long ago"
            )
        return command

    # -------------------------------------------------------------------------------------------------------- experts

    def delivered(self, command_id: str, boot_id: str, at: Moment) -> list[Step]:
        """Note that a command is handed to an expert: to be kept *before* it is, so that no cancelling comes between.

        Args:
            command_id: one of `pending`.
            boot_id: the run of the expert that gets it.
            at: now.

        Returns:
            The step; nothing where it is handed over again to the same run.

        Raises:
            CommandError: it must not be handed over.
        """
        command = self._known(command_id)
        if command.ea_id is None:
            raise ConflictError(f"{command_id} is for several experts: hand over its children")
        if command.status is Status.delivered and command.boot_id == boot_id:
            self._ledger.answers.set(command.ea_id, at.now + self.limits.redeliver_s)
            return []
        if command.status is not Status.queued:
            raise ConflictError(f"command {command_id} is {command.status}: it must not be handed over")
        if self._ledger.is_over(command_id, at):
            raise ConflictError(f"command {command_id} has expired: it must not be handed over")
        self._runs.check(command.ea_id, boot_id)
        self._ledger.answers.set(command.ea_id, at.now + self.limits.redeliver_s)
        return self._step(self._ledger.by_clock(command, at), Status.delivered, SERVER, at, boot_id=boot_id)

    def acknowledge(
        self,
        ea_id: int,
        command_id: str,
        status: str,
        results: Mapping[str, Any],
        boot_id: str,
        at: Moment,
        *,
        address: str = "",
        why: str = "",
    ) -> list[Step]:
        """Take an expert's word about one of its commands.

        Args:
            ea_id: who says it.
            command_id: of which.
            status: `accepted executed partial rejected failed` or `expired`.
            results: what came of it.
            boot_id: the run of the expert that says it.
            at: now.
            address: from where.
            why: in the expert's words.

        Returns:
            The steps; nothing where it was said before.

        Raises:
            CommandError: the word is refused, and nothing changed.
        """
        word = self._word(ea_id, command_id, status, results)
        command = self._own(ea_id, command_id)
        self._runs.check(ea_id, boot_id)
        if _was_said(command, word):
            return []
        if word not in TRANSITIONS[command.status]:
            raise ConflictError(
                f"EA {ea_id} says {word} of command {command_id}, which is {command.status}: "
                f"that can't follow; {_what_can(command.status)}"
            )
        if command.status in UNDER_WAY and boot_id and command.boot_id and boot_id != command.boot_id:
            raise ConflictError(
                f"EA {ea_id} speaks of command {command_id} as its run {boot_id!r:.40}, and it was handed to the run "
                f"{command.boot_id!r:.40}: send a full report first"
            )
        said = self._step(command, word, _expert(ea_id), at, address=address, why=why, results=dict(results))
        return self._tidied(said, at)

    def _word(self, ea_id: int, command_id: str, status: str, results: Mapping[str, Any]) -> Status:
        """Read a word.

        Raises:
            CommandError: no expert can say this.
        """
        if status not in WORDS:
            words = ", ".join(each for each in Status if each in WORDS)
            raise CommandError(
                ErrorCode.invalid_data,
                f"EA {ea_id} says {status!r:.40} of command {command_id!r:.80}: it must be one of {words}",
            )
        try:
            size = len(_encode(results))
            json.dumps(msgspec.to_builtins(results), allow_nan=False)  # msgspec would write NaN as null
        except (TypeError, ValueError):
            raise CommandError(
                ErrorCode.invalid_data, f"the results of command {command_id!r:.80} are nothing that JSON can say"
            ) from None
        if size > self.limits.results_bytes_max:
            raise CommandError(
                ErrorCode.invalid_data,
                f"the results of command {command_id!r:.80} take more than {self.limits.results_bytes_max} bytes",
            )
        return Status(status)

    def _own(self, ea_id: int, command_id: str) -> Command:
        """Find a command of an expert's own.

        Raises:
            CommandError: it is not known, or another's.
        """
        command = self._known(command_id)
        if command.ea_id != ea_id:
            whose = _expert(command.ea_id) if command.ea_id is not None else "several experts"
            raise CommandError(ErrorCode.forbidden, f"command {command_id} is for {whose}, not for EA {ea_id}")
        return command

    def expert_started(self, ea_id: int, boot_id: str, at: Moment) -> list[Step]:
        """Note which run of an expert is there now; to be called whenever one comes, before anything is handed to it.

        What an older run had, and did not bring to its end, is lost sight of: it is never handed over again.

        Args:
            ea_id: who.
            boot_id: its run; empty where it tells none: then nothing is fenced.
            at: now.

        Raises:
            CommandError: it is an older run than the last one.
        """
        if not self._runs.start(ea_id, boot_id):
            return []
        steps: list[Step] = []
        for command in self._ledger.unsettled(ea_id):
            if command.status in UNDER_WAY and command.boot_id != boot_id:
                why = f"EA {ea_id} was started again before it had said what became of it"
                steps += self._step(command, Status.unknown, SERVER, at, why=why)
        return self._tidied(steps, at)

    def expert_said(
        self, ea_id: int, outcomes: Mapping[str, tuple[str, Mapping[str, Any]]], at: Moment, boot_id: str = ""
    ) -> list[Step]:
        """Take what an expert's full report says of all commands that it knows: what was lost sight of is found.

        One of which the report says nothing was never taken, and never will be: it was for an older run, or its time
        was over long enough before the report.

        Args:
            ea_id: who.
            outcomes: (status, results) for each command_id on its disk.
            at: now.
            boot_id: the run of the expert that says it; that of the last `expert_started`, if left out.

        Raises:
            CommandError: the report is an older run's, or says what can't be; nothing changed.
        """
        self._runs.check(ea_id, boot_id)
        boot_id = boot_id or self._runs.current(ea_id)
        mine = [each for each in self._ledger.unsettled(ea_id) if each.status is not Status.queued]
        said = {each.command_id: outcomes[each.command_id] for each in mine if each.command_id in outcomes}
        words = {command_id: self._word(ea_id, command_id, *outcome) for command_id, outcome in said.items()}
        steps: list[Step] = []
        for command in mine:
            word = words.get(command.command_id)
            if word is not None:
                if word in TRANSITIONS[command.status]:
                    results = dict(said[command.command_id][1])
                    steps += self._step(command, word, _expert(ea_id), at, why="in a full report", results=results)
            elif command.status is Status.unknown and self._never_taken(command, boot_id, at):
                why = f"EA {ea_id} does not know it: it was never executed, and will not be"
                steps += self._step(command, Status.failed, _expert(ea_id), at, why=why)
        return self._tidied(steps, at)

    def _never_taken(self, command: Command, boot_id: str, at: Moment) -> bool:
        """Tell whether a report that does not know a command proves that it was never taken.

        A report of the same run may have been written before the command arrived; so some time has to be between.
        """
        if boot_id and command.boot_id and boot_id != command.boot_id:
            return True
        return at.now - self._ledger.settled_at(command.command_id) >= self.limits.settling_s

    # ----------------------------------------------------------------------------------------------------------- time

    def due(self, at: Moment) -> list[Step]:
        """Do what is due: what nobody took in time expires, and what is without a word is lost sight of."""
        steps: list[Step] = []
        for count, command_id in enumerate(self._ledger.deadlines.passed(at.now), 1):
            command = self._ledger.commands[command_id]
            if command.status is Status.queued:
                steps += self._step(command, Status.expired, SERVER, at, why="its time was over before it was taken")
            else:
                steps += self._step(command, Status.unknown, SERVER, at, why=_silence(command))
            if count == _STEPS_AT_ONCE:
                break
        return self._tidied(steps, at)

    # -------------------------------------------------------------------------------------------------------- restart

    def restore(
        self, commands: Iterable[Command], at: Moment, last_number: int = 0, *, clock_since: int | None = None
    ) -> None:
        """Go on with what the run before has kept; called once, before anything else.

        Args:
            commands: those that have not come to an end, their parents and children, and those that ended lately.
            at: now.
            last_number: the highest number that a command ever had.
            clock_since: the last number that was given before the monotonic clock of now began; commands above it wait
                by that clock, and a wall clock that was set meanwhile changes nothing. None where none of them does.
        """
        for command in self._ledger.restore(commands, at, last_number, clock_since):
            self._keys.note(command)
            if command.ea_id is not None and command.status in UNDER_WAY:
                self._runs.start(command.ea_id, command.boot_id)

    # ---------------------------------------------------------------------------------------------------------- steps

    def _step(self, command: Command, status: Status, by: str, at: Moment, **more: Any) -> list[Step]:
        return take_step(self._ledger, command, status, by, at, **more)

    def _tidied(self, steps: list[Step], at: Moment) -> list[Step]:
        """Forget what is old; only once all steps are taken, for one of them may be about it."""
        for command in self._ledger.forget_old(at):
            self._keys.forget(command)
        return steps


def _expert(ea_id: int) -> str:
    return f"EA {ea_id}"


def _was_said(command: Command, word: Status) -> bool:
    """Tell whether a word is a repeat, or one that others have overtaken."""
    ended_by_word = command.status in TRANSITIONS[Status.accepted] and command.status.is_end
    return word is command.status or (word is Status.accepted and ended_by_word)


def _what_can(status: Status) -> str:
    following = ", ".join(each for each in Status if each in TRANSITIONS[status])
    return f"after {status} comes {following}" if following else f"{status} is an end"


def _too_late(command: Command) -> str:
    if command.status.is_end:
        return f"command {command.command_id} is {command.status} already: there is nothing to cancel"
    return (
        f"command {command.command_id} is {command.status}: the expert has it, so it can't be cancelled; "
        "send a command that undoes it"
    )


def _silence(command: Command) -> str:
    if command.status is Status.accepted:
        return f"EA {command.ea_id} accepted it, and has not said for long what became of it"
    return f"handed to EA {command.ea_id}, which has not said a word before its time was over"
