"""Whatever is lost, doubled, overtaken or killed: nothing is done twice, nothing acknowledged lost, all ends are told.

A model of the world around the engine: a store that keeps steps and the audit, a server that dies before it has kept
them or before it has told them, a network that loses, doubles and reorders, a clock on the wall that jumps, and experts
that keep on their disk what they took and did.
"""

from collections import Counter
from typing import NamedTuple

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from fleetwire.fleet.commands import (
    TRANSITIONS,
    Command,
    CommandLimits,
    CommandRequest,
    Commands,
    Status,
    Step,
    Target,
    audit_row,
    read_memory,
)
from fleetwire.fleet.commands.parents import parent_status
from fleetwire.wire.audit import GENESIS, AuditHead, AuditRow, AuditTrail, verify
from fleetwire.wire.errors import CommandError
from fleetwire.wire.moment import moment
from tests.fleet.support import NOW_MS

EXPERTS = (1, 2, 3)
LIMITS = CommandLimits(accepted_s=120, per_minute=1e6, burst=1_000_000)
LATE_S = 20.0  # a full report that was under way for longer is dropped by its transport
ENDS = ["executed", "partial", "rejected", "failed"]
DIES = st.sampled_from(["", "", "", "", "", "", "", "before it is kept", "before it is told"])
"""When the server dies: seldom."""
SELDOM = st.integers(0, 9).map(lambda number: number == 0)
NO_EFFECT = {Status.rejected, Status.failed, Status.expired, Status.cancelled}


class Letter(NamedTuple):
    """A command on its way."""

    command_id: str
    boot: str
    expires: float


class Word(NamedTuple):
    """An acknowledgement on its way."""

    command_id: str
    status: str
    boot: str


class Report(NamedTuple):
    """A full report on its way."""

    boot: str
    sent: float
    outcomes: dict


class Expert:
    """An expert as the reference is: it takes an id once, writes that down first, and executes what it wrote down."""

    def __init__(self, ea_id: int) -> None:
        self.ea_id = ea_id
        self.run = 1
        self.disk: dict[str, str] = {}
        self.letters: list[Letter] = []
        self.mail: list[Word | Report] = []

    @property
    def boot(self) -> str:
        return f"run {self.run}"

    def take(self, letter: Letter, now: float) -> None:
        if letter.boot != self.boot:
            return  # for an older run
        if letter.command_id not in self.disk:
            self.disk[letter.command_id] = "accepted" if now < letter.expires else "expired"
        self.say(letter.command_id)

    def say(self, command_id: str) -> None:
        self.mail.append(Word(command_id, self.disk[command_id], self.boot))

    def start_again(self) -> None:
        """What it was at when it died, it does not begin again."""
        self.run += 1
        self.disk = {key: "failed" if status == "accepted" else status for key, status in self.disk.items()}

    def report(self, now: float) -> None:
        self.mail.append(Report(self.boot, now, dict(self.disk)))


class World(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now, self.wall_ms = 1000.0, NOW_MS
        self.commands = Commands(LIMITS)
        self.kept: dict[str, bytes] = {}
        self.audit: list[AuditRow] = []
        self.trail = AuditTrail()
        self.told: dict[str, list[Status]] = {}
        self.answered: dict[str, str] = {}  # key -> command_id, of what its operator was told
        self.effects: Counter[str] = Counter()
        self.experts = {ea_id: Expert(ea_id) for ea_id in EXPERTS}
        self.sessions: dict[int, str] = {}
        self.started: dict[int, set[int]] = {}  # the runs of each expert that this run of the server has seen
        self.count = 0

    # -------------------------------------------------------------------------------------------------- the service

    @property
    def at(self):
        return moment(self.now, self.wall_ms)

    def keep(self, steps: list[Step]) -> None:
        for step in steps:
            self.kept[step.after.command_id] = step.after.memory()
            self.audit.append(audit_row(self.trail, step))

    def tell(self) -> None:
        """Tell what was kept and not told; after a death that is known from the audit alone."""
        for row in self.audit[sum(map(len, self.told.values())) :]:
            history = self.told.setdefault(row.subject, [])
            assert row.before == (history[-1].value if history else "")
            assert not history or Status(row.after) in TRANSITIONS[history[-1]]
            assert history or row.after == "queued"
            history.append(Status(row.after))

    def die(self, same_clock: bool = True) -> None:
        """What was not kept is gone, and so are the sessions; what was not told is told by the next run."""
        self.commands = Commands(LIMITS)
        self.commands.restore(map(read_memory, self.kept.values()), self.at, clock_since=0 if same_clock else None)
        self.trail = AuditTrail(self.end)
        self.sessions.clear()
        self.started.clear()
        self.tell()

    @property
    def end(self) -> AuditHead:
        return AuditHead(self.audit[-1].number, self.audit[-1].hash) if self.audit else GENESIS

    def acts(self, steps: list[Step], dies: str = "") -> bool:
        """Keep and tell steps, and die at a point of that; tell whether it lives."""
        if dies != "before it is kept":
            self.keep(steps)
        if dies:
            self.die()
        else:
            self.tell()
        return not dies

    def command(self, pick: int) -> Command | None:
        ids = sorted(self.told)
        return self.commands.get(ids[pick % len(ids)]) if ids else None

    # ---------------------------------------------------------------------------------------------------- operators

    @rule(
        target_all=SELDOM,
        ea_id=st.sampled_from(EXPERTS),
        name=st.sampled_from(["pause", "close_all", "emergency_stop"]),
        expires=st.sampled_from([5.0, 40.0, 600.0]),
        key=st.integers(0, 20),
        dies=DIES,
        stages=st.integers(0, 4),
    )
    def submit(self, target_all, ea_id, name, expires, key, dies, stages):
        self.count += 1
        whom = EXPERTS if target_all else (ea_id,)
        asked = CommandRequest(
            command=name,
            target=Target(all=True) if target_all else Target(ea_id=ea_id),
            expires_in_s=expires,
            idempotency_key=f"key {key}",
        )
        supports = frozenset({"pause"})
        try:
            made = self.commands.submit(
                asked, [(each, supports if each == 3 else None) for each in whom], self.at, f"c{self.count}", "n"
            )
        except CommandError:
            return
        assert made.repeated or made.command.command_id == f"c{self.count}"
        if self.acts(made.steps, "" if made.repeated else dies):
            known = self.answered.setdefault(f"key {key}", made.command.command_id)
            assert known == made.command.command_id, "one key, one command, whatever died meanwhile"
            if stages:
                self.a_quiet_while(ea_id, stages, "executed")

    @rule(pick=st.integers(0, 50), dies=DIES)
    def cancel(self, pick, dies):
        command = self.command(pick)
        if command is None:
            return
        try:
            steps = self.commands.cancel(command.command_id, "ann", self.at)
        except CommandError:
            return
        assert all(step.before.status is Status.queued for step in steps if step.after.ea_id)
        self.acts(steps, dies)

    # -------------------------------------------------------------------------------------------------- the network

    @rule(ea_id=st.sampled_from(EXPERTS), dies=DIES)
    def connect(self, ea_id, dies):
        """An expert comes, says which run it is, and sends a full report."""
        expert = self.experts[ea_id]
        if self.acts(self.commands.expert_started(ea_id, expert.boot, self.at), dies):
            self.sessions[ea_id] = expert.boot
            self.started.setdefault(ea_id, set()).add(expert.run)
            expert.report(self.now)

    @rule(ea_id=st.sampled_from(EXPERTS), most=st.integers(1, 3), dies=DIES)
    def hand_over(self, ea_id, most, dies):
        """Kept first, then sent; the server may die before the one, or between the two."""
        boot = self.sessions.get(ea_id)
        if boot is None:
            return
        for command in self.commands.pending(ea_id, self.at)[:most]:
            expires = self.now + (command.expires_ms - self.wall_ms) / 1000
            assert expires > self.now, "what is over is not handed over"
            if not self.acts(self.commands.delivered(command.command_id, boot, self.at), dies):
                return
            self.experts[ea_id].letters.append(Letter(command.command_id, boot, expires))

    @rule(ea_id=st.sampled_from(EXPERTS), pick=st.integers(0, 9), what=st.sampled_from(["take", "double", "lose"]))
    def letter(self, ea_id, pick, what):
        """A command arrives, in whatever order; once more; or never."""
        expert = self.experts[ea_id]
        if expert.letters:
            place = pick % len(expert.letters)
            letter = expert.letters[place] if what == "double" else expert.letters.pop(place)
            if what != "lose":
                expert.take(letter, self.now)

    @rule(
        ea_id=st.sampled_from(EXPERTS),
        pick=st.integers(0, 9),
        what=st.sampled_from(["take", "take", "double", "lose"]),
        dies=DIES,
    )
    def mail(self, ea_id, pick, what, dies):
        """A word or a report arrives, in whatever order; once more; or never."""
        expert = self.experts[ea_id]
        if not expert.mail:
            return
        place = pick % len(expert.mail)
        said = expert.mail[place] if what == "double" else expert.mail.pop(place)
        if what != "lose":
            self.hear(ea_id, said, dies)

    def hear(self, ea_id, said, dies):
        if isinstance(said, Report) and self.now - said.sent > LATE_S:
            return
        try:
            if isinstance(said, Word):
                steps = self.commands.acknowledge(ea_id, said.command_id, said.status, {}, said.boot, self.at)
            else:
                outcomes = {command_id: (status, {}) for command_id, status in said.outcomes.items()}
                steps = self.commands.expert_said(ea_id, outcomes, self.at, said.boot)
        except CommandError:
            return  # an older run's, or overtaken
        runs, run = self.started.get(ea_id, set()), int(said.boot.removeprefix("run "))
        assert run not in runs or run == max(runs), "an older run has no say, as long as the server knows of both"
        self.acts(steps, dies)

    @rule(ea_id=st.sampled_from(EXPERTS), pick=st.integers(0, 50), status=st.sampled_from(["executed", "nonsense"]))
    def lie(self, ea_id, pick, status):
        """An expert speaks of another's command, or says what nobody can."""
        command = self.command(pick)
        if command is not None and (command.ea_id != ea_id or status == "nonsense"):
            with pytest.raises(CommandError):
                self.commands.acknowledge(ea_id, command.command_id, status, {}, "run 1", self.at)
            assert self.commands.get(command.command_id) == command

    @rule(ea_id=st.sampled_from(EXPERTS), stages=st.integers(1, 4), status=st.sampled_from(["executed", "partial"]))
    def a_quiet_while(self, ea_id, stages, status):
        """For once all goes well: connected, handed over, taken, executed, each as far as the stages go."""
        expert = self.experts[ea_id]
        if self.sessions.get(ea_id) != expert.boot:
            self.connect(ea_id, "")
        self.hand_over(ea_id, 3, "")
        if stages > 1:
            for _ in expert.letters[:]:
                self.letter(ea_id, 0, "take")
        if stages > 2:
            for _ in expert.mail[:]:
                self.mail(ea_id, 0, "take", "")
        if stages > 3:
            self.execute(ea_id, 0, status)
            for _ in expert.mail[:]:
                self.mail(ea_id, 0, "take", "")

    @rule(ea_id=st.sampled_from(EXPERTS), seconds=st.sampled_from([2.0, 7.0]), status=st.sampled_from(ENDS))
    def a_command_overtakes_a_report(self, ea_id, seconds, status):
        """The report was written before the command came, and arrives when that is done; all words of it are lost."""
        expert = self.experts[ea_id]
        if self.sessions.get(ea_id) != expert.boot:
            self.connect(ea_id, "")
        expert.mail.clear()
        self.hand_over(ea_id, 3, "")
        expert.report(self.now)
        report = expert.mail.pop()
        for _ in expert.letters[:]:
            self.letter(ea_id, 0, "take")
            self.execute(ea_id, 0, status)
        expert.mail.clear()
        self.time_passes(seconds, True, "")
        self.hear(ea_id, report, "")

    # -------------------------------------------------------------------------------------------------- the experts

    @rule(
        ea_id=st.sampled_from(EXPERTS),
        pick=st.integers(0, 9),
        status=st.sampled_from(["executed", "partial", "rejected", "failed"]),
    )
    def execute(self, ea_id, pick, status):
        expert = self.experts[ea_id]
        accepted = [command_id for command_id, was in expert.disk.items() if was == "accepted"]
        if accepted:
            command_id = accepted[pick % len(accepted)]
            expert.disk[command_id] = status
            self.effects[command_id] += status in ("executed", "partial")
            expert.say(command_id)

    @rule(ea_id=st.sampled_from(EXPERTS))
    def expert_starts_again(self, ea_id):
        self.experts[ea_id].start_again()

    # --------------------------------------------------------------------------------------------------------- time

    @rule(seconds=st.sampled_from([1.0, 1.0, 2.0, 7.0, 50.0, 200.0]), looks=st.booleans(), dies=DIES)
    def time_passes(self, seconds, looks, dies):
        """Whether the server looks at its clock by then or later."""
        self.now += seconds
        self.wall_ms += round(seconds * 1000)
        if looks:
            self.acts(self.commands.due(self.at), dies)

    @rule(hours=st.sampled_from([-240, -1, 1, 240]))
    def the_wall_clock_is_set(self, hours):
        """It ends nothing: while the server runs, time is the clock that nobody can set."""
        self.acts(self.commands.due(self.at))
        self.wall_ms += hours * 3_600_000
        assert self.commands.due(self.at) == []

    @rule()
    def the_server_starts_again(self):
        self.die()

    @rule(off_s=st.sampled_from([10, 1000]))
    def the_machine_starts_again(self, off_s):
        """Its monotonic clock begins anew; the experts are on it as well."""
        self.now, self.wall_ms = 50.0, self.wall_ms + off_s * 1000
        for expert in self.experts.values():
            expert.start_again()
            expert.letters.clear()
            expert.mail.clear()
        self.die(same_clock=False)

    # --------------------------------------------------------------------------------------------------- the promises

    @invariant()
    def nothing_is_done_twice(self):
        assert all(count <= 1 for count in self.effects.values())

    @invariant()
    def what_is_said_to_be_done_is_done_and_what_is_said_not_to_be_is_not(self):
        for command_id, history in self.told.items():
            command = read_memory(self.kept[command_id])
            if command.ea_id is not None and history[-1] in (Status.executed, Status.partial):
                assert self.effects[command_id] == 1
            if history[-1] in NO_EFFECT:
                assert self.effects[command_id] == 0

    @invariant()
    def nothing_acknowledged_is_lost(self):
        for command_id in self.answered.values():
            assert self.commands.get(command_id) is not None
        for command_id, history in self.told.items():
            assert read_memory(self.kept[command_id]).status is history[-1]
            assert self.commands.get(command_id).status is history[-1]

    @invariant()
    def the_audit_is_whole_and_all_of_it_is_told(self):
        assert verify(self.audit, end=self.end) is None
        assert self.trail.head == self.end
        assert sum(map(len, self.told.values())) == len(self.audit)

    @invariant()
    def a_parent_is_what_its_children_make_it(self):
        for command_id in self.told:
            children = self.commands.children(command_id)
            if children:
                counts = Counter(child.status for child in children)
                status = self.commands.get(command_id).status
                assert parent_status(status, counts) is status
                assert self.commands.get(command_id).is_parent

    @invariant()
    def what_waits_is_counted(self):
        unsettled = [each for ea_id in EXPERTS for each in self.commands.unsettled(ea_id)]
        assert self.commands.waiting == sum(each.status is not Status.unknown for each in unsettled)
        assert [each.urgency for each in self.commands.unsettled(1)] == sorted(
            each.urgency for each in self.commands.unsettled(1)
        )

    def teardown(self):
        """Everybody comes back, all mail arrives, time passes: then every command has come to an end."""
        for ea_id, expert in self.experts.items():
            expert.letters.clear()
            expert.start_again()
            self.acts(self.commands.expert_started(ea_id, expert.boot, self.at))
            expert.mail.clear()
            expert.report(self.now)
            self.hear(ea_id, expert.mail.pop(), "")
            self.sessions[ea_id] = expert.boot
        self.now += 700
        self.wall_ms += 700_000
        self.acts(self.commands.due(self.at))
        assert all(history[-1].is_end for history in self.told.values())
        assert self.commands.waiting == 0


World.TestCase.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
TestWorld = World.TestCase
