"""The texts of alerts: `EA {ea_id} drawdown exceeds {threshold:g}%`, read and checked once."""

import re
from collections.abc import Mapping
from string import Formatter
from typing import Any, Final

from fleetwire.fleet.expression import near
from fleetwire.fleet.figures import Kind
from fleetwire.fleet.liveness import WHY
from fleetwire.wire.errors import ConfigError

CHARS_MAX: Final = 300
TOLD_CHARS_MAX: Final = 600
ABSENT: Final = "unknown"
_UTC: Final = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d+)?Z")
_FORMS: Final = re.compile(r"[+]?,?(\.\d)?[fg]?")


class Template:
    """A text with figures in it. Only their names and the form of a number: no attributes, no calls, no padding.

    Args:
        text: as its author wrote it.
        figures: the names that it may show, and what they are.
        constants: names that stand for a number, like `threshold`.

    Raises:
        ConfigError: it shows what there is not, or in no form; says what is meant. Names neither file nor rule.
    """

    def __init__(self, text: str, figures: Mapping[str, Kind], constants: Mapping[str, float] | None = None) -> None:
        self.text = text
        known = {**figures, **dict.fromkeys(constants or {}, Kind.number)}
        self._parts = _parts(text, known)
        self._constants = dict(constants or {})
        shown = [name for _, name, _ in self._parts if name is not None and name in figures]
        self.names: tuple[str, ...] = tuple(dict.fromkeys(shown))

    def told(self, figures: Mapping[str, Any]) -> str:
        """Write it; what is absent is "unknown", and what can't be printed is replaced."""
        written = []
        for literal, name, form in self._parts:
            written.append(literal)
            if name is not None:
                written.append(_shown(self._constants.get(name, figures.get(name)), form))
        text = "".join(written)
        return "".join(char if char.isprintable() else "?" for char in text[:TOLD_CHARS_MAX])


def _parts(text: str, known: Mapping[str, Kind]) -> list[tuple[str, str | None, str]]:
    """Split a text into what it says, and the figure and the form that follow."""
    if not text or len(text) > CHARS_MAX:
        raise ConfigError(f"must have 1 to {CHARS_MAX} characters")
    parts: list[tuple[str, str | None, str]] = []
    try:
        for literal, name, form, conversion in Formatter().parse(text):
            if name is not None:
                _check(name, form or "", conversion, known)
            parts.append((literal, name, form or ""))
    except ConfigError:
        raise
    except ValueError:
        raise ConfigError("a brace is left open: write {{ for one that is meant as such") from None
    return parts


def _check(name: str, form: str, conversion: str | None, known: Mapping[str, Kind]) -> None:
    if not name.isidentifier():
        raise ConfigError(
            f"{{{name:.40}}}: only the name of a figure can stand there, like {{{next(iter(known), 'name')}}}"
        )
    if name not in known:
        raise ConfigError(f"{name}: {near(name, known)}")
    if conversion or not _FORMS.fullmatch(form):
        raise ConfigError(f"{{{name}:{form:.20}}}: a form is like .1f, +.2f, ,.2f or g")
    if form and known[name] is not Kind.number:
        raise ConfigError(f"{name} is {known[name].value}, and only a number has a form")


def _shown(value: Any, form: str) -> str:
    if value is None:
        return ABSENT
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    if isinstance(value, str):
        return WHY.get(value) or _UTC.sub(r"\1 \2 UTC", value)  # for people, not for programs
    return format(value, form) if form and isinstance(value, int | float) else str(value)
