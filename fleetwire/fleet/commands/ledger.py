"""Where commands stand: by id, by expert, by parent, by deadline. Bounded; knows nothing of who may do what."""

from collections import Counter, OrderedDict
from collections.abc import Iterable
from typing import Final

from msgspec import structs

from fleetwire.fleet.commands.bounds import CommandLimits
from fleetwire.fleet.commands.life import WAITING, Command, Status, moved
from fleetwire.fleet.commands.parents import in_words, parent_status
from fleetwire.fleet.deadlines import Deadlines
from fleetwire.wire.moment import Moment

_CLOCK_SLACK_MS: Final = 1000
"""By how much the wall clock may be moved before a command's `expires_ms` is told anew."""
_FORGET_AT_ONCE: Final = 1000

_HANDED_OVER: Final = (Status.queued, Status.delivered)


class _Family:
    """The children of one parent, and how many of them are in which status."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.counts: Counter[Status] = Counter()


class Ledger:
    """All commands that are remembered.

    Args:
        limits: the bounds.
    """

    def __init__(self, limits: CommandLimits) -> None:
        self.commands: dict[str, Command] = {}
        self.deadlines: Deadlines[str] = Deadlines()
        self.answers: Deadlines[int] = Deadlines()
        """When something is to be handed to an expert again."""
        self.waiting_count = 0
        self._limits = limits
        self._expires: dict[str, float] = {}
        self._waiting: dict[int, dict[str, None]] = {}
        self._unknown: dict[int, dict[str, None]] = {}
        self._families: dict[str, _Family] = {}
        self._settled: OrderedDict[str, float] = OrderedDict()
        self._number = 0

    # --------------------------------------------------------------------------------------------------------- asking

    def next_number(self) -> int:
        """Give the number of the next command."""
        self._number += 1
        return self._number

    def children(self, command_id: str) -> list[Command]:
        """Give the children of a parent that are remembered."""
        family = self._families.get(command_id)
        return [self.commands[each] for each in family.ids if each in self.commands] if family else []

    def waiting_for(self, ea_id: int) -> int:
        """Count what waits for an expert, or is under way there."""
        return len(self._waiting.get(ea_id, ()))

    def unsettled(self, ea_id: int) -> list[Command]:
        """Give what has not come to an end, most urgent first."""
        ids = [*self._waiting.get(ea_id, ()), *self._unknown.get(ea_id, ())]
        return sorted((self.commands[each] for each in ids), key=_urgency)

    def to_hand_over(self, ea_id: int) -> list[Command]:
        """Give what an expert has not accepted, most urgent first."""
        found = (self.commands[each] for each in self._waiting.get(ea_id, ()))
        return sorted((each for each in found if each.status in _HANDED_OVER), key=_urgency)

    def is_over(self, command_id: str, at: Moment) -> bool:
        """Tell whether nobody may begin a command any more, by the clock that nobody can set."""
        return self._expires.get(command_id, at.now + 1) <= at.now

    def by_clock(self, command: Command, at: Moment) -> Command:
        """Give a command with `expires_ms` by the wall clock of now, should that have been moved since."""
        expires = self._expires.get(command.command_id)
        if expires is None:
            return command
        expires_ms = at.utc_ms + round((expires - at.now) * 1000)
        if abs(expires_ms - command.expires_ms) <= _CLOCK_SLACK_MS:
            return command
        return structs.replace(command, expires_ms=expires_ms, clock_ms=clock_ms(at))

    def settled_at(self, command_id: str) -> float:
        """Give when a command came to an end, or was lost sight of; monotonic seconds."""
        return self._settled[command_id]

    # ------------------------------------------------------------------------------------------------------- changing

    def add(self, command: Command, expires: float) -> None:
        """Take a new command in, which nobody may begin after `expires` (monotonic seconds)."""
        self.commands[command.command_id] = command
        if command.ea_id is None:
            self._families[command.command_id] = _Family()
            return
        if command.parent_id:
            family = self._families[command.parent_id]
            family.ids.append(command.command_id)
            family.counts[command.status] += 1
        self._expires[command.command_id] = expires
        self.deadlines.set(command.command_id, expires)
        self._wait(command)

    def move(self, before: Command, after: Command, at: Moment) -> tuple[Command, Command] | None:
        """Put what a command is after a step in the place of what it was.

        Returns:
            Its parent before and after, if that took a step by it.
        """
        self.commands[after.command_id] = after
        self._place(before, after, at)
        return self._follow(before, after, at) if after.parent_id in self._families else None

    def _follow(self, before: Command, after: Command, at: Moment) -> tuple[Command, Command] | None:
        family = self._families[after.parent_id]
        family.counts[before.status] -= 1
        family.counts[after.status] += 1
        parent = self.commands[after.parent_id]
        results = {status.value: count for status in Status if (count := family.counts[status])}
        status = parent_status(parent.status, family.counts)
        if status is parent.status:
            self.commands[parent.command_id] = structs.replace(parent, results=results)
            return None
        moved_on = moved(parent, status, at.utc_ms, in_words(family.counts), results=results)
        self.commands[parent.command_id] = moved_on
        if status not in WAITING:
            self._settle(moved_on, at.now)
        else:
            self._settled.pop(parent.command_id, None)
        return parent, moved_on

    def _place(self, before: Command, after: Command, at: Moment) -> None:
        """Put a command where its status belongs."""
        ea_id, command_id = after.owner, after.command_id
        if after.status in WAITING:
            if before.status is Status.unknown:
                _drop(self._unknown, ea_id, command_id)
                self._settled.pop(command_id, None)
                self._wait(after)
        else:
            if before.status in WAITING:
                _drop(self._waiting, ea_id, command_id)
                self.waiting_count -= 1
            else:
                _drop(self._unknown, ea_id, command_id)
            self._expires.pop(command_id, None)
            self._settle(after, at.now)
        self.deadlines.set(command_id, self._deadline(after, at))

    def _deadline(self, command: Command, at: Moment) -> float | None:
        if command.status is Status.accepted:
            return at.now + self._limits.accepted_s
        return self._expires.get(command.command_id) if command.status in WAITING else None

    def _wait(self, command: Command) -> None:
        self._waiting.setdefault(command.owner, {})[command.command_id] = None
        self.waiting_count += 1

    def _settle(self, command: Command, now: float) -> None:
        if command.status is Status.unknown and command.ea_id is not None:
            self._unknown.setdefault(command.ea_id, {})[command.command_id] = None
        self._settled[command.command_id] = now
        self._settled.move_to_end(command.command_id)

    # ----------------------------------------------------------------------------------------------------- forgetting

    def forget_old(self, at: Moment) -> list[Command]:
        """Forget what came to its end long ago, or was lost sight of long ago; a bounded part of it at once."""
        before = at.now - self._limits.remembered_s
        gone: list[Command] = []
        while self._settled and len(gone) < _FORGET_AT_ONCE:
            command_id, settled = next(iter(self._settled.items()))
            if settled > before and len(self._settled) <= self._limits.remembered_max:
                break
            gone.append(self._forget(command_id))
        return gone

    def _forget(self, command_id: str) -> Command:
        del self._settled[command_id]
        command = self.commands.pop(command_id)
        if command.ea_id is None:
            del self._families[command_id]
        elif command.status is Status.unknown:
            _drop(self._unknown, command.ea_id, command_id)
        return command

    # -------------------------------------------------------------------------------------------------------- restart

    def restore(
        self, commands: Iterable[Command], at: Moment, last_number: int, clock_since: int | None
    ) -> list[Command]:
        """Take everything in that the run before has kept; gives it in the order in which it was issued.

        What has settled is remembered for as long as if it had done so now: by the wall clock that could be anything.
        """
        known = sorted(commands, key=_number)
        settled: list[Command] = []
        for command in known:
            self.commands[command.command_id] = command
            if command.ea_id is None:
                self._families[command.command_id] = _Family()
            elif command.parent_id in self._families:
                family = self._families[command.parent_id]
                family.ids.append(command.command_id)
                family.counts[command.status] += 1
            if command.status not in WAITING:
                settled.append(command)
            elif command.ea_id is not None:
                self._wait_again(command, at, clock_since is not None and command.number > clock_since)
        for command in sorted(settled, key=_changed):
            self._settle(command, at.now)
        self._number = max(last_number, known[-1].number if known else 0)
        return known

    def _wait_again(self, command: Command, at: Moment, same_clock: bool) -> None:
        """Let a command wait for what is left of its time: never for more than all of it, whatever the clock says."""
        left_ms = command.expires_ms - (command.clock_ms + round(at.now * 1000) if same_clock else at.utc_ms)
        self._expires[command.command_id] = at.now + min(left_ms, command.lifetime_ms) / 1000
        self._wait(command)
        self.deadlines.set(command.command_id, self._deadline(command, at))
        if command.status is Status.delivered and command.ea_id is not None:
            self.answers.set(command.ea_id, at.now + self._limits.redeliver_s)


def clock_ms(at: Moment) -> int:
    """Give what the wall clock showed when the other one began."""
    return at.utc_ms - round(at.now * 1000)


def _drop(where: dict[int, dict[str, None]], ea_id: int, command_id: str) -> None:
    ids = where[ea_id]
    del ids[command_id]
    if not ids:
        del where[ea_id]


def _urgency(command: Command) -> tuple[int, int]:
    return command.urgency


def _number(command: Command) -> int:
    return command.number


def _changed(command: Command) -> int:
    return command.changed_ms
