"""The forms in which a server may be spoken to: version 1, version 2 as JSON or as msgpack."""

import logging
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, TypeVar

import msgspec

from fleetwire.client.message import Envelope

logger = logging.getLogger("fleetwire.client")

_Decoded = TypeVar("_Decoded", covariant=True)


class _Decoder(Protocol[_Decoded]):
    def decode(self, payload: bytes | msgspec.Raw, /) -> _Decoded: ...


class Dialect(NamedTuple):
    """How messages become frames, and frames messages.

    Args:
        version: of the protocol; from 2 on a frame holds an array of messages, and rows may come as patches.
        is_text: frames are text, else binary.
        encode: writes something that JSON can say.
        one: reads a message.
        all: reads an array of messages.
        parts: takes an array apart.
    """

    version: int
    is_text: bool
    encode: Callable[[Any], bytes]
    one: _Decoder[Envelope]
    all: _Decoder[list[Envelope]]
    parts: _Decoder[list[msgspec.Raw]]

    def write(self, message: dict[str, Any]) -> bytes:
        """Put one message into a frame's payload."""
        return self.encode(message if self.version == 1 else [message])

    def read(self, payload: bytes) -> list[Envelope]:
        """Read the messages of a frame; what can't be read is logged and left out, alone."""
        try:
            return [self.one.decode(payload)] if self.version == 1 else self.all.decode(payload)
        except (ValueError, RecursionError) as error:  # msgspec's errors and UnicodeDecodeError are ValueErrors
            return self._read_apart(payload, error)

    def _read_apart(self, payload: bytes, reason: Exception) -> list[Envelope]:
        """Read what can be read of a frame that is wrong as a whole; a message alone may come without an array."""
        parts: list[msgspec.Raw] = []
        if self.version > 1:
            try:
                parts = self.parts.decode(payload)
            except (ValueError, RecursionError):
                parts = [msgspec.Raw(payload)]
        envelopes: list[Envelope] = []
        for part in parts:
            try:
                envelopes.append(self.one.decode(part))
            except (ValueError, RecursionError) as error:
                reason = error
        if len(envelopes) < max(1, len(parts)):
            logger.warning("a message of the server can't be read and is left out: %s", type(reason).__name__)
        return envelopes


_json = msgspec.json.Encoder().encode
_of_json = (
    msgspec.json.Decoder(Envelope),
    msgspec.json.Decoder(list[Envelope]),
    msgspec.json.Decoder(list[msgspec.Raw]),
)
_of_msgpack = (
    msgspec.msgpack.Decoder(Envelope),
    msgspec.msgpack.Decoder(list[Envelope]),
    msgspec.msgpack.Decoder(list[msgspec.Raw]),
)

VERSION_1 = Dialect(1, True, _json, *_of_json)
# JSON first: msgpack is read a fifth faster, but that is a hundredth of what a message costs a client in all
# (benchmarks/client_decode.py); and JSON can be read by people, and says whole numbers of any length.
DIALECTS = {
    "fleetwire.v2.json": Dialect(2, True, _json, *_of_json),
    "fleetwire.v2.msgpack": Dialect(2, False, msgspec.msgpack.Encoder().encode, *_of_msgpack),
}
"""By subprotocol, the one first that is asked for first."""
