"""Bytes <-> messages. What is refused is refused with a typed error that says what to do."""

import contextlib
import math
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Protocol, TypeVar

import msgspec

from fleetwire.wire.costly import why_costly
from fleetwire.wire.errors import DataError, ErrorCode, MessageError
from fleetwire.wire.messages import (
    CLIENT_TYPES,
    PUBLISHED,
    ClientMessage,
    Command,
    CommandAck,
    CommandCancel,
    Published,
    ServerMessage,
)
from fleetwire.wire.twice import named_twice

_Decoded = TypeVar("_Decoded", covariant=True)
_decoder: msgspec.json.Decoder[ClientMessage] = msgspec.json.Decoder(ClientMessage)


class _Head(msgspec.Struct):
    """As much of a refused message as an answer needs."""

    type: Any = None
    id: Any = None


class _Decoder(Protocol[_Decoded]):
    def decode(self, payload: bytes, /) -> _Decoded: ...


_head_decoder = msgspec.json.Decoder(_Head)
_heads_decoder = msgspec.json.Decoder(list[_Head])
_array_decoder: msgspec.json.Decoder[list[ClientMessage]] = msgspec.json.Decoder(list[ClientMessage])
_packed_decoder: msgspec.msgpack.Decoder[ClientMessage] = msgspec.msgpack.Decoder(ClientMessage)
_packed_array_decoder: msgspec.msgpack.Decoder[list[ClientMessage]] = msgspec.msgpack.Decoder(list[ClientMessage])
_packed_head_decoder = msgspec.msgpack.Decoder(_Head)
_packed_heads_decoder = msgspec.msgpack.Decoder(list[_Head])

# Where a request's id stands as it is written: after the type at the most, or as the last field. The last brace is that
# of the message, so both are its own id and not that of something in its data.
_FIRST_ID = re.compile(rb'\s*\{\s*(?:"type"\s*:\s*"[^"\\]*"\s*,\s*)?("id"\s*:\s*)')
_COMMANDING = re.compile(rb'"type"\s*:\s*"(command|command_cancel|command_ack)"')
_ID = re.compile(rb'"id"\s*:\s*("[^"\\]{0,256}"|-?\d{1,19})\s*([,}])')


_PACKED_CONTAINERS = bytes(range(0x80, 0xA0))  # how short maps and lists begin; other bytes may look so
_PACKED_CONTAINERS_MAX = 262_144


def decode(payload: bytes) -> ClientMessage:
    """Read one message of a client.

    Args:
        payload: UTF-8 JSON.

    Raises:
        MessageError: it is no message that a client may send.
    """
    _refuse_costly(payload)
    try:
        message = _decoder.decode(payload)
    except (ValueError, RecursionError) as error:  # msgspec's errors and UnicodeDecodeError are ValueErrors
        raise _refused(error, _head_decoder, payload) from None
    _refuse_twice([message], payload)
    return message


def decode_array(payload: bytes) -> list[ClientMessage]:
    """Read the messages of a client in one frame of version 2: a JSON array of them, or one alone.

    Raises:
        MessageError: one of them is no message that a client may send; then none of them counts.
    """
    if not payload.lstrip().startswith(b"["):
        return [decode(payload)]
    _refuse_costly(payload)
    said = _decode_all(payload, _array_decoder, _heads_decoder)
    _refuse_twice(said, payload)
    return said


def decode_packed(payload: bytes) -> list[ClientMessage]:
    """As `decode_array`, from msgpack.

    Raises:
        MessageError: as `decode_array`.
    """
    if len(payload) - len(payload.translate(None, _PACKED_CONTAINERS)) > _PACKED_CONTAINERS_MAX:
        raise MessageError(ErrorCode.invalid_message, "the message has too many lists and maps")
    is_array = payload[:1] and (payload[0] & 0xF0 == 0x90 or payload[0] in (0xDC, 0xDD))
    if is_array:
        return _decode_all(payload, _packed_array_decoder, _packed_heads_decoder)
    try:
        return [_packed_decoder.decode(payload)]
    except (ValueError, RecursionError) as error:
        raise _refused(error, _packed_head_decoder, payload) from None


def _refuse_costly(payload: bytes) -> None:
    why = why_costly(payload)
    if why is not None:
        raise MessageError(ErrorCode.invalid_message, f"the message {why}", _id_in(payload))


def _refuse_twice(said: list[ClientMessage], payload: bytes) -> None:
    """Refuse a command, or a word about one, in which a name stands twice: one reader could take it for another."""
    money = next((message for message in said if isinstance(message, Command | CommandCancel | CommandAck)), None)
    name = named_twice(payload) if money is not None else None
    if money is not None and name is not None:
        raise MessageError(ErrorCode.invalid_message, f"{name!r:.60} stands there twice: say it once", money.id)


def _decode_all(
    payload: bytes, decoder: "_Decoder[list[ClientMessage]]", heads: "_Decoder[list[_Head]]"
) -> list[ClientMessage]:
    try:
        return decoder.decode(payload)
    except (ValueError, RecursionError) as error:
        head = _Head(type=_type_in(payload))
        if isinstance(error, msgspec.ValidationError):
            head = _Head()
            found = re.match(r".*\$\[(\d+)\]", str(error))
            with contextlib.suppress(ValueError, RecursionError, IndexError):
                head = heads.decode(payload)[int(found[1]) if found else 0]
        raise _refusal(error, head) from None


def _refused(reason: ValueError | RecursionError, heads: "_Decoder[_Head]", payload: bytes) -> MessageError:
    head = _Head()
    if isinstance(reason, msgspec.ValidationError):
        try:
            head = heads.decode(payload)
        except (ValueError, RecursionError) as error:
            reason = error
    if head.id is None and not isinstance(reason, msgspec.ValidationError):
        head = _Head(type=_type_in(payload), id=_id_in(payload))
    return _refusal(reason, head)


def _type_in(payload: bytes) -> str:
    """Find out whether what can't be read as JSON was meant as a command: that is not refused without a trace."""
    found = _COMMANDING.search(payload)
    return found[1].decode() if found else ""


def _id_in(payload: bytes) -> Any:
    """Find a request's id in what can't be read as JSON (NaN, too deep); None if it is not plain to see."""
    first = _FIRST_ID.match(payload)
    found = _ID.match(payload, first.start(1)) if first else None
    if found is None:
        last = _ID.match(payload, max(payload.rfind(b'"id"'), 0))
        found = last if last and last[2] == b"}" and not payload[last.end() :].strip() else None
    try:
        return msgspec.json.decode(found[1]) if found else None
    except ValueError:
        return None


def _refusal(reason: ValueError | RecursionError, head: _Head) -> MessageError:
    """Say what of a message was wrong: its JSON, its type, or a field of its type."""
    request_id = head.id if isinstance(head.id, int | str) and not isinstance(head.id, bool) else None
    about = head.type if isinstance(head.type, str) else ""
    if isinstance(reason, RecursionError):
        return MessageError(
            ErrorCode.too_deep, "the message is nested too deeply: no message needs that", request_id, about
        )
    if not isinstance(reason, msgspec.ValidationError):
        text = f"{str(reason).rstrip('.')}: a message is one JSON object in a text frame"
        return MessageError(ErrorCode.malformed_json, text, request_id, about)
    if "$" not in str(reason) and head.type is None:
        text = 'a message is a JSON object with a type, like {"type": "heartbeat"}'
        return MessageError(ErrorCode.invalid_message, text, request_id)
    if not isinstance(head.type, str):
        text = f"type must be a text: one of {', '.join(CLIENT_TYPES)}"
        return MessageError(ErrorCode.invalid_message, text, request_id)
    if head.type not in CLIENT_TYPES:
        text = f"unknown type {head.type!r:.60}: a client sends {', '.join(CLIENT_TYPES)}"
        return MessageError(ErrorCode.unknown_type, text, request_id)
    return MessageError(ErrorCode.invalid_message, f"{head.type}: {str(reason).replace('`', '')}", request_id, about)


def _plain(value: Any) -> Any:
    """Turn subclasses and look-alikes of JSON's own types (a NumPy number, a mapping) into these."""
    if isinstance(value, Mapping):
        return dict(value)
    if hasattr(value, "item") and callable(value.item):  # a NumPy scalar
        return value.item()
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, list | tuple):
        return list(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


_encoder = msgspec.json.Encoder(enc_hook=_plain, decimal_format="number")


def encode(message: ServerMessage) -> bytes:
    """Write a message of the server as JSON."""
    return _encoder.encode(message)


def encode_published(message_type: str, **fields: Any) -> bytes:
    """Write what a program publishes as JSON, its `data` passed through as it is.

    Args:
        message_type: one of `PUBLISHED`.
        fields: those of `Published`.

    Raises:
        DataError: `data` is no JSON object, or has no JSON form (NaN, infinity, a lone surrogate, a cycle, a foreign
            type).
    """
    message = PUBLISHED[message_type](**fields)
    try:
        payload = _encoder.encode(message)
    except (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError) as error:
        reason = "it is nested too deeply or holds itself" if isinstance(error, RecursionError) else str(error)
        raise DataError(f"{message_type}: data can't be written as JSON: {reason}") from error
    if not payload.startswith(b"{", len(message_type) + 18):  # what stands before data: {"type":"...","data":
        raise DataError(f"{message_type}: data must be a JSON object, not {type(message.data).__name__}")
    # msgspec writes NaN as null: look closer only where one of these words stands in the text at all.
    if b"null" in payload or b"NaN" in payload or b"Infinity" in payload:
        _refuse_not_finite(message)
    return payload


def _refuse_not_finite(message: Published) -> None:
    """Look for a number that JSON does not have."""
    name = message.__struct_config__.tag
    left = [msgspec.to_builtins(message.data, builtin_types=(Decimal, msgspec.Raw), enc_hook=_plain)]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            left.extend(key for key in value if isinstance(key, Decimal))  # others are written as texts
            left.extend(value.values())
        elif isinstance(value, list | tuple | set | frozenset):
            left.extend(value)
        elif (isinstance(value, float) and not math.isfinite(value)) or (
            isinstance(value, Decimal) and not value.is_finite()
        ):
            raise DataError(f"{name}: data holds {value}, which JSON does not have: leave the field out")
