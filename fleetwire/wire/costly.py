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
_LOOK_BACK: Final = 800  # characters of one number; with more of them there are few numbers in a text

_DIGITS: Final = b"0" * 200
_DIGITS_MAX: Final = 50
"""So many times so many digits in a row; whole numbers of thousands of digits take long, too."""
_CLASSES: Final = bytes.maketrans(b"0123456789E+-", b"0000000000ess")
_EXPONENT: Final = re.compile(rb"es?000")


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
    if _extremes(text, classes) > EXTREMES_MAX:
        return "has many numbers with exponents of three digits: write them plainly"
    return None


def _extremes(text: bytes, classes: bytes) -> int:
    """Count the numbers with long exponents, up to one more than there may be; what stands in texts does not count."""
    found = 0
    for hit in _EXPONENT.finditer(classes):
        found += _ends_a_number(text, hit.start())
        if found > EXTREMES_MAX:
            break
    return found


def _ends_a_number(text: bytes, end: int) -> bool:
    """Tell whether the digits before a place stand where a value of JSON begins."""
    before = text[max(0, end - _LOOK_BACK) : end]
    rest = before.rstrip(b"0123456789.")
    if len(rest) == len(before):
        return False
    return rest.removesuffix(b"-")[-1:] in (b"", b",", b":", b"[", b" ", b"\t", b"\r", b"\n")
