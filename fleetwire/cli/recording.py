"""A recorded day (`fleetwire tail --json > day.jsonl`), looked at by rules: what they would have raised, and when."""

import math
from collections import Counter
from collections.abc import Iterator
from typing import IO, Any, TypeVar

import msgspec

from fleetwire.fleet.alerts import Alerts
from fleetwire.fleet.events import Account, Terminal
from fleetwire.fleet.figures import SUBJECTS, misfits
from fleetwire.fleet.rules import RuleBook
from fleetwire.wire.moment import Moment, moment, read_utc
from fleetwire.wire.rows import AlertRow

T = TypeVar("T")

LINE_CHARS_MAX = 4 * 1024 * 1024
NAMED_MAX = 5  # lines that can't be read are counted, and so many of them named
_SUBJECT_OF = {
    "ea_update": ("expert", "ea_id"),
    "news_update": ("news", "id"),
    "command_update": ("command", "command_id"),
}


class _BadLine(Exception):
    """A line that can't be read; the text says why."""


class Recording:
    """Looks at a recording, line by line, with as much memory as there are experts.

    Args:
        book: the rules.
    """

    def __init__(self, book: RuleBook) -> None:
        self.alerts = Alerts(book)
        self.lines = 0
        self.looked: Counter[str] = Counter()  # by type
        self.bad = 0
        self.named: list[str] = []  # the first of them
        self._at: Moment | None = None

    def play(self, file: IO[str]) -> Iterator[AlertRow]:
        """Give the alerts as they are raised and cleared."""
        while line := file.readline(LINE_CHARS_MAX + 1):
            self.lines += 1
            try:
                if len(line) > LINE_CHARS_MAX:
                    self._skip_rest(file, line)
                    raise _BadLine(f"is longer than {LINE_CHARS_MAX:,} characters")
                if line.strip():
                    yield from self._take(line)
            except _BadLine as error:
                self.bad += 1
                if len(self.named) < NAMED_MAX:
                    self.named.append(f"line {self.lines:,}: {error}")

    @staticmethod
    def _skip_rest(file: IO[str], line: str) -> None:
        while line and not line.endswith("\n"):
            line = file.readline(LINE_CHARS_MAX)

    def _take(self, line: str) -> Iterator[AlertRow]:
        message = _message(line)
        kind, data = message["type"], message["data"]
        rows = list(_rows(kind, data))
        if not rows:
            return
        at = self._moment(message)
        yield from self._until(at)
        self.looked[kind] += 1
        for subject, subject_id, row in rows:
            wrong = misfits(SUBJECTS[subject], row)
            if wrong:
                raise _BadLine(f"{kind}: {', '.join(wrong[:3])}: of a wrong kind")
            if row.get("status") == "removed":
                yield from self.alerts.forget(subject, subject_id, at)
            else:
                yield from self.alerts.observe(subject, subject_id, row, at)

    def _until(self, at: Moment) -> Iterator[AlertRow]:
        """Let the time pass up to a line: what is held until then is raised when it would have been."""
        while (deadline := self.alerts.next_deadline()) is not None and deadline <= at.now:
            yield from self.alerts.due(moment(deadline, math.ceil(deadline * 1000)))

    def _moment(self, message: dict[str, Any]) -> Moment:
        """Read when it was said; time never goes back."""
        text = message.get("as_of") or message.get("timestamp") or message.get("at")
        try:
            utc_ms = read_utc(text)  # type: ignore[arg-type]  # a wrong type is an error of its own
        except (TypeError, ValueError, OverflowError):
            raise _BadLine("says no time (as_of, timestamp or at, like 2026-11-23T08:00:01.000Z)") from None
        if self._at is None or utc_ms > self._at.utc_ms:
            self._at = moment(utc_ms / 1000, utc_ms)
        return self._at


def _message(line: str) -> dict[str, Any]:
    """Read one line: a message as `tail --json` prints it, or {"at": ..., "row": {"type", "data"}}, or a report."""
    try:
        found = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise _BadLine("is no JSON") from None
    if isinstance(found, dict) and isinstance(found.get("row"), dict):
        found = {"at": found.get("at"), **found["row"]}
    elif isinstance(found, dict) and "report" in found:
        found = {"at": found.get("at"), "type": "report", "data": found["report"]}
    if not isinstance(found, dict) or not isinstance(found.get("type"), str) or not isinstance(found.get("data"), dict):
        raise _BadLine("is no message: record a day with fleetwire tail --json")
    return found


def _rows(kind: str, data: dict[str, Any]) -> Iterator[tuple[str, object, dict[str, Any]]]:
    """Give what rules look at in a message: subject, id, row."""
    if kind == "portfolio_update":
        by_currency = data.get("by_currency")
        for currency, sums in by_currency.items() if isinstance(by_currency, dict) else ():
            if not isinstance(sums, dict):
                raise _BadLine("portfolio_update: by_currency holds no sums")
            yield "portfolio", currency, sums
    elif kind == "report":
        yield from _reported(data)
    elif kind in _SUBJECT_OF:
        subject, field = _SUBJECT_OF[kind]
        if not isinstance(data.get(field), int | str):
            raise _BadLine(f"{kind}: has no {field}")
        yield subject, data[field], data


def _reported(report: dict[str, Any]) -> Iterator[tuple[str, object, dict[str, Any]]]:
    """Give what the account and the terminal of a report say of themselves."""
    account = _part(report, "account", Account)
    terminal = _part(report, "terminal", Terminal) or (account.terminal if account else None)
    if account is None:
        if terminal is not None:
            raise _BadLine("report: no account says whose terminal it is")
        return
    name = f"{account.server}/{account.login}"
    yield "account", name, {**msgspec.to_builtins(account), "account": name}
    if terminal is not None:
        called = terminal.id or name
        yield "terminal", called, {**msgspec.to_builtins(terminal), "terminal": called, "account": name}


def _part(report: dict[str, Any], field: str, kind: type[T]) -> T | None:
    try:
        return msgspec.convert(report[field], kind) if report.get(field) is not None else None
    except msgspec.ValidationError as error:
        raise _BadLine(f"report: {field}: {str(error).replace('`', '')}") from None
