"""Alerts: raised, acknowledged, cleared; at most one open for each rule and subject.

```
             when                      held for_s
  (nothing) ------> holding ------------------------> raised ----> acknowledged
      ^                |                                 |              |
      |  not when      |             clear and not when, held clear_for_s;
      +----------------+             or clear_after_s; or its subject is gone
      |                                                  |              |
      +-------------------------- cleared <--------------+--------------+
```

A hold is measured on the monotonic clock. Whoever owns an `Alerts` calls `due` no later than `next_deadline` says.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from msgspec import structs

from fleetwire.fleet.deadlines import Deadlines
from fleetwire.fleet.figures import SUBJECTS, RowLike, Subject, reader
from fleetwire.fleet.rules import Rule, RuleBook, RuleForm
from fleetwire.wire.errors import NotFoundError
from fleetwire.wire.moment import Moment, read_utc
from fleetwire.wire.rows import AlertRow

OPEN_MAX: Final = 10_000
SUBJECTS_MAX: Final = 50_000
_OVERFLOW: Final = "too_many_alerts"
_EVENT_OPEN_S: Final = 86_400.0
_BY_CHARS_MAX: Final = 128
_OF_SERVER: Final = "server"


class _Look:
    """What the rules of one kind of subject read.

    Args:
        subject: the kind.
        rules: those that are enabled.
    """

    def __init__(self, subject: Subject, rules: list[Rule]) -> None:
        self.subject = subject
        self.names = tuple(dict.fromkeys(name for rule in rules for name in rule.names))
        self.read = reader(subject, self.names)
        place = {name: index for index, name in enumerate(self.names)}
        self.rules = [(rule, frozenset(place[name] for name in rule.triggers)) for rule in rules]


class _Seen:
    """A subject as it was last seen, and what is going on about it.

    Args:
        text: like "ea:1007".
        look: what is read of it; None for an event.
    """

    __slots__ = ("about", "figures", "look", "text", "watches")

    def __init__(self, text: str, look: _Look | None) -> None:
        self.text = text
        self.look = look
        self.about: dict[str, Any] = {}
        self.figures: tuple[Any, ...] | None = None
        self.watches: dict[str, _Watch] = {}

    def named(self) -> dict[str, Any]:
        """Give its figures by name; none before it was seen."""
        return dict(zip(self.look.names, self.figures, strict=True)) if self.look and self.figures else {}


class _Watch:
    """A rule that holds, or has raised, for one subject. Times are monotonic seconds, None for what is not awaited.

    `row` is the alert, None while the rule only holds. `change_at` is when it is raised or cleared.
    """

    __slots__ = ("change_at", "expire_at", "remind_at", "row", "rule", "seen")

    def __init__(self, rule: Rule, seen: _Seen) -> None:
        self.rule = rule
        self.seen = seen
        self.row: AlertRow | None = None
        self.change_at: float | None = None
        self.expire_at: float | None = None
        self.remind_at: float | None = None

    def next(self) -> float | None:
        """Tell when something has to be done about it."""
        return min((at for at in (self.change_at, self.expire_at, self.remind_at) if at is not None), default=None)


class Alerts:
    """All that is open, and the rules that look.

    Every method that may change something returns the rows to tell, in order.

    Args:
        book: the rules.
        open_max: alerts that can be open at once; what is beyond is counted in `dropped` and told once.
    """

    def __init__(self, book: RuleBook, open_max: int = OPEN_MAX) -> None:
        self.book = book
        self.raised = self.cleared = self.dropped = 0
        self._open_max = open_max
        self._last_id = 0
        self._looks = _looks(book)
        self._seen: dict[str, _Seen] = {}
        self._open: dict[int, _Watch] = {}
        self._deadlines: Deadlines[_Watch] = Deadlines()

    # --------------------------------------------------------------------------------------------------------- looking

    def observe(
        self, kind: str, subject_id: object, row: RowLike, at: Moment, about: Mapping[str, Any] | None = None
    ) -> list[AlertRow]:
        """Look at a row that may have changed. What its rules read and has not changed costs nothing.

        Args:
            kind: of `SUBJECTS`.
            subject_id: which one: an `ea_id`, "Server/login", a currency, ...
            row: its row, or a dict of the same shape.
            at: now.
            about: `ea_id` or `account` of the alert, where the subject does not tell them itself.
        """
        look = self._looks.get(kind)
        if look is None:
            return []
        figures = look.read(row)
        text = look.subject.text(subject_id)
        seen = self._seen.get(text)
        if seen is not None and seen.figures == figures:
            return []
        if seen is None:
            if len(self._seen) >= SUBJECTS_MAX:
                return self._overflow(f"more than {SUBJECTS_MAX:,} subjects are watched: no more can be", at)
            seen = self._seen[text] = _Seen(text, look)
        said = self._settled(seen, at)
        seen.look, before, seen.figures = look, seen.figures, figures
        seen.about = _about(kind, subject_id, row) if about is None else dict(about)
        self._judge(seen, look, before, at, said)
        if not seen.watches and look.subject.happens:
            self._seen.pop(text, None)
        return said

    def _settled(self, seen: _Seen, at: Moment) -> list[AlertRow]:
        """Do first what had become due by the figures as they were, however late anybody asks."""
        said: list[AlertRow] = []
        for watch in tuple(seen.watches.values()):
            if watch.change_at is not None and watch.change_at <= at.now:
                self._change(watch, at, said)
        return said

    def _judge(
        self, seen: _Seen, look: _Look, before: tuple[Any, ...] | None, at: Moment, said: list[AlertRow]
    ) -> None:
        """Let the rules look that read something new."""
        figures, names = seen.figures or (), seen.named()
        changed = None if before is None else {index for index, was in enumerate(before) if figures[index] != was}
        for rule, reads in look.rules:
            if changed is None or not reads.isdisjoint(changed):
                self._apply(rule, seen, names, at, said)

    def _apply(self, rule: Rule, seen: _Seen, names: dict[str, Any], at: Moment, said: list[AlertRow]) -> None:
        """Let one rule look."""
        watch = seen.watches.get(rule.name)
        holds = rule.when is not None and rule.when.holds(names)
        if watch is None:
            if holds:
                self._begin(rule, seen, at, said)
        elif watch.row is None:
            if not holds:
                self._drop(watch)
        elif holds or (rule.clear is not None and not rule.clear.holds(names)):
            watch.change_at = None
            self._expect(watch)
        elif watch.change_at is None:
            watch.change_at = at.now + rule.clear_for_s
            if rule.clear_for_s:
                self._expect(watch)
            else:
                self._change(watch, at, said)

    def _begin(self, rule: Rule, seen: _Seen, at: Moment, said: list[AlertRow]) -> None:
        watch = seen.watches[rule.name] = _Watch(rule, seen)
        watch.change_at = at.now + rule.for_s
        if rule.for_s:
            self._expect(watch)
        else:
            self._change(watch, at, said)

    # --------------------------------------------------------------------------------------------------------- in time

    def next_deadline(self) -> float | None:
        """Tell when `due` has to be called: monotonic seconds; None while nothing is awaited."""
        return self._deadlines.next()

    def due(self, at: Moment) -> list[AlertRow]:
        """Do what has become due: raise, clear, remind."""
        said: list[AlertRow] = []
        for watch in self._deadlines.passed(at.now):
            if watch.expire_at is not None and watch.expire_at <= at.now:
                said.append(self._clear(watch, at, _over(watch)))
            elif watch.change_at is not None and watch.change_at <= at.now:
                self._change(watch, at, said)
            elif watch.row is not None and watch.remind_at is not None and watch.remind_at <= at.now:
                watch.remind_at = at.now + (watch.rule.repeat_s or 0.0)
                self._expect(watch)
                said.append(self._shown(watch, watch.row))
        return said

    def _expect(self, watch: _Watch) -> None:
        self._deadlines.set(watch, watch.next())

    def _change(self, watch: _Watch, at: Moment, said: list[AlertRow]) -> None:
        """Raise what has held for long enough, or clear it."""
        if watch.row is None:
            self._raise(watch, at, said)
        else:
            names, template = watch.seen.named(), watch.rule.clear_message
            said.append(self._clear(watch, at, template.told(names) if template and names else _over(watch)))

    # ------------------------------------------------------------------------------------------------ raising, clearing

    def _raise(self, watch: _Watch, at: Moment, said: list[AlertRow], message: str = "", level: str = "") -> None:
        if len(self._open) >= self._open_max and watch.rule.name != _OVERFLOW:
            self._drop(watch)
            watch.seen.figures = None  # it is looked at anew as soon as it is seen again
            text = f"{self._open_max:,} alerts are open: no more can be raised until some of them are over"
            said += self._overflow(text, at)
            return
        rule, about = watch.rule, watch.seen.about
        self._last_id += 1
        self.raised += 1
        row = AlertRow(
            level=level or rule.level,
            message=message,
            ea_id=about.get("ea_id"),
            account=about.get("account"),
            alert_id=self._last_id,
            rule=rule.name,
            subject=watch.seen.text,
            status="raised",
            threshold=rule.threshold,
            raised_at=at.utc,
        )
        self._keep_open(watch, row if message else self._shown(watch, row), at.now)
        said.append(self._open[row.alert_id].row or row)

    def _keep_open(self, watch: _Watch, row: AlertRow, raised_now: float) -> None:
        """Keep an alert that was raised at a monotonic time."""
        rule = watch.rule
        watch.row = row
        watch.change_at = None
        watch.expire_at = raised_now + rule.clear_after_s if rule.clear_after_s else None
        watch.remind_at = raised_now + rule.repeat_s if rule.repeat_s and row.status == "raised" else None
        self._open[row.alert_id] = watch
        self._expect(watch)

    def _shown(self, watch: _Watch, row: AlertRow) -> AlertRow:
        """Write message and value of an alert as things stand."""
        names, rule = watch.seen.named(), watch.rule
        if rule.message is None or not names:
            return row
        return structs.replace(row, message=rule.message.told(names), value=names.get(rule.value or ""))

    def _clear(self, watch: _Watch, at: Moment, message: str) -> AlertRow:
        assert watch.row is not None  # noqa: S101 - only what is open is cleared
        row = structs.replace(watch.row, status="cleared", level="info", message=message, cleared_at=at.utc)
        value = watch.seen.named().get(watch.rule.value or "")
        self.cleared += 1
        del self._open[row.alert_id]
        self._drop(watch)
        self._calm_overflow(at)
        return row if value is None else structs.replace(row, value=value)

    def _drop(self, watch: _Watch) -> None:
        """Let go of a watch, and of its subject where nothing else is to be remembered of it."""
        self._deadlines.set(watch, None)
        seen = watch.seen
        seen.watches.pop(watch.rule.name, None)
        if not seen.watches and (seen.look is None or seen.look.subject.happens):
            self._seen.pop(seen.text, None)

    def _overflow(self, message: str, at: Moment) -> list[AlertRow]:
        """Count a look that there is no room for, and say so once."""
        self.dropped += 1
        return self.once(_OVERFLOW, _OF_SERVER, message, "critical", at)

    def _calm_overflow(self, at: Moment) -> None:
        """Let the alert of too many alerts be over once there is room again."""
        seen = self._seen.get(_OF_SERVER)
        watch = seen.watches.get(_OVERFLOW) if seen else None
        if watch is not None and len(self._open) <= 0.9 * self._open_max:
            watch.expire_at = at.now
            self._expect(watch)

    # ----------------------------------------------------------------------------------------- events, people, restarts

    def once(
        self,
        rule_name: str,
        subject: str,
        message: str,
        level: str,
        at: Moment,
        about: Mapping[str, Any] | None = None,
    ) -> list[AlertRow]:
        """Raise an alert of something that happened; while it is open, the same again is not told again.

        It is over once it was acknowledged, or after the rule's `clear_after_s` (a day, where there is none).

        Args:
            rule_name: of a rule whose subject is `event`: its own level goes before `level`, and it may be disabled.
            subject: whom it is about, like "ea:1007".
            message: what people are told.
            level: of `LEVELS`, where there is no rule of that name.
            at: now.
            about: `ea_id` or `account` of the alert.
        """
        rule = self.book.rules.get(rule_name) or Rule(_event(rule_name, level), "event")
        if not rule.enabled:
            return []
        seen = self._seen.get(subject)
        if seen is None:
            seen = self._seen[subject] = _Seen(subject, None)
        if rule_name in seen.watches:
            return []
        if about is not None:
            seen.about = dict(about)
        said: list[AlertRow] = []
        watch = seen.watches[rule_name] = _Watch(rule, seen)
        self._raise(watch, at, said, message, rule.level)
        return said

    def acknowledge(self, alert_id: int, by: str, at: Moment) -> AlertRow:
        """Note that somebody has seen an alert; the first one counts. Reminders end.

        Args:
            alert_id: of an open alert.
            by: who.
            at: now.

        Raises:
            NotFoundError: there is no open alert of this id.
        """
        watch = self._open.get(alert_id)
        if watch is None or watch.row is None:
            raise NotFoundError(f"there is no open alert {alert_id}: it is over, or never was")
        if watch.row.status == "raised":
            watch.row = structs.replace(
                watch.row, status="acknowledged", acknowledged_at=at.utc, acknowledged_by=by[:_BY_CHARS_MAX]
            )
            watch.remind_at = None
            if watch.rule.subject.happens:
                watch.expire_at = at.now
            self._expect(watch)
        return watch.row

    def forget(self, kind: str, subject_id: object, at: Moment) -> list[AlertRow]:
        """Let go of a subject that exists no more; clears what is open about it."""
        seen = self._seen.pop(SUBJECTS[kind].text(subject_id), None)
        said = []
        for watch in list(seen.watches.values()) if seen else []:
            if watch.row is None:
                self._drop(watch)
            else:
                said.append(self._clear(watch, at, _over(watch)))
        return said

    def open(self) -> list[AlertRow]:
        """List what is raised or acknowledged and not cleared, in order."""
        return [watch.row for _, watch in sorted(self._open.items()) if watch.row is not None]

    @property
    def open_count(self) -> int:
        """How many are open."""
        return len(self._open)

    def notify(self, row: AlertRow) -> bool | list[str]:
        """Tell where an alert is to be delivered beyond the socket: everywhere, nowhere, or to these targets."""
        rule = self.book.rules.get(row.rule)
        return rule.notify if rule is not None else True

    def restore(self, rows: Iterable[AlertRow], last_alert_id: int, at: Moment) -> None:
        """Go on after a restart: what was open stays the same alert, and is cleared when it is over.

        What no rule looks at any more is cleared by the next `due`. What is known already is left as it is.

        Args:
            rows: alerts that were not cleared.
            last_alert_id: of all there ever were.
            at: now.
        """
        self._last_id = max(self._last_id, last_alert_id)
        for row in rows:
            seen = self._seen.get(row.subject)
            if row.status != "cleared" and row.alert_id not in self._open and not (seen and row.rule in seen.watches):
                self._restore(row, at)
        self._calm_overflow(at)

    def _restore(self, row: AlertRow, at: Moment) -> None:
        rule = self.book.rules.get(row.rule)
        gone = rule is None or not rule.enabled
        look = None if rule is None or rule.name == _OVERFLOW else self._looks.get(rule.subject.name)
        seen = self._seen.setdefault(row.subject, _Seen(row.subject, look))
        seen.look = seen.look or look
        seen.about = {"ea_id": row.ea_id, "account": row.account}
        kept = Rule(_event(row.rule, row.level), "event") if rule is None else rule
        watch = seen.watches[row.rule] = _Watch(kept, seen)
        self._last_id = max(self._last_id, row.alert_id)
        self._keep_open(watch, row, at.now - max(0, at.utc_ms - read_utc(row.raised_at)) / 1000)
        if gone or (kept.subject.happens and row.status == "acknowledged"):
            watch.expire_at = at.now
            self._expect(watch)


def _looks(book: RuleBook) -> dict[str, _Look]:
    """Sort the rules that look by the kind of their subject."""
    sorted_rules: dict[str, list[Rule]] = {}
    for rule in book.rules.values():
        if rule.enabled and rule.when is not None:
            sorted_rules.setdefault(rule.subject.name, []).append(rule)
    return {kind: _Look(SUBJECTS[kind], rules) for kind, rules in sorted_rules.items()}


def _event(name: str, level: str) -> RuleForm:
    return RuleForm(name=name, subject="event", level=level, clear_after_s=_EVENT_OPEN_S)  # type: ignore[arg-type]


def _about(kind: str, subject_id: object, row: RowLike) -> dict[str, Any]:
    """Say what an alert is about where its subject tells that by itself."""
    if kind == "expert":
        return {"ea_id": subject_id}
    if kind == "account":
        return {"account": subject_id}
    field = {"terminal": "account", "command": "ea_id"}.get(kind)
    if field is None:
        return {}
    return {field: row.get(field) if isinstance(row, Mapping) else getattr(row, field)}


def _over(watch: _Watch) -> str:
    """Say that an alert is over whose figures are not known any more."""
    message = watch.row.message if watch.row else watch.rule.name
    return message if watch.rule.subject.happens else f"over: {message}"
