"""The rows of state channels as they were heard last: what a patch is applied to (version 2)."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from fleetwire.client.message import Envelope
from fleetwire.wire.channels import REMOVED
from fleetwire.wire.patch import apply_patch


class _Row(NamedTuple):
    """What was heard of a key last; nobody else holds its data.

    Args:
        position: of the message.
        data: what it said.
        nested: the fields that hold more than one value.
    """

    position: int | None
    data: Any
    nested: list[str]


class Rows:
    """The last row for each key of each state channel. Of these messages alone a server says a key and no `seq`."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[str, _Row]] = {}
        # Subscription -> keys that its snapshot has not named so far: what is left at its end does not exist.
        self._unnamed: dict[str, set[str]] = {}

    def __len__(self) -> int:
        """How many rows are held."""
        return sum(map(len, self._rows.values()))

    def complete(self, envelope: Envelope) -> bool:
        """Note a row, and put its full data into the message where that came as a patch.

        Returns:
            Whether the message can be handed over; False where its patch applies to another row than the one held.
        """
        channel, key = envelope.channel, envelope.key
        if channel is None or key is None or envelope.seq is not None:
            return True
        rows = self._rows.setdefault(channel, {})
        row = rows.pop(key, None)
        try:
            if envelope.patch is None:
                nested = _nested(envelope.data)
                data = _copied(envelope.data, nested)
            elif row is not None and row.position is not None and row.position == envelope.base:
                data = apply_patch(row.data, envelope.patch)
                nested = _nested(data) if _nested(envelope.patch) else row.nested
                envelope.data = _copied(data, nested)
            else:
                return False
        except RecursionError:  # nested deeper than can be copied: handed over if it is whole, and not held
            return envelope.patch is None
        if envelope.fields.get("status") != REMOVED:
            rows[key] = _Row(envelope.position, data, nested)
        for name in (channel, f"{channel}:{key}") if self._unnamed else ():
            self._unnamed.get(name, set()).discard(key)
        return True

    def begin(self, names: Iterable[str]) -> None:
        """Note that all rows of some subscriptions are about to be told anew."""
        for name in names:
            channel, _, key = name.partition(":")
            known = self._rows.get(channel, {})
            self._unnamed[name] = {key} & known.keys() if key else set(known)

    def end(self, names: Iterable[str]) -> None:
        """Drop the rows of subscriptions that were not told anew (`snapshot_end`)."""
        for name in names:
            rows = self._rows.get(name.partition(":")[0], {})
            for key in self._unnamed.pop(name, ()):
                rows.pop(key, None)

    def keep(self, wanted: Callable[[str, str], bool]) -> None:
        """Drop the rows that belong to no subscription any more.

        Args:
            wanted: tells from channel and key whether it does.
        """
        for channel, rows in self._rows.items():
            self._rows[channel] = {key: row for key, row in rows.items() if wanted(channel, key)}

    def clear(self) -> None:
        """Drop everything: positions mean nothing any more."""
        self._rows.clear()
        self._unnamed.clear()


def _nested(data: Any) -> list[str]:
    """Name the fields that hold objects and lists: most rows have few, or none."""
    return [name for name, value in data.items() if isinstance(value, dict | list)] if isinstance(data, dict) else []


def _copied(data: Any, nested: list[str]) -> Any:
    """Copy what a program is given, which it may change."""
    if not isinstance(data, dict):
        return _deep(data)
    copied = dict(data)
    for name in nested:
        if name in copied:  # a patch may have taken it away
            copied[name] = _deep(copied[name])
    return copied


def _deep(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _deep(inner) for name, inner in value.items()}
    return [_deep(inner) for inner in value] if isinstance(value, list) else value
