"""JSON that is short, and yet takes long to read: refused before it is read, so that nobody holds up the others.

Measured with 64 KiB, on one core: 10,000 times `1e308` takes a hundred milliseconds, since such numbers need exact
arithmetic; a megabyte of `[],` takes some fifty, since each one becomes an object.
"""

import re
from typing import Final

SMALL_BYTES: Final = 2048
"""What is shorter can't take long, and is not looked at."""
EXTREMES_MAX: Final = 100
"""Numbers with an exponent of three digits and more, in one text. No price, volume or profit is one."""
VALUES_MAX: Final = 131_072
"""Values in one text; a megabyte of genuine deals has fewer."""

_DIGITS: Final = b"0" * 200
_DIGITS_MAX: Final = 50
"""So many times so many digits in a row; whole numbers of thousands of digits take long, too."""
_CLASSES: Final = bytes.maketrans(b"0123456789E+-", b"0000000000ess")
_EXPONENT: Final = re.compile(rb"es?000")  # quick, and met in texts as well
_EXTREME: Final = re.compile(rb"[,:\[\s]-?[0-9.]+[eE][+-]?[0-9]{3}")  # where a value of JSON begins


def why_costly(text: bytes) -> str | None:
    """Tell why a text is not read, or None if it may be.

    Args:
        text: JSON, of at most a few MiB.
    """
    if len(text) <= SMALL_BYTES:
        return None
    if text.count(b",") + text.count(b"[") + text.count(b"{") > VALUES_MAX:
        return f"has more than {VALUES_MAX:,} values: send it in parts"
    classes = text.translate(_CLASSES)
    if classes.count(_DIGITS) > _DIGITS_MAX:
        return "has numbers of thousands of digits: no price needs them"
    if len(_EXPONENT.findall(classes)) > EXTREMES_MAX and len(_EXTREME.findall(text)) > EXTREMES_MAX:
        return "has many numbers with exponents of three digits: write them plainly"
    return None
