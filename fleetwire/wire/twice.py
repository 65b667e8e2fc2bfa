"""JSON in which a name stands twice: readers differ in which of the two counts, so no command may depend on it."""

import json
from typing import Any


class _Twice(Exception):
    pass


def named_twice(text: bytes) -> str | None:
    """Give the first name that stands twice in one object; None where there is none.

    Args:
        text: JSON that could be read.
    """
    try:
        json.loads(text, object_pairs_hook=_checked)
    except _Twice as found:
        return str(found)
    return None


def _checked(pairs: list[tuple[str, Any]]) -> None:
    names: set[str] = set()
    for name, _ in pairs:
        if name in names:
            raise _Twice(name)
        names.add(name)
