"""Alerts are raised once, cleared once, held exactly as long as their rule says, and do not flap at the edge."""

from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from fleetwire.fleet.alerts import Alerts
from fleetwire.fleet.expression import Expression
from fleetwire.fleet.rules import default_rules, read_rules
from fleetwire.wire.errors import NotFoundError
from fleetwire.wire.rows import AlertRow
from tests.fleet.rows import at, expert_row

BOOK = cache(read_rules)
DISABLED = "".join(f'[[rule]]\nname = "{name}"\nenabled = false\n' for name in ("ea_drawdown", "expert_silent"))


def alerts_with(open_max: int = 100, **fields: Any) -> Alerts:
    """Alerts with one rule about experts: above 10 it raises, below 8 it clears."""
    form = {
        "name": '"fall"',
        "subject": '"expert"',
        "when": '"drawdown_pct > 10"',
        "clear": '"drawdown_pct < 8"',
        "message": '"EA {ea_id} fell {drawdown_pct:.1f}%"',
        "clear_message": '"EA {ea_id} is back at {drawdown_pct:.1f}%"',
    } | {name: str(value) for name, value in fields.items()}
    text = "[[rule]]\n" + "\n".join(f"{name} = {value}" for name, value in form.items()) + "\n" + DISABLED
    return Alerts(BOOK(text, "r.toml"), open_max)


def look(alerts: Alerts, drawdown_pct: float, seconds: float, ea_id: int = 1, **more: Any) -> list[str]:
    row = expert_row(ea_id=ea_id, drawdown_pct=drawdown_pct, **more)
    return [row.status for row in alerts.observe("expert", ea_id, row, at(seconds))]


def due(alerts: Alerts, seconds: float) -> list[str]:
    return [row.status for row in alerts.due(at(seconds))]


def test_an_alert_is_raised_above_and_cleared_well_below_the_threshold() -> None:
    alerts = Alerts(default_rules())
    said = [look(alerts, value, index) for index, value in enumerate((10.0, 10.4, 12.0, 9.0, 10.1, 7.9, 7.0))]
    assert said == [[], ["raised"], [], [], [], ["cleared"], []]


def test_an_alert_says_whom_it_is_about_and_by_how_much() -> None:
    (alert,) = Alerts(default_rules()).observe("expert", 12345, expert_row(drawdown_pct=10.4), at(0))
    assert alert == AlertRow(
        level="warning",
        message="EA 12345 drawdown exceeds 10% (10.4%)",
        ea_id=12345,
        alert_id=1,
        rule="ea_drawdown",
        subject="ea:12345",
        status="raised",
        value=10.4,
        threshold=10.0,
        raised_at=at(0).utc,
    )


def test_a_clear_says_when_with_what_and_is_information() -> None:
    alerts = alerts_with()
    look(alerts, 11.0, 0)
    (row,) = alerts.observe("expert", 1, expert_row(ea_id=1, drawdown_pct=7.0), at(5))
    assert (row.status, row.level, row.message, row.value) == ("cleared", "info", "EA 1 is back at 7.0%", 7.0)
    assert (row.raised_at, row.cleared_at, row.alert_id) == (at(0).utc, at(5).utc, 1)
    assert (alerts.raised, alerts.cleared, alerts.open_count, alerts.next_deadline()) == (1, 1, 0, None)


@pytest.mark.parametrize("late_by", [0.0, 50.0])
def test_a_hold_is_exact(late_by: float) -> None:
    """Not a moment before, and neither lost when somebody asks late and the figure has changed meanwhile."""
    alerts = alerts_with(for_s=10)
    assert look(alerts, 11.0, 0) == []
    assert alerts.next_deadline() == at(10).now
    assert look(alerts, 12.0, 9.999) == []
    assert due(alerts, 9.999) == []
    if late_by:
        rows = alerts.observe("expert", 1, expert_row(ea_id=1, drawdown_pct=1.0), at(10 + late_by))
        assert [row.message for row in rows] == ["EA 1 fell 12.0%", "EA 1 is back at 1.0%"]
    else:
        assert due(alerts, 10) == ["raised"]
        assert alerts.open()[0].message == "EA 1 fell 12.0%"


def test_a_hold_begins_anew_after_each_interruption() -> None:
    alerts = alerts_with(for_s=10)
    for start in (0, 8, 16):
        assert look(alerts, 11.0, start) == []
        assert look(alerts, 3.0, start + 7) == []
    assert due(alerts, 100) == []
    assert alerts.next_deadline() is None


def test_a_clear_can_be_held_too_and_is_interrupted_by_a_relapse() -> None:
    alerts = alerts_with(clear_for_s=10)
    assert look(alerts, 11.0, 0) == ["raised"]
    assert look(alerts, 7.0, 1) == []
    assert look(alerts, 9.0, 5) == []  # neither raised anew nor cleared
    assert due(alerts, 60) == []
    assert look(alerts, 7.0, 61) == []
    assert due(alerts, 70.999) == []
    assert due(alerts, 71) == ["cleared"]


def test_a_rule_whose_conditions_overlap_does_not_flap() -> None:
    alerts = alerts_with(clear='"drawdown_pct < 50"')
    assert [look(alerts, value, value) for value in (20, 21, 22)] == [["raised"], [], []]
    assert look(alerts, 9.0, 30) == ["cleared"]


def test_a_reminder_tells_how_things_stand_until_somebody_has_seen_it() -> None:
    alerts = alerts_with(repeat_s=60)
    look(alerts, 11.0, 0)
    look(alerts, 13.0, 30)
    (reminder,) = alerts.due(at(60))
    assert (reminder.status, reminder.alert_id, reminder.message) == ("raised", 1, "EA 1 fell 13.0%")
    assert (reminder.raised_at, alerts.next_deadline()) == (at(0).utc, at(120).now)
    alerts.acknowledge(1, "ann", at(70))
    assert alerts.next_deadline() is None
    assert due(alerts, 1000) == []


def test_what_was_acknowledged_stays_open_and_says_by_whom() -> None:
    alerts = alerts_with()
    look(alerts, 11.0, 0)
    row = alerts.acknowledge(1, "ann", at(5))
    assert (row.status, row.acknowledged_by, row.acknowledged_at) == ("acknowledged", "ann", at(5).utc)
    assert alerts.acknowledge(1, "bob", at(6)) == row == alerts.open()[0]
    (over,) = alerts.observe("expert", 1, expert_row(ea_id=1), at(7))
    assert (over.status, over.acknowledged_by) == ("cleared", "ann")
    for alert_id in (1, 99):
        with pytest.raises(NotFoundError, match=f"no open alert {alert_id}"):
            alerts.acknowledge(alert_id, "ann", at(8))


def test_an_event_is_told_once_until_somebody_has_seen_it() -> None:
    alerts = alerts_with()
    said = [alerts.once("source_failed", "source:mt5", "it is gone", "info", at(n), {"account": "A/1"}) for n in (0, 1)]
    assert [[row.status for row in rows] for rows in said] == [["raised"], []]
    assert (said[0][0].level, said[0][0].account, said[0][0].subject) == ("critical", "A/1", "source:mt5")
    alerts.acknowledge(1, "ann", at(2))
    assert due(alerts, 2) == ["cleared"]
    assert [row.alert_id for row in alerts.once("source_failed", "source:mt5", "again", "info", at(3))] == [2]


def test_an_event_is_over_after_a_day_and_one_without_a_rule_has_the_level_that_it_is_given() -> None:
    alerts = alerts_with()
    (row,) = alerts.once("disk_slow", "server", "the disk is slow", "info", at(0))
    assert (row.level, alerts.notify(row)) == ("info", True)
    assert due(alerts, 86_399) == []
    assert due(alerts, 86_400) == ["cleared"]


def test_an_event_can_be_disabled() -> None:
    alerts = Alerts(read_rules('[[rule]]\nname = "source_failed"\nenabled = false', "r.toml"))
    assert alerts.once("source_failed", "source:mt5", "it is gone", "critical", at(0)) == []


def test_an_event_about_an_expert_and_its_rules_do_not_mix() -> None:
    alerts = alerts_with()
    alerts.once("ea_id_claimed_twice", "ea:1", "claimed", "warning", at(0), {"ea_id": 1})
    assert look(alerts, 11.0, 1) == ["raised"]
    assert [row.rule for row in alerts.open()] == ["ea_id_claimed_twice", "fall"]
    assert look(alerts, 1.0, 2) == ["cleared"]
    assert [row.rule for row in alerts.open()] == ["ea_id_claimed_twice"]


def test_where_an_alert_is_delivered_is_the_rule_s_to_say() -> None:
    alerts = alerts_with(notify='["phone"]')
    look(alerts, 11.0, 0)
    assert alerts.notify(alerts.open()[0]) == ["phone"]


def test_a_subject_that_is_gone_takes_its_alerts_along() -> None:
    alerts = alerts_with()
    look(alerts, 11.0, 0)
    look(alerts, 11.0, 0, ea_id=2)
    rows = alerts.forget("expert", 1, at(9))
    assert [(row.status, row.subject, row.message) for row in rows] == [("cleared", "ea:1", "over: EA 1 fell 11.0%")]
    assert [row.subject for row in alerts.open()] == ["ea:2"]
    assert alerts.forget("expert", 1, at(10)) == []
    assert look(alerts, 11.0, 11) == ["raised"]


def test_a_subject_that_is_gone_while_it_is_held_raises_nothing() -> None:
    alerts = alerts_with(for_s=10)
    look(alerts, 11.0, 0)
    assert alerts.forget("expert", 1, at(5)) == []
    assert due(alerts, 100) == []


def test_more_alerts_than_there_may_be_are_counted_and_told_once() -> None:
    alerts = alerts_with(open_max=10)
    said = [status for ea_id in range(1, 10) for status in look(alerts, 11.0, 0, ea_id=ea_id)]
    assert said == ["raised"] * 9
    assert look(alerts, 11.0, 0, ea_id=10) == ["raised"]
    (told,) = alerts.observe("expert", 11, expert_row(ea_id=11, drawdown_pct=11.0), at(1))
    assert (told.rule, told.level) == ("too_many_alerts", "critical")
    assert told.message == "10 alerts are open: no more can be raised until some of them are over"
    assert look(alerts, 12.0, 2, ea_id=12) == []
    assert (alerts.dropped, alerts.open_count) == (2, 11)
    assert look(alerts, 1.0, 3, ea_id=1) == ["cleared"]
    assert due(alerts, 3) == []  # nine and the one about too many: that is no room yet
    assert look(alerts, 1.0, 3, ea_id=2) == ["cleared"]
    assert [row.rule for row in alerts.due(at(3))] == ["too_many_alerts"]
    assert look(alerts, 11.0, 4, ea_id=11) == ["raised"]  # it had not changed, and is looked at all the same


def test_more_subjects_than_there_may_be_are_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fleetwire.fleet.alerts.SUBJECTS_MAX", 3)
    alerts = alerts_with()
    said = [look(alerts, 1.0, 0, ea_id=ea_id) for ea_id in range(1, 7)]
    assert said == [[], [], [], ["raised"], [], []]
    assert (alerts.open()[0].message, alerts.dropped) == ("more than 3 subjects are watched: no more can be", 3)
    assert look(alerts, 11.0, 1, ea_id=2) == ["raised"]


def test_a_rule_looks_only_when_what_it_reads_has_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What 500 experts cost each second rests on this."""
    looks: list[str] = []
    holds = Expression.holds
    monkeypatch.setattr(
        Expression, "holds", lambda self, figures: bool(looks.append(self.text)) or holds(self, figures)
    )
    alerts = alerts_with(message='"EA {ea_id} has {current_profit}"')
    for seconds, profit in enumerate((1.0, 1.0, 2.0, 3.0)):
        look(alerts, 5.0, seconds, current_profit=profit)
    assert looks == ["drawdown_pct > 10"]
    look(alerts, 6.0, 9)
    assert looks == ["drawdown_pct > 10"] * 2


def test_nothing_is_remembered_of_commands_that_went_well() -> None:
    alerts = Alerts(default_rules())
    for number in range(100):
        alerts.observe("command", number, {"command_id": number, "status": "executed"}, at(0))
    assert len(alerts._seen) == 0


def test_a_restart_raises_nothing_twice_and_clears_what_is_over() -> None:
    before = alerts_with()
    for ea_id in (1, 2):
        look(before, 11.0, 0, ea_id=ea_id)
    before.acknowledge(2, "ann", at(1))
    after = alerts_with()
    for _ in range(2):
        after.restore(before.open(), 7, at(100))
    assert after.open() == before.open()
    assert after.due(at(100)) == []
    assert look(after, 11.5, 101, ea_id=1) == []
    (over,) = after.observe("expert", 2, expert_row(ea_id=2, drawdown_pct=2.0), at(102))
    assert (over.alert_id, over.status, over.acknowledged_by) == (2, "cleared", "ann")
    (new,) = after.observe("expert", 3, expert_row(ea_id=3, drawdown_pct=12.0), at(103))
    assert new.alert_id == 8


def test_what_was_raised_anew_before_the_old_was_restored_stays_one_alert() -> None:
    before, after = alerts_with(), alerts_with()
    look(before, 11.0, 0, ea_id=2)
    look(before, 11.0, 0)
    look(after, 11.0, 50)
    after.restore(before.open()[1:], 2, at(51))
    assert [(row.alert_id, row.subject) for row in after.open()] == [(1, "ea:1")]


def test_a_restart_without_the_rule_clears_its_alerts() -> None:
    before = alerts_with()
    look(before, 11.0, 0)
    after = Alerts(default_rules())
    after.restore(before.open(), 1, at(100))
    assert due(after, 100) == ["cleared"]


def test_a_restart_goes_on_with_what_is_over_by_itself_and_with_reminders() -> None:
    before = alerts_with(clear_after_s=1000, repeat_s=300)
    look(before, 11.0, 0)
    after = alerts_with(clear_after_s=1000, repeat_s=300)
    after.restore(before.open(), 1, at(500))
    assert due(after, 500) == ["raised"]
    assert due(after, 999) == ["raised"]
    assert due(after, 1000) == ["cleared"]


def test_a_rule_of_no_subject_that_is_looked_at_costs_nothing() -> None:
    assert alerts_with().observe("nothing", 1, {}, at(0)) == []


class River(RuleBasedStateMachine):
    """Figures, time, people and restarts in any order, beside a slow model of what has to come out."""

    @initialize(for_s=st.sampled_from([0, 3]), clear_for_s=st.sampled_from([0, 2]))
    def begin(self, for_s: int, clear_for_s: int) -> None:
        self.for_s, self.clear_for_s = for_s, clear_for_s
        self.alerts = self.new()
        self.now = 0
        self.open: dict[str, int] = {}  # by subject, as people were told
        self.value: dict[str, float] = {}
        self.since: dict[str, int] = {}  # since when the condition for the next change has held
        self.ids: set[int] = set()

    def new(self) -> Alerts:
        return alerts_with(for_s=self.for_s, clear_for_s=self.clear_for_s)

    def told(self, rows: list[AlertRow], wanted: list[tuple[str, str]]) -> None:
        assert sorted((row.status, row.subject) for row in rows) == sorted(wanted)
        for row in rows:
            if row.status == "raised":
                assert row.subject not in self.open
                assert row.alert_id not in self.ids
                self.ids.add(row.alert_id)
                self.open[row.subject] = row.alert_id
            else:
                assert self.open.pop(row.subject) == row.alert_id

    def expected(self, subject: str) -> list[tuple[str, str]]:
        """The model: what must be told of a subject at this moment, by its value and how long it has held."""
        said = []
        for status, held in (("cleared", self.clear_for_s), ("raised", self.for_s)):
            if (status == "cleared") is (subject in self.open and not said):
                value = self.value.get(subject, 0.0)
                if value > 10 if status == "raised" else value < 8:
                    since = self.since.setdefault(subject, self.now)
                    if self.now - since >= held:
                        del self.since[subject]
                        said.append((status, subject))
                else:
                    self.since.pop(subject, None)
        return said

    @rule(ea_id=st.integers(1, 3), value=st.sampled_from([0.0, 7.9, 8.0, 9.0, 10.0, 10.1, 30.0]))
    def report(self, ea_id: int, value: float) -> None:
        subject = f"ea:{ea_id}"
        self.value[subject] = value
        rows = self.alerts.observe("expert", ea_id, expert_row(ea_id=ea_id, drawdown_pct=value), at(self.now))
        self.told(rows, self.expected(subject))

    @rule()
    def tick(self) -> None:
        self.now += 1
        self.told(self.alerts.due(at(self.now)), [part for subject in self.value for part in self.expected(subject)])

    @rule(alert_id=st.integers(1, 9))
    def acknowledge(self, alert_id: int) -> None:
        if alert_id in self.open.values():
            assert self.alerts.acknowledge(alert_id, "ann", at(self.now)).status == "acknowledged"
        else:
            with pytest.raises(NotFoundError):
                self.alerts.acknowledge(alert_id, "ann", at(self.now))

    @rule(times=st.integers(1, 2))
    def restart(self, times: int) -> None:
        """A hold begins anew: nobody knows what happened meanwhile. Values are told again by full reports."""
        before = self.alerts.open()
        self.alerts = self.new()
        for _ in range(times):
            self.alerts.restore(before, max(self.ids, default=0), at(self.now))
        assert self.alerts.open() == before
        self.since.clear()
        for subject, value in self.value.items():
            ea_id = int(subject.removeprefix("ea:"))
            rows = self.alerts.observe("expert", ea_id, expert_row(ea_id=ea_id, drawdown_pct=value), at(self.now))
            self.told(rows, self.expected(subject))

    @invariant()
    def what_is_open_is_what_was_told(self) -> None:
        if hasattr(self, "alerts"):
            assert [row.alert_id for row in self.alerts.open()] == sorted(self.open.values())
            places = [(row.rule, row.subject) for row in self.alerts.open()]
            assert len(places) == len(set(places))


TestRiver = River.TestCase
TestRiver.settings = settings(max_examples=60, stateful_step_count=30)


@given(st.lists(st.floats(8.0, 10.0), min_size=1, max_size=30))
def test_a_figure_that_wanders_between_the_two_edges_changes_nothing(values: list[float]) -> None:
    alerts = alerts_with()
    assert [look(alerts, value, index) for index, value in enumerate(values)] == [[]] * len(values)
    look(alerts, 11.0, 100)
    assert [look(alerts, value, 101 + index) for index, value in enumerate(values)] == [[]] * len(values)
