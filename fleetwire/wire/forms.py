"""The forms in which the same messages go over the wire: version 1, version 2 as JSON or msgpack; plain or deflated.

A message becomes an *element* once, whoever hears it; elements are joined into whole WebSocket frames (RFC 6455 section
5.2). Version 1 has a frame for each message, version 2 one frame with an array of all of them. Deflated frames are
compressed without context takeover (RFC 7692 section 7.1.1), so that everybody is sent the same bytes.
"""

import json
import math
import zlib
from collections.abc import Sequence
from typing import Any

import msgspec

from fleetwire.wire import codec
from fleetwire.wire.messages import ClientMessage, ServerMessage

_TEXT, _BINARY = 0x1, 0x2
_FIN, _RSV1 = 0x80, 0x40
_DEFLATE_FROM_BYTES = 128  # what is shorter gains nothing
_SYNC_TAIL = b"\x00\x00\xff\xff"  # RFC 7692 section 7.2.1: left out

_FLOAT_MAX = math.nextafter(math.inf, 0)

_any_json: msgspec.json.Decoder[Any] = msgspec.json.Decoder()


def frame(payload: bytes, opcode: int, *, deflated: bool) -> bytes:
    """Put a payload into one unmasked frame, compressed if that is wanted and worth it."""
    first = _FIN | opcode
    if deflated and len(payload) >= _DEFLATE_FROM_BYTES:
        press = zlib.compressobj(wbits=-15)
        payload = (press.compress(payload) + press.flush(zlib.Z_SYNC_FLUSH)).removesuffix(_SYNC_TAIL)
        first |= _RSV1
    size = len(payload)
    if size < 126:
        return bytes((first, size)) + payload
    if size < 65536:
        return bytes((first, 126)) + size.to_bytes(2, "big") + payload
    return bytes((first, 127)) + size.to_bytes(8, "big") + payload


class Form:
    """Version 1: JSON text, a frame for each message.

    Args:
        deflated: frames are compressed.
    """

    version = 1
    subprotocol: str | None = None
    binary = False

    def __init__(self, *, deflated: bool = False) -> None:
        self.deflated = deflated

    def element(self, payload: bytes) -> bytes:
        """Make one message, given as JSON, ready to be joined."""
        return frame(payload, _TEXT, deflated=self.deflated)

    def join(self, elements: Sequence[bytes]) -> bytes:
        """Join messages into whole frames."""
        return b"".join(elements)

    def tell(self, message: ServerMessage) -> bytes:
        """Put one message into a frame of its own."""
        return self.join([self.element(codec.encode(message))])

    def decode(self, payload: bytes) -> list[ClientMessage]:
        """Read what a client sent in one frame.

        Raises:
            MessageError: it is nothing that a client may send.
        """
        return [codec.decode(payload)]


class ArrayForm(Form):
    """Version 2: a frame holds a JSON array of messages."""

    version = 2
    subprotocol: str | None = "fleetwire.v2.json"

    def element(self, payload: bytes) -> bytes:
        """Leave it as it is: the array is put around all of them."""
        return payload

    def join(self, elements: Sequence[bytes]) -> bytes:
        """Put all of them into one array, in one frame."""
        return frame(b"[" + b",".join(elements) + b"]", _TEXT, deflated=self.deflated)

    def decode(self, payload: bytes) -> list[ClientMessage]:
        """Read an array of messages; one alone may come without."""
        return codec.decode_array(payload)


class PackedForm(Form):
    """Version 2 in msgpack: a binary frame holds an array of messages."""

    version = 2
    subprotocol: str | None = "fleetwire.v2.msgpack"
    binary = True

    def element(self, payload: bytes) -> bytes:
        """Write it as msgpack; a number that msgpack does not have becomes the one next to it."""
        try:
            return msgspec.msgpack.encode(_any_json.decode(payload))
        except (OverflowError, msgspec.ValidationError):
            return msgspec.msgpack.encode(json.loads(payload, parse_int=_whole, parse_float=_near))

    def join(self, elements: Sequence[bytes]) -> bytes:
        """Put all of them into one array, in one frame."""
        return frame(_array_head(len(elements)) + b"".join(elements), _BINARY, deflated=self.deflated)

    def decode(self, payload: bytes) -> list[ClientMessage]:
        """Read an array of messages; one alone may come without."""
        return codec.decode_packed(payload)


def _near(text: str) -> float:
    """Read a number as the float next to it; none is infinite."""
    return max(-_FLOAT_MAX, min(float(text), _FLOAT_MAX))


def _whole(text: str) -> int | float:
    """Read a whole number; one with more than 64 bits as a float."""
    return int(text) if len(text) < 19 else _near(text)


def _array_head(count: int) -> bytes:
    """Begin an array (the msgpack specification's array format family)."""
    if count < 16:
        return bytes((0x90 | count,))
    if count < 65536:
        return b"\xdc" + count.to_bytes(2, "big")
    return b"\xdd" + count.to_bytes(4, "big")


FORMS = (Form(), Form(deflated=True), ArrayForm(), ArrayForm(deflated=True), PackedForm(), PackedForm(deflated=True))
PLAIN = FORMS[0]
SUBPROTOCOLS = tuple(dict.fromkeys(form.subprotocol for form in FORMS if form.subprotocol))
"""What may be asked for in `Sec-WebSocket-Protocol`, the best first."""


def form_of(subprotocol: str | None, *, deflated: bool) -> Form:
    """Choose the form that was agreed on in the handshake."""
    return next(form for form in FORMS if (form.subprotocol, form.deflated) == (subprotocol, deflated))
