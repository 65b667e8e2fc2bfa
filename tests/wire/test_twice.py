"""A name that stands twice: which of the two counts must never be a matter of who reads it."""

import json

import pytest

from fleetwire.wire.codec import decode, decode_array
from fleetwire.wire.errors import MessageError
from fleetwire.wire.twice import named_twice


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('{"a":1,"b":2}', None),
        ('{"a":1,"a":1}', "a"),
        ('{"a":{"b":1},"c":{"b":1}}', None),
        ('[{"a":{"b":1,"b":2}}]', "b"),
        ('{"a":1,"\\u0061":2}', "a"),
        ("3", None),
    ],
)
def test_it_is_found_wherever_it_stands(text: str, name: str | None) -> None:
    assert named_twice(text.encode()) == name


COMMAND = '{"type":"command","id":4,"data":{"target":{"ea_id":1},%s"command":"pause"}}'
CANCEL = '{"type":"command_cancel","id":4,"data":{"command_id":"a","command_id":"b"}}'
ACK = '{"type":"command_ack","id":4,"data":{"command_id":"a","status":"failed","status":"executed"}}'
TWICE = (COMMAND % '"target":{"ea_id":2},', COMMAND % '"params":{"volume":1,"volume":9},', CANCEL, ACK)


@pytest.mark.parametrize("text", TWICE)
def test_a_command_and_a_word_about_one_with_a_name_twice_are_refused(text: str) -> None:
    for read in (decode, decode_array):
        with pytest.raises(MessageError, match="twice") as refused:
            read(text.encode())
        assert (refused.value.code.name, refused.value.request_id) == ("invalid_message", 4)
    with pytest.raises(MessageError, match="twice"):
        decode_array(f"[{json.dumps({'type': 'heartbeat'})},{text}]".encode())


def test_what_moves_no_money_is_read_as_ever() -> None:
    decode(b'{"type":"heartbeat","data":{"a":1,"a":2}}')
    decode((COMMAND % "").encode())
