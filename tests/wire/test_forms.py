"""The forms: frames as a foreign parser reads them, arrays, msgpack, compression; no number breaks one."""

import json
import sys
import zlib
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

from fleetwire.wire import messages
from fleetwire.wire.errors import MessageError
from fleetwire.wire.forms import FORMS, PLAIN, SUBPROTOCOLS, Form, form_of, frame
from tests.wire.strategies import objects

ONE = messages.Error(data=messages.ErrorData(code="malformed_json", message="no", temporary=False), timestamp="t")
names = [f"{form.version}-{form.subprotocol}-{form.deflated}" for form in FORMS]
all_forms = pytest.mark.parametrize("form", FORMS, ids=names)


def frames_of(buffer: bytes) -> list[Frame]:
    """Read frames with a foreign parser, which has agreed to permessage-deflate."""
    client = ClientProtocol(parse_uri("ws://127.0.0.1/"), state=State.OPEN, max_size=None)
    client.extensions = [PerMessageDeflate(True, True, 15, 15)]
    client.receive_data(buffer)
    assert client.parser_exc is None
    return [event for event in client.events_received() if isinstance(event, Frame)]


def read(buffer: bytes) -> list[Any]:
    read: list[Any] = []
    for one in frames_of(buffer):
        value = json.loads(one.data) if one.opcode is Opcode.TEXT else msgspec.msgpack.decode(one.data)
        read += value if isinstance(value, list) else [value]
    return read


@pytest.mark.parametrize("deflated", [False, True])
@pytest.mark.parametrize("opcode", [Opcode.TEXT, Opcode.BINARY])
@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 128, 65_535, 65_536, 1_000_000])
def test_a_frame_is_read_back_by_a_foreign_parser(size: int, opcode: Opcode, deflated: bool) -> None:
    payload = b"a" * size
    buffer = frame(payload, opcode, deflated=deflated)
    first, second = frames_of(buffer + frame(b"next", Opcode.TEXT, deflated=deflated))
    assert (first.opcode, first.fin, bytes(first.data)) == (opcode, True, payload)
    assert bytes(second.data) == b"next"
    assert bool(buffer[0] & 0x40) == (deflated and size >= 128), "what is short is not compressed"
    if deflated and size >= 128:
        assert len(buffer) < size / 2 + 64


def test_a_deflated_frame_needs_no_other_frame_to_be_inflated() -> None:
    buffer = frame(b"a" * 200, Opcode.TEXT, deflated=True)
    press = zlib.decompressobj(wbits=-15)
    assert press.decompress(buffer[2:] + b"\x00\x00\xff\xff") == b"a" * 200
    assert frame(b"a" * 200, Opcode.TEXT, deflated=True) == buffer, "nor does it depend on what was said before"


@all_forms
@given(said=st.lists(objects, min_size=1, max_size=40))
@example(said=[{}] * 15)
@example(said=[{}] * 16)
def test_messages_are_read_back_from_every_form_in_their_order(form: Form, said: list[dict[str, object]]) -> None:
    elements = [form.element(msgspec.json.encode(message)) for message in said]
    assert _near(read(form.join(elements)), said)


@all_forms
def test_no_array_is_too_long(form: Form) -> None:
    said = [{"n": n} for n in range(70_000 if form.version > 1 else 70)]
    assert read(form.join([form.element(msgspec.json.encode(message)) for message in said])) == said


def _near(one: Any, other: Any) -> bool:
    """Compare; a whole number that msgpack does not have comes as the float next to it."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_near(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_near, one, other))
    if isinstance(one, float) and type(other) is int:
        return one == float(other) and abs(other) >= 10**17
    return type(one) is type(other) and bool(one == other)


@all_forms
@pytest.mark.parametrize(
    "number", ["1" + "0" * 30, "-" + "9" * 30, "18446744073709551616", "9" * 5000, "1e400", "-1e400", "1e-400"]
)
def test_a_number_beyond_a_forms_own_keeps_nobody_from_hearing(form: Form, number: str) -> None:
    payload = b'{"data":{"n":%s}}' % number.encode()
    buffer = form.join([form.element(payload)])
    if form.binary:
        value = read(buffer)[0]["data"]["n"]
        assert value == max(-sys.float_info.max, min(float(number), sys.float_info.max))
    else:
        assert number.encode() in bytes(frames_of(buffer)[0].data), "as it was published"


@all_forms
def test_one_message_is_told_alone(form: Form) -> None:
    (only,) = frames_of(form.tell(ONE))
    assert (only.opcode is Opcode.BINARY) == form.binary
    value = msgspec.msgpack.decode(only.data) if form.binary else json.loads(only.data)
    expected = {"type": "error", "data": {"code": "malformed_json", "message": "no", "temporary": False}}
    expected["timestamp"] = "t"
    assert value == ([expected] if form.version > 1 else expected)


@all_forms
def test_what_a_client_says_is_read_in_its_form(form: Form) -> None:
    encode = msgspec.msgpack.encode if form.binary else msgspec.json.encode
    said = [{"type": "heartbeat", "id": 1}, {"type": "auth", "data": {"token": "t"}}]
    assert [type(message) for message in form.decode(encode(said[0]))] == [messages.Heartbeat]
    if form.version > 1:
        assert [type(message) for message in form.decode(encode(said))] == [messages.Heartbeat, messages.Auth]
        assert form.decode(encode([])) == []
    with pytest.raises(MessageError) as refusal:
        form.decode(encode({"type": "nonsense", "id": "r-1"}))
    assert (refusal.value.code.name, refusal.value.request_id) == ("unknown_type", "r-1")


def test_the_form_is_the_one_agreed_on_in_the_handshake() -> None:
    assert SUBPROTOCOLS == ("fleetwire.v2.json", "fleetwire.v2.msgpack")
    assert form_of(None, deflated=False) is PLAIN
    for form in FORMS:
        assert form_of(form.subprotocol, deflated=form.deflated) is form
        assert form.version == (1 if form.subprotocol is None else 2)
    with pytest.raises(StopIteration):
        form_of("fleetwire.v3", deflated=False)
