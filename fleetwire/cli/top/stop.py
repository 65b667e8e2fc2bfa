"""The emergency stop: asked for under one key, however often it has to be sent; and what became of it."""

import secrets
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from fleetwire.cli.top.formats import count, text
from fleetwire.cli.top.line import Look

Row = Mapping[str, Any]

WORD: Final = "STOP"
"""What has to be typed."""
_EXPIRES_S: Final = 300.0
_UNDER_WAY: Final = frozenset({"queued", "delivered", "accepted"})


class Request:
    """One emergency stop, from the dialog to its end. Sent again, it is the same command."""

    def __init__(self) -> None:
        self._key = secrets.token_hex(8)
        self._confirm: str | None = None
        self.command_id = ""
        self.parts: list[Row] = []

    def body(self, *, close: bool) -> dict[str, Any]:
        """Write what is asked of the API.

        Args:
            close: whether all positions are closed, too.
        """
        asked: dict[str, Any] = {
            "command": "emergency_stop",
            "target": {"all": True},
            "params": {"close": close},
            "reason": "emergency stop from fleetwire top",
            "idempotency_key": self._key,
            "expires_in_s": _EXPIRES_S,
        }
        return asked if self._confirm is None else asked | {"confirm": self._confirm}

    def take(self, answer: Row) -> str:
        """Take the server's answer.

        Returns:
            What it wants to have confirmed; empty once the command is given.
        """
        if answer.get("status") == "confirm":
            self._confirm = text(answer.get("confirm"))
            return text(answer.get("message")) or "the server wants this to be confirmed"
        command = answer.get("command")
        self.command_id = text(answer.get("command_id"))
        self.parts = answer.get("children") or ([command] if isinstance(command, dict) else [])
        return ""

    def begin_again(self) -> None:
        """Forget a confirmation that the server does not take: it asks for another."""
        self._confirm = None


class Outcome(NamedTuple):
    """What became of it: in words, what that means, and whether nothing more will come."""

    words: str
    look: Look
    done: bool


def outcome(parts: Iterable[Row]) -> Outcome:
    """Say what became of the parts of a stop."""
    states = [text(row.get("status")) for row in parts]
    executed = states.count("executed")
    under_way = sum(state in _UNDER_WAY for state in states)
    wanting = len(states) - executed - under_way
    if not states:
        return Outcome("Taken: there was no expert to stop", "", True)
    if executed == len(states):
        everybody = "the one expert has" if executed == 1 else f"all {count(executed, 'expert')} have"
        return Outcome(f"Stopped: {everybody} executed it", "good", True)
    words = f"{executed} of {count(len(states), 'expert')} stopped"
    if under_way:
        words += f", {under_way} under way"
    if wanting:
        words += f", {wanting} did not: look at {'it' if wanting == 1 else 'them'} in the terminal"
    return Outcome(words, "alarm" if wanting else "late", not under_way)


def missing(parts: Iterable[Row]) -> list[str]:
    """Name the experts that have not stopped, and why: those that will not first, then those that may yet."""
    rows = [row for row in parts if row.get("status") != "executed"]
    rows.sort(key=lambda row: row.get("status") in _UNDER_WAY)
    return [f"{text(row.get('ea_id'))}  {text(row.get('status'))}  {text(row.get('why'))}".rstrip() for row in rows]
