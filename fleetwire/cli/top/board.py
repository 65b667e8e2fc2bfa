"""What was heard of a fleet: the rows as they stand, how old they are, and which alerts are open."""

from collections.abc import Iterable, Mapping
from typing import Any

from fleetwire.client import Message
from fleetwire.client.message import seconds_of
from fleetwire.wire.channels import REMOVED

Row = Mapping[str, Any]

STATES = ("ea_updates", "portfolio_updates")
CHANNELS = (*STATES, "alerts", "command_updates")
"""What is heard; the rest of the overview is asked for, as no channel tells it."""
_KINDS = {"ea_update": "ea_updates", "portfolio_update": "portfolio_updates"}
_TOTAL = "total"


class Board:
    """Takes messages, and gives rows. It holds no clock: a message knows its age by the server's."""

    def __init__(self) -> None:
        self._messages: dict[str, dict[str, Message]] = {channel: {} for channel in STATES}
        self._unnamed: dict[str, set[str]] = {channel: set() for channel in STATES}
        self._alerts: dict[int, Row] = {}
        self._told: set[int] = set()  # alerts that were told since a list of them was asked for
        self._parts: dict[str, Row] = {}
        self._expects = False  # whether a command is followed, or about to be
        self._followed: str | None = None
        self._last: Message | None = None
        self.accounts: list[Row] = []
        self.accounts_why = ""
        """Why there are no accounts, or no new ones; empty where all is well."""
        self.complete = False
        """Whether all experts have been told once."""

    # ------------------------------------------------------------------------------------------------------ what comes

    def take(self, message: Message) -> None:
        """Take one message of the client."""
        if message.timestamp is not None:
            self._last = message
        data = message.data if isinstance(message.data, dict) else {}
        if message.type in _KINDS and message.key is not None:
            self._take_row(_KINDS[message.type], message.key, message, data)
        elif message.type == "alert":
            self.take_alert(data)
        elif message.type == "command_update":
            self._take_command(data)
        elif message.type == "subscription_response":
            self._begin(data)
        elif message.type == "gap":
            self._renew(data.get("channel"))
        elif message.type == "snapshot_end":
            self._end(data)

    def take_alert(self, data: Row) -> None:
        """Take an alert as it stands now."""
        alert_id = data.get("alert_id")
        if not isinstance(alert_id, int):
            return  # a program's own word, with nothing to acknowledge
        self._told.add(alert_id)
        if data.get("status") == "cleared":
            self._alerts.pop(alert_id, None)
        else:
            self._alerts[alert_id] = data

    def ask_for_alerts(self) -> None:
        """Note that a list of the open alerts is asked for now: what is told meanwhile is newer than it."""
        self._told.clear()

    def list_alerts(self, rows: Iterable[Row]) -> None:
        """Take the list."""
        told = {alert_id: row for alert_id, row in self._alerts.items() if alert_id in self._told}
        listed = {row["alert_id"]: row for row in rows if isinstance(row.get("alert_id"), int)}
        self._alerts = {alert_id: row for alert_id, row in listed.items() if alert_id not in self._told} | told

    def expect_stop(self) -> None:
        """Note that an emergency stop is about to be sent: its parts may be told before its answer is there."""
        self._expects, self._followed, self._parts = True, None, {}

    def follow(self, command_id: str, parts: Iterable[Row]) -> None:
        """Follow the parts of the stop: those of its answer, overruled by what was told of them."""
        told = {part: row for part, row in self._parts.items() if row.get("parent_id") == command_id}
        self._followed = command_id
        self._parts = {str(row.get("command_id")): row for row in parts} | told

    # ---------------------------------------------------------------------------------------------------- what is known

    @property
    def experts(self) -> dict[str, Row]:
        """The experts' rows by key."""
        return {key: message.data for key, message in self._messages["ea_updates"].items()}

    def expert(self, key: str) -> Row | None:
        """One expert's row."""
        message = self._messages["ea_updates"].get(key)
        return None if message is None else message.data

    def age_ms(self, key: str) -> float | None:
        """How old an expert's row is, at this moment."""
        message = self._messages["ea_updates"].get(key)
        return None if message is None else message.age_ms

    @property
    def portfolio(self) -> Row | None:
        """The sums of the whole fleet; None where they are not heard."""
        found = self._messages["portfolio_updates"]
        message = found.get(_TOTAL) or next(iter(found.values()), None)
        return None if message is None else message.data

    @property
    def alerts(self) -> list[Row]:
        """The open alerts."""
        return list(self._alerts.values())

    def alert(self, alert_id: int) -> Row | None:
        """One open alert."""
        return self._alerts.get(alert_id)

    @property
    def parts(self) -> list[Row]:
        """The parts of the command that is followed."""
        return list(self._parts.values())

    def server_s(self) -> float | None:
        """Seconds since 1970 by the server's clock, at this moment; None while nothing is known."""
        if self._last is None or self._last.age_ms is None:
            return None
        said_s = seconds_of(self._last.timestamp if self._last.as_of is None else self._last.as_of)
        return None if said_s is None else said_s + self._last.age_ms / 1_000

    # ---------------------------------------------------------------------------------------------------------- inside

    def _take_row(self, channel: str, key: str, message: Message, data: Row) -> None:
        self._unnamed[channel].discard(key)
        if data.get("status") == REMOVED:
            self._messages[channel].pop(key, None)
        else:
            self._messages[channel][key] = message

    def _take_command(self, data: Row) -> None:
        parent = data.get("parent_id")
        if self._expects and parent is not None and self._followed in (None, parent):
            self._parts[str(data.get("command_id"))] = data

    def _begin(self, data: Row) -> None:
        recovered = data.get("recovered")
        for name in data.get("channels") or ():
            if not (isinstance(recovered, dict) and recovered.get(name) is True):
                self._renew(name)

    def _renew(self, channel: object) -> None:
        if channel in STATES:
            self._unnamed[str(channel)] = set(self._messages[str(channel)])

    def _end(self, data: Row) -> None:
        for channel in set(STATES).intersection(data.get("channels") or ()):
            for key in self._unnamed[channel]:
                self._messages[channel].pop(key, None)
            self._unnamed[channel].clear()
            self.complete = self.complete or channel == "ea_updates"
