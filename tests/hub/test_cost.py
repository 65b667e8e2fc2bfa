"""What it may cost: how often something is encoded, compressed, joined and written, and what is kept of whom."""

import sys
import tracemalloc
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from fleetwire.hub.cohort import Cohort
from fleetwire.hub.limits import Limits
from fleetwire.hub.session import Session
from fleetwire.wire import codec, forms
from fleetwire.wire.forms import FORMS, PLAIN, ArrayForm, Form, PackedForm
from fleetwire.wire.messages import Subscribe, SubscribeData
from fleetwire.wire.moment import moment
from tests.hub.support import TOKEN, UTC, Reader, Room, read

all_forms = pytest.mark.parametrize("form", FORMS, ids=[f"{form.subprotocol} {form.deflated}" for form in FORMS])
FILL = "so long that it is worth to be compressed, and that a patch is shorter: " + "x" * 200


class Tally:
    """Counts what is done."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.encoded = 0
        self.elements: Counter[tuple[Form, bytes]] = Counter()
        self.joins: Counter[Form] = Counter()
        self.compressed = 0
        for kind in (Form, ArrayForm, PackedForm):
            monkeypatch.setattr(kind, "element", self._element(kind.element))
            monkeypatch.setattr(kind, "join", self._join(kind.join))
        encode, press = codec.encode_published, zlib.compressobj

        def encode_published(message_type: str, **fields: Any) -> bytes:
            self.encoded += 1
            return encode(message_type, **fields)

        def compressobj(**words: Any) -> Any:
            self.compressed += 1
            return press(**words)

        monkeypatch.setattr(codec, "encode_published", encode_published)
        monkeypatch.setattr(codec, "encode", lambda _: pytest.fail("nothing but the message is encoded"))
        monkeypatch.setattr(forms.zlib, "compressobj", compressobj)

    def _element(self, element: Callable[[Form, bytes], bytes]) -> Callable[[Form, bytes], bytes]:
        def counted(form: Form, payload: bytes) -> bytes:
            self.elements[form, payload] += 1
            return element(form, payload)

        return counted

    def _join(self, join: Callable[[Form, list[bytes]], bytes]) -> Callable[[Form, list[bytes]], bytes]:
        def counted(form: Form, elements: list[bytes]) -> bytes:
            self.joins[form] += 1
            return join(form, elements)

        return counted


def crowd(room: Room, count: int, *channels: str, form: Form = PLAIN) -> list[Reader]:
    """So many who have caught up."""
    readers = [room.reader(*channels, form=form) for _ in range(count)]
    room.settle()
    for reader in readers:
        reader.writes.clear()
    return readers


# ------------------------------------------------------------------------------------------------- encoded and joined


def test_a_message_is_encoded_once_and_made_ready_once_for_each_form(monkeypatch: pytest.MonkeyPatch) -> None:
    room = Room()
    room.publish("ea_update", ea_id=1, fill=FILL, n=0)
    readers = [reader for form in FORMS for reader in crowd(room, 50, "ea_updates", "alerts", form=form)]
    tally = Tally(monkeypatch)
    room.publish("ea_update", ea_id=1, fill=FILL, n=1)
    room.publish("alert", n=2, fill=FILL)
    room.settle()
    assert tally.encoded == 2
    assert set(tally.elements.values()) == {1}
    assert Counter(form for form, _ in tally.elements) == dict.fromkeys(FORMS, 2)
    assert tally.joins == dict.fromkeys(FORMS, 1)
    for reader in readers:
        heard = reader.take()
        assert [message["position"] for message in heard] == [2, 3]
        assert heard[0].get("patch", heard[0].get("data"))["n"] == 1


def test_what_is_deflated_is_compressed_once_for_each_message_or_once_for_each_piece(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    room = Room()
    for form in FORMS:
        crowd(room, 50, "alerts", form=form)
    tally = Tally(monkeypatch)
    for n in range(10):
        room.publish("alert", n=n, fill=FILL)
    room.settle()
    assert tally.compressed == 10 + 1 + 1, "version 1 message by message, version 2 all of them at once"


def test_single_experts_in_version_1_share_the_compressed_message(monkeypatch: pytest.MonkeyPatch) -> None:
    room = Room()
    for n in range(20):
        crowd(room, 2, "ea_updates:1", f"ea_updates:{n + 2}", form=FORMS[1])
    tally = Tally(monkeypatch)
    room.publish("ea_update", ea_id=1, fill=FILL)
    room.settle()
    assert tally.compressed == 1


@all_forms
def test_a_flush_is_one_write_of_the_very_same_bytes_to_everybody_in_a_cohort(form: Form) -> None:
    room = Room()
    readers = crowd(room, 50, "ea_updates", "alerts", form=form)
    for n in range(100):
        room.publish("ea_update", ea_id=n)
        room.publish("alert", n=n)
    room.settle()
    assert {len(reader.writes) for reader in readers} == {1}
    assert len({id(reader.writes[0]) for reader in readers}) == 1
    assert len(read(readers[0].writes[0])) == 200


@all_forms
def test_a_long_flush_is_one_write_a_piece(form: Form) -> None:
    room = Room(Limits(piece_bytes_max=1000))
    readers = crowd(room, 5, "alerts", form=form)
    for n in range(10):
        room.publish("alert", n=n, fill=f"{n}" * 300)
    room.publish("alert", n=10, fill="x" * 3000)
    room.settle()
    for reader in readers:
        messages = [read(buffer) for buffer in reader.writes]
        assert [message["data"]["n"] for some in messages for message in some] == list(range(11))
        if not form.deflated:
            assert [len(some) for some in messages] == [2, 2, 2, 2, 2, 1]
        assert all(len(buffer) <= 1010 for buffer in reader.writes[:-1]), "a piece, and the head of its array"
        assert [id(buffer) for buffer in reader.writes] == [id(buffer) for buffer in readers[0].writes]


@all_forms
def test_a_snapshot_is_joined_once_for_all_newcomers(form: Form, monkeypatch: pytest.MonkeyPatch) -> None:
    room = Room()
    for n in range(200):
        room.publish("ea_update", ea_id=n)
    room.settle()
    readers = [room.reader("ea_updates", form=form, snapshot=True) for _ in range(100)]
    for reader in readers:
        reader.writes.clear()
    joins: list[int] = []
    join = type(form).join

    def count(own: Form, elements: list[bytes]) -> bytes:
        joins.append(len(elements))
        return join(own, elements)

    monkeypatch.setattr(type(form), "join", count)
    room.settle()
    assert sorted(joins, reverse=True)[:2] == [200, 1], "the snapshot once; and to each, that this was all"
    assert {len(reader.writes) for reader in readers} == {2}
    assert len({id(reader.writes[0]) for reader in readers}) == 1


# ------------------------------------------------------------------------------------------------------------ visited


def test_a_cohort_of_one_expert_is_visited_only_when_its_expert_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    room = Room()
    readers = {n: room.reader(f"ea_updates:{n}", f"alerts:{n}") for n in range(1000)}
    room.settle()
    visited: list[Cohort] = []
    heard = Cohort.heard

    def note(cohort: Cohort, news: Any) -> Any:
        visited.append(cohort)
        return heard(cohort, news)

    monkeypatch.setattr(Cohort, "heard", note)
    for n in (7, 7, 8):
        room.publish("ea_update", ea_id=n)
    room.publish("alert", ea_id=8)
    room.publish("alert", ea_id=5000)
    before = room.deliveries
    room.settle()
    assert Counter(visited) == {readers[n].session.cohorts[0]: 1 for n in (7, 8)}
    assert room.deliveries - before == 2
    assert len(room.hub._at_once.cohorts) == 1000


def test_a_flush_for_those_at_once_visits_nobody_who_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    room = Room()
    room.reader("ea_updates", max_hz=0.1)
    room.reader("ea_updates")
    room.settle()
    room.publish("ea_update", ea_id=1)
    room.settle()
    before = room.deliveries
    for n in range(10):
        room.publish("ea_update", ea_id=n)
        room.settle()
    assert room.deliveries - before == 10
    room.finish()
    assert room.deliveries - before == 11


# --------------------------------------------------------------------------------------------------------------- kept


@contextmanager
def traced() -> Iterator[Callable[[], int]]:
    tracemalloc.start()
    try:
        yield lambda: tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


def discard(_: bytes) -> None:
    """A transport that takes everything."""


def newcomers(room: Room, count: int, form: Form = PLAIN) -> list[Session]:
    """So many caught-up sessions, with nothing around them that would count."""
    sessions: list[Session] = []
    request = Subscribe(data=SubscribeData(channels=["ea_updates", "alerts"]))
    for _ in range(count):
        session = Session(room.house, "client", "127.0.0.1", discard, room.now, UTC, form)
        session.identity = room.house.access.identify(TOKEN, moment(room.now, 0))
        session._answer_subscribe(request, UTC)
        sessions.append(session)
    room.settle()
    return sessions


@pytest.mark.parametrize("default_max_hz", [0.0, 5.0])
@pytest.mark.parametrize("form", [PLAIN, FORMS[4]], ids=["version 1", "version 2"])
def test_of_who_has_caught_up_nothing_is_kept_but_where_it_belongs(form: Form, default_max_hz: float) -> None:
    room = Room(Limits(default_max_hz=default_max_hz))
    one, *others = newcomers(room, 1000, form)
    for session in others:
        assert session.stragglers is one.stragglers, "one empty mapping for all of them"
        assert session.rates is one.rates
        assert len(session.cohorts) == len(one.cohorts)
        for cohort, same in zip(session.cohorts, one.cohorts, strict=True):
            assert cohort is same
        if len(one.cohorts) == 1:
            assert session.cohorts is one.cohorts[0].alone
        assert session._errors is None
    assert sys.getsizeof(one) < 300


def test_a_caught_up_session_costs_the_same_however_much_was_published() -> None:
    costs: list[float] = []
    for published in (10, 3000):
        room = Room()
        newcomers(room, 10)
        for n in range(published):
            room.publish("ea_update", ea_id=n % 100, fill=FILL)
            room.publish("alert", n=n, fill=FILL)
            if n % 100 == 0:
                room.settle()
        room.settle()
        newcomers(room, 1)  # what is made once is made
        with traced() as memory:
            before = memory()
            kept = newcomers(room, 1000)
            costs.append((memory() - before) / len(kept))
    assert costs[1] < 800
    assert costs[1] == pytest.approx(costs[0], rel=0.1)


def test_a_lagging_session_costs_a_few_hundred_bytes_however_much_is_published() -> None:
    room = Room()
    sessions = newcomers(room, 1000)
    room.publish("ea_update", ea_id=1)
    room.settle()
    with traced() as memory:
        before = memory()
        for session in sessions:
            room.hub.pause(session)
        assert (memory() - before) / len(sessions) < 1000
    hub = room.hub
    sizes: list[int] = []
    for _ in range(2):
        for n in range(1000):
            room.publish("ea_update", ea_id=n, fill=FILL)
            room.publish("alert", n=n, fill=FILL)
        room.settle()
        sizes.append(sum(_size(one) for session in sessions for one in session.stragglers.values()))
        assert not hub.catch_up, "nothing is prepared for those who can't take it"
    assert sizes[0] == sizes[1] < 1000 * 1000


def _size(one: Any) -> int:
    return sum(map(sys.getsizeof, (one, one.cursor, one.begun, one.gaps, one.snapshots, one.hearing)))


def test_those_who_have_left_leave_nothing_behind() -> None:
    room = Room()
    with traced() as memory:
        grown: list[int] = []
        for _ in range(4):
            before = memory()
            for session in newcomers(room, 300):
                room.hub.leave(session)
            room.settle()
            session = None  # type: ignore[assignment]
            grown.append(memory() - before)
    assert min(grown) < 5000, "what three hundred leave behind, they leave each time"
    assert len(room.hub._at_once.cohorts) == 0
