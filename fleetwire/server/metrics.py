"""What a server counts, in Prometheus' text form (exposition format 0.0.4)."""

from collections import Counter
from collections.abc import Iterable, Iterator

from fleetwire.hub.counts import Histogram
from fleetwire.hub.hub import Hub
from fleetwire.hub.session import Session, State

CONTENT_TYPE = "text/plain; version=0.0.4"


def metrics(hub: Hub, sessions: Iterable[Session]) -> str:
    """Write everything that is counted.

    Args:
        hub: of the server.
        sessions: all that are connected.
    """
    return "\n".join([*_sessions(sessions), *_hub(hub), ""])


def _sessions(sessions: Iterable[Session]) -> Iterator[str]:
    states = Counter(session.state for session in sessions)
    yield from _head("fleetwire_sessions", "gauge", "Connected sessions by state.")
    yield from (f'fleetwire_sessions{{state="{state.value}"}} {states[state]}' for state in State)


def _hub(hub: Hub) -> Iterator[str]:
    counts = hub.counts
    for name, kind, text, value in (
        ("position", "counter", "Position of the newest message.", hub.position),
        ("cohorts", "gauge", "Cohorts: groups of sessions that are written the same bytes.", hub.cohorts),
        ("published_total", "counter", "Messages published.", counts.published),
        ("flushes_total", "counter", "Flushes.", counts.flushes),
        ("joined_messages_total", "counter", "Messages joined into buffers, each buffer counted once.", counts.joined),
        ("writes_total", "counter", "Buffers handed to transports.", counts.writes),
        ("written_bytes_total", "counter", "Bytes handed to transports.", counts.written_bytes),
        ("gaps_total", "counter", "Losses that sessions were told of.", counts.gaps),
        ("stalls_total", "counter", "Times that a transport took no more.", counts.stalls),
        ("aggregates_failed_total", "counter", "Sums that could not be published.", counts.aggregates_failed),
        ("told_unkept_total", "counter", "Events told before it was known that they are kept.", counts.told_unkept),
    ):
        yield from _head(f"fleetwire_{name}", kind, text)
        yield f"fleetwire_{name} {value}"
    yield from _histogram("fleetwire_flush_seconds", "How long flushes took, writing included.", counts.flush_s)
    text = "How old messages were when they were written, from when their source said them."
    yield from _histogram("fleetwire_age_seconds", text, counts.age_s)


def _histogram(name: str, text: str, histogram: Histogram) -> Iterator[str]:
    yield from _head(name, "histogram", text)
    below = 0
    for bound_s, count in zip((*histogram.bounds_s, "+Inf"), histogram.counts, strict=True):
        below += count
        yield f'{name}_bucket{{le="{bound_s}"}} {below}'
    yield f"{name}_sum {histogram.sum_s:.6f}"
    yield f"{name}_count {below}"


def _head(name: str, kind: str, text: str) -> Iterator[str]:
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} {kind}"
