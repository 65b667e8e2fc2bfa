"""The two logs, against models so naive that they can't be wrong."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetwire.hub.log import End, Entry, EventLog, StateLog
from fleetwire.wire.forms import PLAIN, form_of

keys = st.sampled_from("abcde")
puts = st.lists(st.tuples(keys, st.booleans()), max_size=40)


def entry(
    position: int, key: str | None = "a", *, removed: bool = False, at: float = 0.0, payload: bytes = b"x"
) -> Entry:
    return Entry(position, key, payload, at, position, removed=removed)


# ------------------------------------------------------------------------------------------------------------- entries

V2 = form_of("fleetwire.v2.json", deflated=False)


def row(position: int, data: str, before: Entry | None = None) -> Entry:
    payload = '{"type":"ea_update","data":%s,"timestamp":"t","channel":"ea_updates","position":%d,"key":"a"}'
    return Entry(position, "a", (payload % (data, position)).encode(), 0.0, before=before)


@pytest.mark.parametrize(("heard", "patched"), [(0, False), (2, False), (3, True), (9, True)])
def test_a_patch_is_told_only_to_those_who_have_what_it_patches(heard: int, patched: bool) -> None:
    long = "x" * 100
    before, after = ({"n": 1, "fill": long, "gone": 1}, {"n": 2, "fill": long})
    entry = row(5, json.dumps(after), before=row(3, json.dumps(before)))
    message = json.loads(entry.element(V2, heard))
    assert message.pop("position") == 5
    told = {"patch": {"n": 2, "gone": None}, "base": 3} if patched else {"data": after}
    assert message == {"type": "ea_update", **told, "timestamp": "t", "channel": "ea_updates", "key": "a"}
    assert entry.element(PLAIN, heard) is entry.frame, "version 1 knows no patches"
    assert entry.element(V2, heard) is entry.element(V2, heard), "made once"


@pytest.mark.parametrize("data", ['{"n":2}', '{"n":null,"fill":"%s"}' % ("x" * 100), '{"n":1e400}'])
def test_the_full_value_is_told_where_a_patch_is_longer_or_can_not_be_made(data: str) -> None:
    for entry in (row(5, data, before=row(3, '{"n":1}')), row(5, '{"n":1}', before=row(3, data))):
        assert entry.element(V2, 9) == entry.payload
        assert entry.element(V2, 9) == entry.payload


@pytest.mark.parametrize("size", [1, 125, 126, 65_535, 65_536])
def test_the_payload_is_what_stands_in_the_frame(size: int) -> None:
    assert Entry(1, "a", b"x" * size, 0.0).payload == b"x" * size


@pytest.mark.parametrize(
    ("scope", "heard", "told"),
    [
        (None, 1, "row"),
        ({"new"}, 1, "row"),
        ({"old", "new"}, 1, "row"),
        ({"old"}, 1, "end"),
        ({"old"}, -1, "end"),
        ({"old"}, 0, None),
        ({"old"}, 4, None),
        ({"other"}, 1, None),
        (set(), 1, None),
    ],
)
def test_who_may_not_hear_a_row_any_more_is_told_its_end_once(
    scope: set[str] | None, heard: int, told: str | None
) -> None:
    end = Entry(5, "a", b"end", 0.0, removed=True, labels=frozenset({"old"}))
    entry = Entry(5, "a", b"row", 0.0, labels=frozenset({"new"}), end=End(end, since=4))
    found = entry.told_to(None if scope is None else frozenset(scope), heard)
    assert found is {"row": entry, "end": end, None: None}[told]


# --------------------------------------------------------------------------------------------------------------- state


@given(puts, st.integers(0, 45), st.sets(keys))
def test_a_state_log_gives_the_last_entry_of_every_key_that_changed_in_order(
    changes: list[tuple[str, bool]], position: int, some: set[str]
) -> None:
    log = StateLog(tombstones_max=100)
    last: dict[str, Entry] = {}
    for number, (key, removed) in enumerate(changes, 1):
        last[key] = entry(number, key, removed=removed)
        log.add(last[key])
        log.trim(0.0)
    expected = sorted((e for e in last.values() if e.position > position), key=lambda e: e.position)
    if position == 0:
        expected = [e for e in expected if not e.removed]
    assert log.since(position) == expected
    assert log.since_for(some, position) == [e for e in expected if e.key in some]
    assert len(log) == sum(not e.removed for e in last.values())
    assert {key for key in "abcde" if key in log} == {key for key, e in last.items() if not e.removed}
    assert not log.forgets(position)


@given(puts, st.integers(0, 3), st.integers(0, 45))
def test_who_stopped_before_a_forgotten_end_is_told_to_begin_anew_and_nobody_else(
    changes: list[tuple[str, bool]], tombstones_max: int, position: int
) -> None:
    log = StateLog(tombstones_max)
    at_position: dict[str, int] = {}
    rows: dict[str, int] = {}
    for number, (key, removed) in enumerate(changes, 1):
        log.add(entry(number, key, removed=removed))
        log.trim(0.0)
        rows.pop(key, None)
        if not removed:
            rows[key] = number
        if number <= position:
            at_position = dict(rows)
    for e in log.since(position):
        at_position.pop(e.key or "", None)
        if not e.removed:
            at_position[e.key or ""] = e.position
    assert at_position == rows or log.forgets(position)
    assert len(log.since(-1)) <= 5  # tombstones are within their bound
    assert sum(e.removed for e in log.since(-1)) <= tombstones_max


def test_a_tombstone_is_kept_until_the_log_is_trimmed_so_that_the_live_hear_of_it() -> None:
    log = StateLog(tombstones_max=1)
    for number, key in enumerate("abc", 1):
        log.add(entry(number, key, removed=True))
    assert [e.key for e in log.since(-1)] == ["a", "b", "c"]
    log.trim(0.0)
    assert [e.key for e in log.since(-1)] == ["c"]
    assert [log.forgets(position) for position in range(4)] == [False, True, False, False]


def test_a_key_that_comes_back_is_no_tombstone() -> None:
    log = StateLog(tombstones_max=1)
    log.add(entry(1, "a", removed=True))
    log.add(entry(2, "a"))
    log.add(entry(3, "b", removed=True))
    log.trim(0.0)
    assert "a" in log
    assert not log.forgets(1)


@given(puts, st.integers(0, 40), st.integers(0, 45))
def test_what_is_staged_counts_at_once_and_is_found_when_it_is_released(
    changes: list[tuple[str, bool]], sealed: int, position: int
) -> None:
    log, plain = StateLog(100), StateLog(100)
    for number, (key, removed) in enumerate(changes, 1):
        before = log.since(position)
        (log.add if number <= sealed else log.stage)(entry(number, key, removed=removed))
        plain.add(entry(number, key, removed=removed))
        assert number <= sealed or log.since(position) == before
        assert len(log) == len(plain)
        for some in "abcde":
            last, expected = log.last(some), plain.last(some)
            assert (some in log, last and last.position) == (some in plain, expected and expected.position)
            assert (log.get(some) is None) == (plain.get(some) is None)
    log.release()
    assert [(e.position, e.removed) for e in log.since(position)] == [
        (e.position, e.removed) for e in plain.since(position)
    ]
    assert len(log) == len(plain)


# --------------------------------------------------------------------------------------------------------------- events


@given(st.lists(st.integers(1, 2), max_size=8), st.integers(1, 4), st.integers(0, 24), st.integers(0, 30))
def test_what_an_earlier_run_kept_is_there_and_every_hole_in_it_is_known(
    steps: list[int], count_max: int, position: int, unkept_until: int
) -> None:
    """A step of two leaves out a `seq` that was not kept; the position of each `seq` is twice as much."""
    seqs = [sum(steps[: n + 1]) for n in range(len(steps))]
    log = EventLog(count_max, 10_000, 1000.0)
    log.restore([Entry(2 * seq, "a", b"x", 0.0, seq) for seq in seqs], unkept_until)
    log.trim(0.0)
    kept = {e.seq for e in log.since(0)}
    assert kept == set(seqs[-count_max:])
    last = seqs[-1] if seqs else 0
    for seq in range(1, max(last, unkept_until // 2) + 1):  # whatever may have been told is there, or is named
        if 2 * seq > position and seq not in kept:
            named = any(hole.since < 2 * seq <= hole.until for hole in log.holes if hole.until > position)
            assert named or (2 * seq <= log.dropped_position and log.lost_since(position))
    assert log.seq == last + max(0, unkept_until - 2 * last)
    assert not [hole for hole in log.holes if hole.until <= log.dropped_position], "a hole in what is dropped"
    before = log.seq_at(position) if log.lost_since(position) else None
    if before is not None:
        assert before == max((seq for seq in seqs if 2 * seq <= position), default=0)
        assert [seq for seq in seqs if before < seq <= log.dropped_seq] == list(range(before + 1, log.dropped_seq + 1))


@given(
    st.lists(st.tuples(keys, st.integers(1, 9), st.integers(0, 5)), max_size=30),
    st.integers(1, 8),
    st.integers(1, 40),
    st.integers(1, 12),
    st.integers(0, 35),
    st.sets(keys),
)
def test_an_event_log_keeps_the_newest_within_its_bounds_and_names_the_newest_it_dropped(
    published: list[tuple[str, int, int]], count_max: int, bytes_max: int, age_max_s: int, position: int, some: set[str]
) -> None:
    log = EventLog(count_max, bytes_max, age_max_s)
    kept: list[Entry] = []
    dropped = 0
    now = 0.0
    for number, (key, size, wait_s) in enumerate(published, 1):
        now += wait_s
        kept.append(entry(number, key, at=now, payload=b"x" * size))
        log.add(kept[-1])
        assert log.since(0) == kept, "adding never drops"
        log.trim(now)
        while kept and (
            len(kept) > count_max or sum(len(e.frame) for e in kept) > bytes_max or now - kept[0].at > age_max_s
        ):
            dropped = kept.pop(0).position
    expected = [e for e in kept if e.position > position]
    assert log.since(position) == expected
    assert log.since_for(some, position) == [e for e in expected if e.key in some]
    assert (len(log), log.seq, log.dropped_position, log.dropped_seq) == (len(kept), len(published), dropped, dropped)
    assert log.lost_since(position) == (position < dropped)


@pytest.mark.parametrize(("count", "expected"), [(-1, None), (0, None), (1, 14), (2, 9), (3, 4), (10**30, 4)])
def test_the_last_messages_begin_after_a_position(count: int, expected: int | None) -> None:
    log = EventLog(10, 1000, 1000)
    for position in (5, 10, 15):
        log.add(entry(position))
    assert log.before_last(count) == expected


def test_an_empty_log_has_no_last_message() -> None:
    assert EventLog(10, 1000, 1000).before_last(5) is None
