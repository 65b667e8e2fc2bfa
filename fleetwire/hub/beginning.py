"""Where a topic begins for a session: with all rows, with events of the past, or with what comes."""

from typing import TYPE_CHECKING, NamedTuple

from fleetwire.hub.log import EventLog, Log, StateLog
from fleetwire.wire.channels import Topic
from fleetwire.wire.messages import GapData, SubscribeData

if TYPE_CHECKING:
    from fleetwire.hub.session import Session


class Here(NamedTuple):
    """Where the hub stands: its epoch, and the position of the newest message that sessions know of."""

    epoch: str
    head: int


class Standing(NamedTuple):
    """Where a session stood in a topic before.

    Args:
        heard: until where it was heard already; None if it was not. What it may miss of that it is told, too.
        begun: while it is given all rows anew, the position whose rows it had when that began.
    """

    heard: int | None
    begun: int | None


class Beginning(NamedTuple):
    """Where a topic begins.

    Args:
        position: until where everything counts as heard.
        recovered: for a topic that goes on, whether nothing is missing.
        is_anew: it begins with rows or events of the past, whose end can be told.
        begun: its rows are given anew: the position whose rows the session had before.
        gaps: what is lost for certain.
    """

    position: int
    recovered: bool | None = None
    is_anew: bool = False
    begun: int | None = None
    gaps: tuple[GapData, ...] = ()


def begin(
    log: Log, topic: Topic, request: SubscribeData, session: "Session", before: Standing, here: Here
) -> Beginning:
    """Choose where a topic begins.

    Args:
        log: of the topic's channel.
        topic: what is heard.
        request: from where on.
        session: who hears it.
        before: where it stood in this topic.
        here: where the hub stands.
    """
    at = request.since.of(topic.channel) if request.since is not None else None
    epoch = request.since.epoch if request.since is not None else ""
    if isinstance(log, EventLog):
        beginning = _begin_events(log, topic, request.history or 0, session, at, epoch, here)
        if before.heard is None:
            return beginning
        return beginning._replace(position=min(beginning.position, before.heard))
    if at is None:
        if request.snapshot is False and session.form.version == 1:  # who is sent patches must have every row
            return Beginning(here.head if before.heard is None else before.heard)
        return _rows_anew(before, here)
    return _resume_rows(log, at, before, here, known=epoch == here.epoch and 0 <= at <= here.head)


def _begin_events(
    log: EventLog, topic: Topic, history: int, session: "Session", at: int | None, epoch: str, here: Here
) -> Beginning:
    if at is None:
        last = log.before_last(history, topic.key, session.scope)
        position = here.head if last is None else last
        return Beginning(position, is_anew=True, gaps=_holes(log, topic, position, here))
    if epoch == here.epoch and 0 <= at <= here.head:  # what was dropped is told while it catches up
        gaps = _holes(log, topic, at, here)
        return Beginning(at, recovered=not gaps and not log.lost_since(at), is_anew=True, gaps=gaps)
    # Nobody can tell what followed that position where it was given; all that is kept here is new to the session.
    position = 0 if epoch != here.epoch else here.head
    gap = GapData(channel=topic.channel, since=at, epoch=epoch)
    return Beginning(position, recovered=False, is_anew=True, gaps=(gap, *_holes(log, topic, position, here)))


def _holes(log: EventLog, topic: Topic, position: int, here: Here) -> tuple[GapData, ...]:
    """Name what was lost over restarts after a position; those who are live have all that came since."""
    return tuple(
        GapData(channel=topic.channel, since=max(position, hole.since), until=hole.until, epoch=here.epoch)
        for hole in log.holes
        if hole.until > position
    )


def _resume_rows(log: StateLog, at: int, before: Standing, here: Here, *, known: bool) -> Beginning:
    if not known or log.forgets(at) or before.begun is not None or at == 0:
        return _rows_anew(before, here)._replace(recovered=known and at == 0)
    return Beginning(at if before.heard is None else min(at, before.heard), recovered=True)


def _rows_anew(before: Standing, here: Here) -> Beginning:
    """Give all rows; who has rows already is told their ends as well."""
    heard, begun = before
    if heard is None or heard == 0:
        return Beginning(0, is_anew=True, begun=here.head)
    return Beginning(-1, is_anew=True, begun=heard if begun is None else max(heard, begun))
