"""Bytes <-> messages: nothing is lost, nothing is let through that JSON does not have, and every refusal is typed."""

import json
import math
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fleetwire.wire import codec, messages
from fleetwire.wire.errors import DataError, ErrorCode, MessageError
from tests.wire.strategies import objects, values

ENVELOPE = {"timestamp": "2026-11-22T17:31:00.123Z", "channel": "ea_updates", "position": 7}


def published(data: Any) -> Any:
    return json.loads(codec.encode_published("ea_update", data=data, **ENVELOPE))


# ------------------------------------------------------------------------------------------------------------ publish


@given(objects)
def test_any_json_object_is_passed_through_equal(data: dict[str, Any]) -> None:
    message = published(data)
    assert message == {"type": "ea_update", "data": data, **ENVELOPE}


@given(objects, st.sampled_from([math.nan, math.inf, -math.inf]), st.sampled_from(["value", "list", "deep"]))
def test_a_number_that_json_does_not_have_is_refused_wherever_it_stands(
    data: dict[str, Any], number: float, place: str
) -> None:
    bad = {"value": number, "list": [0, {"x": number}], "deep": {"a": {"b": [[number]]}}}[place]
    with pytest.raises(DataError, match="leave the field out"):
        published({**data, "bad": bad})


class _Float(float):
    """Stands for a NumPy number."""

    def item(self) -> float:
        return float(self)


@pytest.mark.parametrize(
    "bad",
    [Decimal("NaN"), Decimal("sNaN"), Decimal("-Infinity"), _Float("nan"), {Decimal("NaN"): 1}, {1, math.nan}],
    ids=str,
)
def test_numbers_of_other_libraries_are_looked_at_as_well(bad: object) -> None:
    with pytest.raises(DataError):
        published({"bad": bad, "nothing": None})


def test_a_decimal_beyond_a_float_is_a_number_of_json() -> None:
    payload = codec.encode_published("ea_update", data={"a": Decimal("1E+400"), "b": None}, **ENVELOPE)
    assert b'"a":1E+400' in payload


@dataclass
class _Row:
    ea_id: int
    profit: float


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (MappingProxyType({"ea_id": 1}), {"ea_id": 1}),
        (_Row(1, 2.5), {"ea_id": 1, "profit": 2.5}),
        ({"ea_id": 1, "profit": _Float(2.5)}, {"ea_id": 1, "profit": 2.5}),
        ({"ea_id": 1, "tags": ("a", "b")}, {"ea_id": 1, "tags": ["a", "b"]}),
        ({"profit": Decimal("150.75")}, {"profit": 150.75}),
    ],
    ids=["mapping", "dataclass", "numpy", "tuple", "decimal"],
)
def test_look_alikes_of_json_types_are_written_as_json(data: object, expected: dict[str, object]) -> None:
    assert published(data)["data"] == expected


def _cycle() -> dict[str, Any]:
    data: dict[str, Any] = {}
    data["self"] = data
    return data


@pytest.mark.parametrize(
    "data",
    [None, 1, "text", [], [{}], b"{}", {"a": object()}, {"a": "\ud800"}, _cycle(), {None: 1}, {"a": 1 + 2j}],
    ids=[
        "none",
        "number",
        "text",
        "list",
        "list of objects",
        "bytes",
        "object",
        "surrogate",
        "cycle",
        "key",
        "complex",
    ],
)
def test_what_is_no_json_object_is_a_data_error(data: object) -> None:
    with pytest.raises(DataError, match=r"^ea_update: data "):
        published(data)


# ------------------------------------------------------------------------------------------------------------- decode


def decoded(payload: bytes) -> messages.ClientMessage | MessageError:
    try:
        return codec.decode(payload)
    except MessageError as error:
        return error


@given(st.binary(max_size=200) | values.map(lambda value: json.dumps(value).encode()))
@example(b"")
@example(b"\xff")
@example(b"[" * 100_000)
@example(b'{"type":"heartbeat","data":' + b'{"a":' * 20_000 + b"1" + b"}" * 20_001)
@example(b'{"type":"heartbeat","data":1e999}')
@example(b'{"type":"heartbeat","data":' + b"9" * 5000 + b"}")
@example(b'{"type":"heartbeat","id":"\\ud800"}')
@example(b'{"type":"heartbeat","data":NaN}')
@example(b'\xef\xbb\xbf{"type":"heartbeat"}')
def test_decoding_gives_a_message_or_a_message_error_and_nothing_else(payload: bytes) -> None:
    result = decoded(payload)
    if isinstance(result, MessageError):
        assert result.message
        assert isinstance(result.code, ErrorCode)
    else:
        assert isinstance(result, messages.Message)


_types = st.sampled_from(["auth", "subscribe", "unsubscribe", "heartbeat", "nonsense"])


@given(_types, values, st.integers(-(2**63), 2**63) | st.text("abc-123", min_size=1))
def test_whatever_is_wrong_with_a_message_its_id_is_echoed(message_type: str, data: Any, request_id: int | str) -> None:
    payload = json.dumps({"type": message_type, "id": request_id, "data": data}).encode()
    result = decoded(payload)
    assert request_id == (result.request_id if isinstance(result, MessageError) else result.id)


@pytest.mark.parametrize(
    ("payload", "code", "request_id", "says"),
    [
        (b"hello", ErrorCode.malformed_json, None, "one JSON object in a text frame"),
        (b'{"type":"heartbeat"', ErrorCode.malformed_json, None, "one JSON object in a text frame"),
        (b'{"type":"heartbeat","data":NaN}', ErrorCode.malformed_json, None, "one JSON object"),
        (b'{"type":"heartbeat","data":{"client_time":NaN},"id":7}', ErrorCode.malformed_json, 7, "one JSON object"),
        (b'{"type":"heartbeat","data":{"x":NaN}, "id" : "a" }\n', ErrorCode.malformed_json, "a", "one JSON object"),
        (b'{"id":-3,"type":"heartbeat","data":Infinity}', ErrorCode.malformed_json, -3, "one JSON object"),
        (b'{"type":"auth","id":"a","data":{"id":8,"x":NaN}}', ErrorCode.malformed_json, "a", "one JSON object"),
        (b'{"type":"auth","data":{"id":8,"x":NaN}}', ErrorCode.malformed_json, None, "one JSON object"),
        (b'{"type":"auth","data":{"x":NaN,"id":8}}', ErrorCode.malformed_json, None, "one JSON object"),
        (b'{"data":{"x":NaN},"id":"\xff"}', ErrorCode.malformed_json, None, "one JSON object"),
        (b'{"data":' + b"[" * 100_000 + b"]" * 100_000 + b',"id":7}', ErrorCode.too_deep, 7, "deep"),
        (b"[1]", ErrorCode.invalid_message, None, "a JSON object with a type"),
        (b"{}", ErrorCode.invalid_message, None, "a JSON object with a type"),
        (b'{"id":7}', ErrorCode.invalid_message, 7, "a JSON object with a type"),
        (b'{"type":5,"id":7}', ErrorCode.invalid_message, 7, "type must be a text"),
        (b'{"type":"login","id":"a"}', ErrorCode.unknown_type, "a", "a client sends auth, subscribe"),
        (b'{"type":"auth","id":1}', ErrorCode.invalid_message, 1, "auth: "),
        (b'{"type":"auth","id":1,"data":{"token":5}}', ErrorCode.invalid_message, 1, "$.data.token"),
        (b'{"type":"auth","id":true,"data":{"token":5}}', ErrorCode.invalid_message, None, "auth: "),
        (b'{"type":"subscribe","data":{"channels":"alerts"}}', ErrorCode.invalid_message, None, "$.data.channels"),
        (b'{"type":"subscribe","data":{"channels":[1]}}', ErrorCode.invalid_message, None, "$.data.channels"),
        (
            b'{"type":"subscribe","data":{"channels":[],"since":{"epoch":1}}}',
            ErrorCode.invalid_message,
            None,
            "$.data.since.epoch",
        ),
        (b'{"type":"heartbeat","data":' + b"[" * 100_000 + b"]" * 100_000 + b"}", ErrorCode.too_deep, None, "deep"),
    ],
)
def test_a_refusal_names_its_code_its_request_and_the_place(
    payload: bytes, code: ErrorCode, request_id: int | str | None, says: str
) -> None:
    with pytest.raises(MessageError) as refusal:
        codec.decode(payload)
    assert (refusal.value.code, refusal.value.request_id) == (code, request_id)
    assert says in refusal.value.message


def test_unknown_fields_are_let_pass_so_that_newer_clients_can_talk_to_older_servers() -> None:
    message = codec.decode(b'{"type":"auth","v":3,"data":{"token":"t","device":"x"},"timestamp":"now"}')
    assert isinstance(message, messages.Auth)
    assert message.data.token == "t"


def test_a_refused_message_does_not_tell_its_token() -> None:
    with pytest.raises(MessageError) as refusal:
        codec.decode(b'{"type":"auth","data":{"token":["c4n4ry"]}}')
    assert "c4n4ry" not in str(refusal.value)


def test_what_a_server_says_is_one_json_object_without_its_empty_fields() -> None:
    data = messages.ErrorData(code="malformed_json", message="no", temporary=False)
    assert json.loads(codec.encode(messages.Error(data=data, timestamp="t"))) == {
        "type": "error",
        "data": {"code": "malformed_json", "message": "no", "temporary": False},
        "timestamp": "t",
    }


def test_raw_json_is_passed_through() -> None:
    assert published({"ea_id": 1, "x": msgspec.Raw(b'{"a":[1,null]}')})["data"]["x"] == {"a": [1, None]}
