"""The one list of channels: what each carries, of which kind it is, and which field of its data is the key."""

from collections.abc import Mapping
from enum import Enum
from typing import Any, NamedTuple

from msgspec import Struct

from fleetwire.wire.errors import DataError

KEY_CHARS_MAX = 256
"""How long a key may be: every session keeps those that it subscribed to."""


def field_of(data: object, name: str) -> Any:
    """Read a field of what a program publishes, be it a mapping or an object; None where it has none."""
    if isinstance(data, Mapping):
        return data.get(name)
    return getattr(data, name, None)


class Kind(Enum):
    """How a channel remembers."""

    state = "state"  # the last value per key wins; a newcomer is given the current values
    event = "event"  # every message, in order, or a `gap`


class Channel(Struct, frozen=True, kw_only=True):
    """One channel.

    Args:
        name: what a client subscribes to.
        type: the message type that it carries.
        kind: state or event.
        key_fields: the fields of `data` that name its subject; the first one present is the key.
        default_key: the key of a state row that names no subject; a state channel without it refuses such a row.
        sums: the state channel whose rows its own sum up, so that it must not be told more often than these.
        scoped: whether it is about experts and accounts, so that not everybody may hear all of it.
    """

    name: str
    type: str
    kind: Kind
    key_fields: tuple[str, ...]
    default_key: str | None = None
    sums: str | None = None
    scoped: bool = True

    def key_of(self, data: object) -> str | None:
        """Name the subject of a message: an expert's id, a portfolio's account.

        Data is passed through whatever it holds, so a field that can't be a key only names nobody; it is refused
        where the channel can't do without.

        Raises:
            DataError: a row of a state channel that needs a key has none that is a whole number or a text.
        """
        for field in self.key_fields:
            value = field_of(data, field)
            if _wrong_with_key(value) is None:
                return str(value)
        if self.kind is Kind.state and self.default_key is None:
            field = self.key_fields[0]
            value = field_of(data, field)
            if value is None:
                raise DataError(f"{self.type}: {field} is missing: a row of {self.name} is known by it")
            return self.checked_key(value, field)
        return self.default_key

    def removed(self, data: object) -> dict[str, Any]:
        """Build the end of a row, which names its subject and nothing else of it."""
        for field in self.key_fields:
            value = field_of(data, field)
            if _wrong_with_key(value) is None:
                return {field: value, "status": REMOVED}
        return {"status": REMOVED}

    def checked_key(self, value: object, field: str = "key") -> str:
        """Make the key of what names a subject.

        Raises:
            DataError: it is no whole number or text, or too long.
        """
        wrong = _wrong_with_key(value)
        if wrong is not None:
            raise DataError(f"{self.type}: {field} {wrong}")
        return str(value)


def _wrong_with_key(value: object) -> str | None:
    """Say why a value can't be a key; None if it can."""
    if isinstance(value, bool) or not isinstance(value, int | str) or value == "":
        return f"must be a whole number or a text, not {value!r:.40}"
    length = len(str(value))
    return f"must have at most {KEY_CHARS_MAX} characters, not {length:,}" if length > KEY_CHARS_MAX else None


CHANNELS = (
    Channel(name="ea_updates", type="ea_update", kind=Kind.state, key_fields=("ea_id",)),
    Channel(
        name="portfolio_updates",
        type="portfolio_update",
        kind=Kind.state,
        key_fields=("portfolio", "account"),
        default_key="total",
        sums="ea_updates",
    ),
    Channel(name="price_updates", type="price_update", kind=Kind.state, key_fields=("symbol",), scoped=False),
    Channel(name="trade_updates", type="trade_update", kind=Kind.event, key_fields=("ea_id",)),
    Channel(name="news_updates", type="news_update", kind=Kind.event, key_fields=("currency",), scoped=False),
    Channel(name="command_updates", type="command_update", kind=Kind.event, key_fields=("ea_id",)),
    Channel(name="alerts", type="alert", kind=Kind.event, key_fields=("ea_id",)),
)
CHANNEL_BY_NAME = {channel.name: channel for channel in CHANNELS}
CHANNEL_BY_TYPE = {channel.type: channel for channel in CHANNELS}

EVERYTHING = "*"
"""Names every channel that a session may hear."""
REMOVED = "removed"
"""The `status` of a state row's last message: after it the row does not exist."""


def channel_of_type(message_type: str) -> Channel:
    """Look a channel up by the type that it carries.

    Raises:
        DataError: no channel carries this type.
    """
    channel = CHANNEL_BY_TYPE.get(message_type)
    if channel is None:
        raise DataError(f"unknown message type {message_type!r:.60}: one of {', '.join(CHANNEL_BY_TYPE)} is meant")
    return channel


class Topic(NamedTuple):
    """What one subscription names: a whole channel, or one key of it."""

    channel: str
    key: str | None = None

    def __str__(self) -> str:
        """Write it as a client does: "ea_updates" or "ea_updates:12345"."""
        return self.channel if self.key is None else f"{self.channel}:{self.key}"

    @classmethod
    def read(cls, text: str) -> "list[Topic]":
        """Read what a client writes in a subscription, "*" for every channel; empty where no such channel exists."""
        if text == EVERYTHING:
            return [cls(name) for name in CHANNEL_BY_NAME]
        topic = cls.parse(text)
        return [] if topic is None else [topic]

    @classmethod
    def parse(cls, text: str) -> "Topic | None":
        """Read it as a client writes it; None where no such channel exists."""
        name, colon, key = text.partition(":")
        if name not in CHANNEL_BY_NAME or (colon and not key) or len(key) > KEY_CHARS_MAX:
            return None
        return cls(name, key if colon else None)
