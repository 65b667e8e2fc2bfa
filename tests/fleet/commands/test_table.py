"""The table of commands: what they take, and what bad parameters get."""

import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetwire.fleet.commands import COMMANDS, Priority, read_params
from fleetwire.wire.errors import CommandError, ErrorCode

GOOD: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("pause", {}, {}),
    ("resume", {}, {}),
    ("close_all", {}, {}),
    ("emergency_stop", {}, {"close": True}),
    ("emergency_stop", {"close": False}, {"close": False}),
    ("close_positions", {"symbol": "EURUSD", "result": "loss"}, {"symbol": "EURUSD", "result": "loss"}),
    ("close_position", {"ticket": 5}, {"ticket": 5}),
    ("close_position", {"ticket": 5, "volume": 1}, {"ticket": 5, "volume": 1.0}),
    ("modify_position", {"ticket": 5, "sl": 0}, {"ticket": 5, "sl": 0.0}),
    ("cancel_orders", {}, {}),
    ("place_order", {"symbol": "X", "type": "buy", "volume": 0.1}, {"symbol": "X", "type": "buy", "volume": 0.1}),
    ("adjust_risk", {"risk_percent": 0.5}, {"risk_percent": 0.5}),
    ("set_parameter", {"name": "Lots", "value": "0.1"}, {"name": "Lots", "value": "0.1"}),
    ("set_parameter", {"name": "UseNews", "value": True}, {"name": "UseNews", "value": True}),
    ("max_positions", {"count": 0}, {"count": 0}),
]

BAD: list[tuple[str, dict[str, Any], str]] = [
    ("close_al", {}, "did you mean close_all?"),
    ("nonsense", {}, "there is no command 'nonsense'"),
    ("pause", {"for_s": 5}, "it takes none"),
    ("close_position", {"tiket": 5}, "did you mean ticket?"),
    ("close_position", {}, "ticket"),
    ("close_position", {"ticket": 0}, "ticket: "),
    ("close_position", {"ticket": 5.5}, "ticket: "),
    ("close_position", {"ticket": True}, "ticket: "),
    ("close_position", {"ticket": 2**63}, "ticket: "),
    ("close_position", {"ticket": 5, "volume": 0}, "volume: "),
    ("close_position", {"ticket": 5, "volume": -1}, "volume: "),
    ("close_position", {"ticket": 5, "volume": math.nan}, "volume: "),
    ("close_position", {"ticket": 5, "volume": math.inf}, "volume: "),
    ("close_position", {"ticket": 5, "volume": "1"}, "volume: "),
    ("close_positions", {"symbol": ""}, "symbol: "),
    ("close_positions", {"type": "both"}, "type: "),
    ("modify_position", {"ticket": 5}, "give sl, tp, or both"),
    ("modify_position", {"ticket": 5, "sl": math.nan}, "sl: "),
    ("modify_position", {"ticket": 5, "tp": -1}, "tp: "),
    ("place_order", {"symbol": "X", "type": "buy_limit", "volume": 1}, "a buy_limit needs a price above 0"),
    ("place_order", {"symbol": "X", "type": "buy", "volume": 1, "price": 1.1}, "is at market"),
    ("place_order", {"symbol": "X", "type": "buy", "volume": 1, "comment": "a\x1b[31m"}, "comment: "),
    ("place_order", {"symbol": "X", "type": "buy", "volume": 1, "comment": "two\n"}, "comment: "),
    ("adjust_risk", {}, "give risk_percent, volume or volume_max"),
    ("adjust_risk", {"risk_percent": 101}, "risk_percent: "),
    ("set_parameter", {"name": "a b", "value": 1}, "name: "),
    ("set_parameter", {"name": "Lots\n", "value": 1}, "name: "),
    ("set_parameter", {"name": "Lots", "value": math.nan}, "value: "),
    ("set_parameter", {"name": "Lots", "value": [1]}, "value: "),
    ("set_parameter", {"name": "Lots", "value": 2**63}, "value: "),
    ("max_positions", {"count": -1}, "count: "),
]


@pytest.mark.parametrize(("command", "given_params", "kept"), GOOD)
def test_good_parameters_are_kept_as_they_are_sent(command, given_params, kept) -> None:
    found = read_params(command, given_params)
    assert found == kept
    assert [type(value) for value in found.values()] == [type(value) for value in kept.values()]
    assert read_params(command, found) == found


@pytest.mark.parametrize(("command", "given_params", "says"), BAD)
def test_bad_parameters_are_refused_by_name(command, given_params, says) -> None:
    with pytest.raises(CommandError) as refused:
        read_params(command, given_params)
    assert refused.value.code is ErrorCode.invalid_data
    assert says in refused.value.message


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
names = st.sampled_from(
    ["ticket", "volume", "symbol", "type", "price", "sl", "tp", "name", "value", "count", "close", "result", "x"]
)


@given(st.sampled_from(sorted(COMMANDS)), st.dictionaries(names, json_like, max_size=4))
def test_whatever_is_given_is_read_or_refused_and_what_is_read_is_finite(command, given_params) -> None:
    try:
        found = read_params(command, given_params)
    except CommandError:
        return
    assert set(found) <= set(given_params) | {"close"}
    for value in found.values():
        assert not isinstance(value, float) or math.isfinite(value)
    assert msgspec.json.decode(msgspec.json.encode(found)) == found


def test_the_emergency_stop_overtakes_everything_and_closing_the_rest() -> None:
    assert {name for name, kind in COMMANDS.items() if kind.priority is Priority.emergency} == {"emergency_stop"}
    for kind in COMMANDS.values():
        assert kind.closes == (kind.priority is not Priority.normal)


def test_the_domain_has_all_its_commands() -> None:
    said = """pause resume close_positions close_all close_position modify_position cancel_orders place_order
        adjust_risk set_parameter max_positions emergency_stop dead_man"""
    assert sorted(COMMANDS) == sorted(said.split())
