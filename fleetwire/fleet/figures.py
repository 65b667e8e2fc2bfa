"""What a rule can look at: the subjects, and for each the figures of its row, by name."""

import types
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from operator import attrgetter
from typing import Any, Final, NamedTuple, get_args, get_origin

import msgspec
from msgspec import Struct

from fleetwire.fleet.events import CommandReport
from fleetwire.fleet.lossrules import LIMIT_FIGURES
from fleetwire.fleet.statistics import Statistics
from fleetwire.wire.rows import AccountRow, ExpertRow, NewsRow, Sums, TerminalRow

RowLike = Struct | Mapping[str, Any]
"""A row, or a dict of the same shape."""


class Kind(Enum):
    """What a figure is; the value says it to a person. `either` can only be shown."""

    number = "a number"
    text = "a text"
    truth = "true or false"
    texts = "a list of texts"
    either = "a number or a text"
    nothing = "None"


class ServerFigures(Struct, frozen=True, kw_only=True):
    """How the server itself is. `store_failing` says why nothing can be kept at the moment; None while all is well."""

    store_failing: str | None = None
    store_pending: int = 0
    store_pending_max: int = 0


class Subject(NamedTuple):
    """Whom a rule is about.

    Args:
        name: as rules say it.
        prefix: of its ids in alerts: `ea` for "ea:1007".
        figures: what it has, by name.
        inside: the field of its row that holds more of them, and their names.
        happens: it happens and is over; its alert is over, too, once somebody has seen it.
    """

    name: str
    prefix: str
    figures: dict[str, Kind]
    inside: tuple[str, frozenset[str]] | None = None
    happens: bool = False

    def text(self, subject_id: object) -> str:
        """Name one of them, like "ea:1007"; the server has no id."""
        return self.prefix if subject_id in ("", None) else f"{self.prefix}:{subject_id}"


_KINDS: Final = {bool: Kind.truth, int: Kind.number, float: Kind.number, str: Kind.text}


def _kind(declared: Any) -> Kind | None:
    """Tell what a field's type is; None for what a rule can't look at."""
    if get_origin(declared) is list:
        return Kind.texts if get_args(declared) == (str,) else None
    if isinstance(declared, types.UnionType):
        kinds = {_kind(part) for part in get_args(declared) if part is not type(None)}
        return kinds.pop() if len(kinds) == 1 else Kind.either
    return _KINDS.get(declared)


def _figures(row: type[Struct]) -> dict[str, Kind]:
    kinds = {field.name: _kind(field.type) for field in msgspec.structs.fields(row)}
    return {name: kind for name, kind in kinds.items() if kind is not None}


_METRICS: Final = dict.fromkeys(Statistics().metrics(), Kind.number)
_LIMITS: Final = dict.fromkeys(LIMIT_FIGURES, Kind.number)

SUBJECTS: Final[dict[str, Subject]] = {
    subject.name: subject
    for subject in (
        Subject("expert", "ea", _METRICS | _figures(ExpertRow), ("performance_metrics", frozenset(_METRICS))),
        Subject("account", "account", _LIMITS | _figures(AccountRow), ("limits", frozenset(_LIMITS))),
        Subject("terminal", "terminal", _figures(TerminalRow)),
        Subject("portfolio", "currency", _figures(Sums)),
        Subject("command", "command", _figures(CommandReport), happens=True),
        Subject("news", "news", _figures(NewsRow)),
        Subject("server", "server", _figures(ServerFigures)),
        Subject("event", "event", {}, happens=True),
    )
}
"""All of them. `event` is for what the server itself finds worth an alert; its rules have no `when`."""

VOCABULARY: Final[dict[str, frozenset[str]]] = {
    "link": frozenset({"fresh", "late", "stale", "lost"}),
    "why": frozenset(
        {"expert_stopped", "algo_trading_off", "terminal_down", "broker_connection_lost", "market_closed"}
    ),
    "importance": frozenset({"none", "low", "moderate", "high"}),
}
"""Texts that can be nothing else."""


def reader(subject: Subject, names: Iterable[str]) -> Callable[[RowLike], tuple[Any, ...]]:
    """Make a function that reads figures from a row of a subject, in the order of `names`; None for what is absent."""
    field, inner_names = subject.inside or ("", frozenset())
    inner = [name for name in names if name in inner_names]
    outer = [name for name in names if name not in inner_names]
    order = [[*outer, *inner].index(name) for name in names]
    from_struct = _struct_reader(outer)

    def read(row: RowLike) -> tuple[Any, ...]:
        if isinstance(row, Mapping):
            found = [row.get(name) for name in outer]
            more = row.get(field) if inner else None
        else:
            found = from_struct(row)
            more = getattr(row, field) if inner else None
        if inner:
            found += [more.get(name) for name in inner] if more else [None] * len(inner)
        return tuple([found[index] for index in order])

    return read


def _struct_reader(names: list[str]) -> Callable[[Struct], list[Any]]:
    if len(names) < 2:
        return lambda row: [getattr(row, name) for name in names]
    get = attrgetter(*names)
    return lambda row: list(get(row))


def misfits(subject: Subject, row: Mapping[str, Any]) -> list[str]:
    """Name the figures of a dict that are not of their kind (a recorded row may hold anything)."""
    field, _ = subject.inside or ("", None)
    inside = row.get(field)
    flat = {**row, **inside} if isinstance(inside, Mapping) else row
    return [
        name for name, kind in subject.figures.items() if flat.get(name) is not None and not _fits(flat[name], kind)
    ]


def _fits(value: object, kind: Kind) -> bool:
    if kind is Kind.texts:
        return isinstance(value, list) and all(isinstance(part, str) for part in value)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return {
        Kind.number: is_number,
        Kind.text: isinstance(value, str),
        Kind.truth: isinstance(value, bool),
        Kind.either: is_number or isinstance(value, str),
    }.get(kind, False)
