"""Merge patches turn one row into the other, or say that they can't."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetwire.wire.patch import apply_patch, merge_patch

leaves = st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner | st.none(), max_size=3) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=4),
    max_leaves=12,
)
rows = st.dictionaries(st.sampled_from("abcd"), values, max_size=4)


def canonical(value: Any) -> Any:
    """Tell 1 from true, as JSON does and Python's == does not."""
    if isinstance(value, dict):
        return {name: canonical(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [canonical(inner) for inner in value]
    return (isinstance(value, bool), value)


@given(rows, rows)
def test_a_patch_turns_the_one_into_the_other(before: dict[str, Any], after: dict[str, Any]) -> None:
    patch = merge_patch(before, after)
    assert patch is not None
    assert canonical(apply_patch(before, patch)) == canonical(after)


@given(rows)
def test_nothing_changed_is_an_empty_patch(row: dict[str, Any]) -> None:
    assert merge_patch(row, row) == {}


@given(rows, rows)
def test_a_patch_applied_twice_is_a_patch_applied_once(before: dict[str, Any], after: dict[str, Any]) -> None:
    patch = merge_patch(before, after)
    once = apply_patch(before, patch)
    assert canonical(apply_patch(once, patch)) == canonical(once)


@pytest.mark.parametrize("after", [{"a": None}, {"a": {"b": None}}, {"a": {"b": {"c": None}}}])
def test_a_null_that_is_a_value_can_not_be_patched(after: dict[str, Any]) -> None:
    assert merge_patch({}, after) is None


@pytest.mark.parametrize(
    ("row", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_the_examples_of_the_standard(row: Any, patch: Any, result: Any) -> None:
    """RFC 7396, appendix A."""
    assert apply_patch(row, patch) == result


def test_what_is_patched_is_not_changed() -> None:
    row = {"a": {"b": 1}}
    apply_patch(row, {"a": {"b": 2}})
    assert row == {"a": {"b": 1}}
