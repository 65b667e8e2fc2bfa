"""Commands for several experts: how a parent's status follows from those of its children."""

from collections import Counter
from typing import Final

from fleetwire.fleet.commands.life import TRANSITIONS, Status

_WITHOUT_EFFECT: Final = (Status.failed, Status.rejected, Status.expired, Status.cancelled)
"""The ends at which nothing was done: what a parent is whose children all came to one of them, worst first."""
_UNSETTLED: Final = (Status.queued, Status.delivered, Status.accepted)
_BEGUN: Final = (Status.accepted, Status.executed, Status.partial)


def parent_status(status: Status, children: Counter[Status]) -> Status:
    """Derive a parent's status.

    Args:
        status: what it is now.
        children: how many of its children are in which status.

    Returns:
        `executed` if all of them are, `partial` if some are or are in part, `unknown` while that can't be told of one,
        and an end without effect if none did anything. While some are under way, what the foremost has reached.
    """
    there = {each for each, count in children.items() if count}
    if there.isdisjoint(_UNSETTLED):
        return _settled(there)
    reached = _reached(there)
    return reached if reached in TRANSITIONS[status] else status


def _settled(there: set[Status]) -> Status:
    if Status.unknown in there:
        return Status.unknown
    if there == {Status.executed}:
        return Status.executed
    if there & {Status.executed, Status.partial}:
        return Status.partial
    return next(each for each in _WITHOUT_EFFECT if each in there)


def _reached(there: set[Status]) -> Status:
    if not there.isdisjoint(_BEGUN):
        return Status.accepted
    return Status.delivered if there & {Status.delivered, Status.unknown} else Status.queued


def in_words(children: Counter[Status]) -> str:
    """Say how the children are."""
    total = sum(children.values())
    return f"of {total}: " + ", ".join(f"{children[each]} {each}" for each in Status if children[each])
