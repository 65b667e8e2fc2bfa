"""Merge patches between two states of a row (RFC 7396): what changed, and nothing else."""

from typing import Any


def merge_patch(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any] | None:
    """Build the patch that turns one object into another.

    Returns:
        The patch; None where none can say it: a merge patch has no word for a null that is a value.
    """
    patch: dict[str, Any] = dict.fromkeys(before.keys() - after.keys())
    for name, value in after.items():
        old = before.get(name)
        if value is None:
            return None
        if isinstance(value, dict):
            inner = merge_patch(old if isinstance(old, dict) else {}, value)
            if inner is None:
                return None
            if inner or not isinstance(old, dict):
                patch[name] = inner
        elif name not in before or not _same(old, value):
            patch[name] = value
    return patch


def apply_patch(row: Any, patch: Any) -> Any:
    """Apply a patch (RFC 7396 section 2); neither argument is changed."""
    if not isinstance(patch, dict):
        return patch
    patched = dict(row) if isinstance(row, dict) else {}
    for name, value in patch.items():
        if value is None:
            patched.pop(name, None)
        else:
            patched[name] = apply_patch(patched.get(name), value) if isinstance(value, dict) else value
    return patched


def _same(one: Any, other: Any) -> bool:
    """Compare two JSON values; true is not 1, and a list with a null in it is compared like any other."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)
    return bool(one == other)
