"""Messages become frames, and frames messages."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetwire.client.dialect import DIALECTS, VERSION_1, Dialect
from fleetwire.wire import codec
from fleetwire.wire.forms import SUBPROTOCOLS

MESSAGE = {"type": "subscribe", "data": {"channels": ["alerts"]}, "id": 7}
GOOD, BAD = {"type": "alert", "position": 1}, {"type": 5}
ENCODE = {"fleetwire.v2.json": lambda value: json.dumps(value).encode(), "fleetwire.v2.msgpack": msgspec.msgpack.encode}

in_version_2 = pytest.mark.parametrize("name", DIALECTS)


def test_the_forms_are_those_of_the_server() -> None:
    assert set(DIALECTS) == set(SUBPROTOCOLS)


def test_the_server_reads_what_is_written() -> None:
    assert codec.decode(VERSION_1.write(MESSAGE)).id == 7
    assert [m.id for m in codec.decode_array(DIALECTS["fleetwire.v2.json"].write(MESSAGE))] == [7]
    assert [m.id for m in codec.decode_packed(DIALECTS["fleetwire.v2.msgpack"].write(MESSAGE))] == [7]


@in_version_2
def test_all_messages_of_a_frame_are_read(name: str) -> None:
    frame = ENCODE[name]([{**GOOD, "position": number} for number in range(40)])
    assert [envelope.position for envelope in DIALECTS[name].read(frame)] == list(range(40))
    assert DIALECTS[name].read(ENCODE[name]([])) == []


@in_version_2
def test_what_can_not_be_read_is_left_out_alone(name: str, caplog: pytest.LogCaptureFixture) -> None:
    envelopes = DIALECTS[name].read(ENCODE[name]([GOOD, BAD, {**GOOD, "patch": "all"}, 3, {**GOOD, "position": 2}]))
    assert [envelope.position for envelope in envelopes] == [1, 2]
    assert caplog.text.count("can't be read") == 1


@in_version_2
def test_one_alone_may_come_without_an_array(name: str, caplog: pytest.LogCaptureFixture) -> None:
    assert [envelope.type for envelope in DIALECTS[name].read(ENCODE[name](GOOD))] == ["alert"]
    assert caplog.text == ""


@pytest.mark.parametrize("dialect", [VERSION_1, *DIALECTS.values()])
@given(payload=st.binary(max_size=40) | st.builds(lambda depth: b"[" * depth, st.integers(1, 100_000)))
def test_nothing_breaks_it(dialect: Dialect, payload: bytes) -> None:
    assert all(isinstance(envelope.type, str) for envelope in dialect.read(payload))
