"""The first two lines: the answer and the connection; how old the numbers are, and how many experts are how."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from fleetwire.cli.top.formats import age, count, whole
from fleetwire.cli.top.health import Fleet, answer
from fleetwire.cli.top.line import Line, Look, Part, fitting, spread, width_of
from fleetwire.cli.top.link import Link

Row = Mapping[str, Any]

_MARKS: dict[Look, str] = {"good": "✔", "late": "!", "alarm": "‼", "faint": "…"}


class Glance(NamedTuple):
    """What the first lines are made of.

    Args:
        link: the connection.
        complete: whether all experts have been told.
        fleet: how many experts are how.
        oldest_ms: the age of the oldest number of an expert that should report.
        alerts: the open ones.
        portfolio: the sums of the fleet; empty where they are not heard.
        silent_ms: how long nothing was heard of the server; None without a connection.
    """

    link: Link
    complete: bool
    fleet: Fleet
    oldest_ms: float | None
    alerts: Sequence[Row]
    portfolio: Row
    silent_ms: float | None


def lines(glance: Glance, right: str, width: int) -> list[Line]:
    """Write them.

    Args:
        glance: what is known.
        right: who looks, and what time it is.
        width: of the screen, in cells.
    """
    link = glance.link
    said = answer(link, glance.complete, glance.fleet, glance.oldest_ms, glance.alerts)
    look: Look = said.look if said.look in ("alarm", "late", "faint") else "strong"
    words: Line = ((f" {_MARKS.get(said.look, '!')} ", said.look), (f" {said.words} ", look))
    heard = "" if glance.silent_ms is None else f"  heard {age(glance.silent_ms)} ago"
    state: Line = ((f"{link.mark} {link.name}", link.look), (heard, "faint"))
    if width_of(words) + width_of(state) >= width:  # the answer says it, too
        state = ()
    oldest = "no number yet" if glance.oldest_ms is None else f"oldest number {age(glance.oldest_ms)}"
    about: list[Line] = [
        ((oldest, "faint" if link.live else "late"),),
        _counts(glance.fleet),
        _blocked(glance.portfolio),
        _positions(glance.portfolio),
    ]
    known = fitting([part for part in about if part], width - len(right) - 6)
    return [spread(words, state, width), spread((("    ", ""), *known), ((right, "faint"),), width)]


def _counts(fleet: Fleet) -> Line:
    fresh = fleet.total - fleet.late - fleet.silent - fleet.resting
    parts: list[Part] = [(f"● {fresh} fresh", "faint")]
    if fleet.late:
        parts.append((f"  ◐ {fleet.late} late", "late"))
    if fleet.silent:
        parts.append((f"  ○ {fleet.silent} silent", "late"))
    if fleet.resting:
        parts.append((f"  ◌ {fleet.resting} closed", "faint"))
    return tuple(parts)


def _blocked(portfolio: Row) -> Line:
    symbols = portfolio.get("trading_blocked")
    if not isinstance(symbols, list) or not symbols:
        return ()
    return ((f"news holds {count(len(symbols), 'symbol')}", ""),)


def _positions(portfolio: Row) -> Line:
    total, manual = whole(portfolio.get("total_positions")), portfolio.get("manual")
    if total is None:
        return ()
    by_hand = whole(manual.get("positions")) if isinstance(manual, dict) else None
    return ((count(total, "position") + (f", {by_hand} by hand" if by_hand else ""), "faint"),)
