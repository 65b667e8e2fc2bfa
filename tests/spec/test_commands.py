"""What a form is told of each parameter is what the table of commands takes."""

import re
from typing import Any, cast

import pytest
from msgspec.inspect import Field, StructType, type_info

from fleetwire.fleet.commands import COMMANDS, read_params
from fleetwire.fleet.commands.life import Status
from fleetwire.spec.commands import commands, form_of
from fleetwire.wire.errors import CommandError

TEXT = commands()
GOOD: dict[str, dict[str, Any]] = {
    "close_position": {"ticket": 1},
    "modify_position": {"ticket": 1, "sl": 1.0},
    "place_order": {"symbol": "EURUSD", "type": "buy", "volume": 0.1},
    "adjust_risk": {"risk_percent": 1.0},
    "set_parameter": {"name": "Lots", "value": 1},
    "dead_man": {"after_s": 30.0, "action": "pause"},
    "max_positions": {"count": 1},
}
PARAMETERS = [
    (command, field) for command, kind in COMMANDS.items() for field in cast(StructType, type_info(kind.params)).fields
]


def taken(command: str, name: str, value: Any) -> bool:
    try:
        read_params(command, GOOD.get(command, {}) | {name: value})
    except CommandError as error:
        return not error.message.startswith(f"{command}: {name}: ")
    return True


def edges(form: dict[str, Any]) -> tuple[list[Any], list[Any]]:
    """Give values that the form allows, and values that it does not."""
    if form["kind"] == "boolean":
        return [True, False], ["yes", 1]
    if form["kind"] == "choice":
        return list(form["choices"]), ["neither", "", 1]
    if form["kind"] == "any":
        return [True, 1, 1.5, "text"], [[1]]
    if form["kind"] == "text":
        short, long = form.get("lengthMin", 0), form.get("lengthMax")
        return ["x" * max(1, short), *(["x" * long] if long else [])], [1, *(["x" * (long + 1)] if long else [])]
    step = 1 if form["kind"] == "integer" else 1e-9
    low = form["low"] if "low" in form else form["above"] + step
    return [low, form["high"]], [low - step, "1", *([low + 0.5] if form["kind"] == "integer" else [])]


@pytest.mark.parametrize(("command", "field"), PARAMETERS, ids=lambda one: getattr(one, "name", one))
def test_a_form_takes_what_the_server_takes(command: str, field: Field) -> None:
    form = form_of(field)
    good, bad = edges(form)
    for value in good:
        assert taken(command, field.name, value), value
    for value in bad:
        assert not taken(command, field.name, value), value
    if form["required"]:
        assert field.name in GOOD[command]
        left = {name: value for name, value in GOOD[command].items() if name != field.name}
        with pytest.raises(CommandError, match=field.name):
            read_params(command, left)
    elif "default" in form:
        assert read_params(command, GOOD.get(command, {}))[field.name] == form["default"]


def test_every_command_is_there_with_its_weight_in_the_order_of_the_table() -> None:
    table = TEXT.partition("export const COMMANDS = {")[2].partition("} as const")[0]
    said = re.findall(r'^  (\w+): \{\n    priority: "(\w+)",\n    closes: (\w+),', table, re.MULTILINE)
    assert said == [(name, kind.priority.name, str(kind.closes).lower()) for name, kind in COMMANDS.items()]


def test_every_status_is_there_with_whether_it_is_the_end() -> None:
    table = TEXT.partition("export const COMMAND_STATUSES = {")[2]
    said = re.findall(r"^  (\w+): \{ end: (\w+), ", table, re.MULTILINE)
    assert said == [(one.value, str(one.is_end).lower()) for one in Status]
