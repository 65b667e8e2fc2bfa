"""The rows that patches are applied to."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetwire.client.message import Envelope
from fleetwire.client.rows import Rows
from fleetwire.wire.patch import apply_patch, merge_patch


def row(key: str, position: int, data: Any) -> Envelope:
    return Envelope("ea_update", data, channel="ea_updates", key=key, position=position)


def patch(key: str, position: int, patch: dict[str, Any], base: int | None) -> Envelope:
    return Envelope("ea_update", channel="ea_updates", key=key, position=position, patch=patch, base=base)


@pytest.fixture
def rows() -> Rows:
    rows = Rows()
    assert rows.complete(row("a", 5, {"n": 1, "deep": {"m": 1}}))
    assert rows.complete(row("b", 6, {"n": 2}))
    return rows


def test_a_patch_of_the_row_held_is_made_whole(rows: Rows) -> None:
    for position, base in ((7, 5), (9, 7)):
        envelope = patch("a", position, {"n": position}, base)
        assert rows.complete(envelope)
        assert envelope.data == {"n": position, "deep": {"m": 1}}


@pytest.mark.parametrize(("key", "base"), [("a", 4), ("a", 6), ("a", None), ("c", 5), ("c", None)])
def test_a_patch_of_another_row_is_refused_and_changes_no_other(rows: Rows, key: str, base: int | None) -> None:
    assert not rows.complete(patch(key, 7, {"n": 9}, base))
    assert rows.complete(right := patch("b", 8, {"n": 8}, 6))
    assert right.data == {"n": 8}


def test_a_row_without_a_position_can_not_be_patched() -> None:
    rows = Rows()
    assert rows.complete(Envelope("ea_update", {}, channel="ea_updates", key="a"))
    assert not rows.complete(patch("a", 7, {"n": 9}, None))


def test_what_is_nested_too_deeply_is_handed_over_and_not_held(rows: Rows) -> None:
    deep: dict[str, Any] = {}
    for _ in range(100_000):
        deep = {"deep": deep}
    assert rows.complete(row("a", 7, deep))
    assert len(rows) == 1
    assert not rows.complete(patch("b", 7, deep, 6))
    assert len(rows) == 0


def test_a_removed_row_is_gone(rows: Rows) -> None:
    assert rows.complete(row("a", 7, {"status": "removed"}))
    assert len(rows) == 1
    assert not rows.complete(patch("a", 8, {}, 7))
    assert rows.complete(patch("b", 9, {"status": "removed"}, 6))
    assert len(rows) == 0


def test_events_are_no_rows() -> None:
    rows = Rows()
    assert rows.complete(Envelope("alert", {}, channel="alerts", key="a", seq=1, position=1))
    assert rows.complete(Envelope("news_update", {}, channel="news_updates", position=2))
    assert len(rows) == 0


@pytest.mark.parametrize(
    ("name", "left"), [("ea_updates", {"b"}), ("ea_updates:a", {"b", "c"}), ("alerts", set("abc"))]
)
def test_what_a_snapshot_does_not_name_is_gone_at_its_end(rows: Rows, name: str, left: set[str]) -> None:
    rows.complete(row("c", 7, {}))
    rows.begin([name])
    rows.complete(row("b", 6, {"n": 2}))
    rows.end([name])
    rows.end([name])
    held = {key for position, key in zip((5, 6, 7), "abc", strict=True) if rows.complete(patch(key, 9, {}, position))}
    assert held == left


def test_a_row_that_is_patched_while_a_snapshot_comes_exists(rows: Rows) -> None:
    rows.begin(["ea_updates"])
    assert rows.complete(patch("a", 7, {"n": 7}, 5))
    rows.end(["ea_updates"])
    assert len(rows) == 1


def test_what_nobody_wants_is_not_kept(rows: Rows) -> None:
    rows.keep(lambda channel, key: (channel, key) == ("ea_updates", "b"))
    assert len(rows) == 1
    assert rows.complete(patch("b", 7, {}, 6))
    rows.clear()
    assert len(rows) == 0


values = st.recursive(
    st.integers() | st.booleans() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
)
states = st.dictionaries(st.sampled_from("abcd"), values, max_size=4)


@given(st.lists(states, min_size=1))
def test_whatever_a_program_does_with_its_data_the_next_one_is_whole(states: list[dict[str, Any]]) -> None:
    rows = Rows()
    rows.complete(first := row("a", 1, apply_patch({}, {"x": 1, "l": [{"y": [1]}]})))
    first.data["l"][0]["y"].clear()
    before: dict[str, Any] = {"x": 1, "l": [{"y": [1]}]}
    for position, state in enumerate(states, 2):
        change = merge_patch(before, state)
        assert change is not None
        envelope = patch("a", position, apply_patch({}, change) | change, position - 1)
        assert rows.complete(envelope)
        assert envelope.data == state
        for inner in envelope.data.values():
            if isinstance(inner, dict | list):
                inner.clear()
        before = state
