"""How figures are written: signs, shapes, units; what is not known is a dash, never a zero."""

import math

from fleetwire.cli.lines import amount, cells, duration, signed
from fleetwire.cli.top.line import Look, Part

NOTHING = "–"


def number(value: object) -> float | None:
    """Take a number for what it is, and anything else for none: programs may publish rows of any form."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def whole(value: object) -> int | None:
    """Likewise a count."""
    found = number(value)
    return None if found is None else int(found)


def text(value: object) -> str:
    """Take a text as it can be shown: no control character reaches the terminal."""
    said = "" if value is None else str(value)
    return said if said.isprintable() else "".join(char if char.isprintable() else "?" for char in said)


def money(value: object, width: int = 0) -> str:
    """Write an amount, right-aligned. One that is too long loses its decimals, and then its thousands, never digits."""
    found = number(value)
    return _aligned(NOTHING if found is None else _fitting(found, width, amount), width)


def result(value: object, width: int = 0) -> Part:
    """Write a gain or a loss, right-aligned: sign, shape, and what it means. Zero is neither."""
    found = number(value)
    if found is None:
        return _aligned(NOTHING, width), "faint"
    shape, look = shape_of(found)
    written = "0.00" if not look else _fitting(found, width - 1 if width else 0, signed)
    return _aligned(shape + written, width), look


def shape_of(value: float) -> tuple[str, Look]:
    """Give the shape and the meaning of a result, as it is written: what rounds to zero is zero."""
    rounded = round(value, 2)
    return ("▲", "gain") if rounded > 0 else ("▼", "loss") if rounded < 0 else ("", "")


def percent(value: object, width: int = 0, decimals: int = 2) -> str:
    """Write percent that are percent already."""
    found = number(value)
    return _aligned(NOTHING if found is None else f"{found:,.{decimals}f} %".replace(",", " "), width)


def count(value: int, one: str) -> str:
    """Say how many: "40 experts", "1 expert"."""
    return f"{value:,} {one}{'' if value == 1 else 's'}".replace(",", " ")


def age(ms: float | None) -> str:
    """Say how long ago: "0.9 s", "12 s", "3 min", "2 h", "4 d"."""
    if ms is None:
        return NOTHING
    return f"{max(ms, 0) / 1_000:.1f} s" if ms < 10_000 else duration(ms)


def _fitting(value: float, width: int, write: object) -> str:
    sign = "+" if write is signed and value > 0 else ""
    forms = [amount(value)]
    for divisor, unit in ((1.0, ""), (1e3, " k"), (1e6, " M"), (1e9, " G")):
        forms.append(f"{value / divisor:,.0f}{unit}".replace(",", " "))
    written = [sign + form for form in forms]
    return next((form for form in written if not width or cells(form) <= width), written[-1])


def _aligned(written: str, width: int) -> str:
    return " " * (width - cells(written)) + written
