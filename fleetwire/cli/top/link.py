"""What the connection is like, in words that somebody can act on."""

import re
from typing import NamedTuple

from fleetwire.cli.top.formats import age
from fleetwire.cli.top.line import Look
from fleetwire.client.status import Status

SILENT_S = 12.0
"""So long nothing may be heard: a heartbeat is answered every 5 seconds, so two of them are missing."""

_WHY_LOST = {
    1012: "The server is being restarted",
    4100: "Too much was said in too short a time",
    4101: "This screen was too slow to read",
    4102: "The server is full",
    4103: "The server takes no new connections",
    4200: "The server heard nothing of this screen",
    4201: "The token has expired",
}


class Link(NamedTuple):
    """The connection.

    Args:
        live: whether what is shown is true now.
        refused: whether it stays as it is.
        name: one or two words.
        mark: a shape for them.
        look: what they mean.
        words: a sentence: what is wrong, and what happens next.
    """

    live: bool
    refused: bool
    name: str
    mark: str
    look: Look
    words: str


def link_of(status: Status, url: str) -> Link:
    """Say a status. `url` is left out of its words: it stands elsewhere on the screen."""
    reason = status.reason.removeprefix(url).lstrip(": ").strip()
    if status.state == "live":
        if status.silent_s is not None and status.silent_s > SILENT_S:
            silent = age(status.silent_s * 1_000)
            words = f"Nothing heard of the server for {silent}: the numbers may be old"
            return Link(False, False, "no sign of life", "◌", "late", words)
        return Link(True, False, "live", "●", "good", "Connected")
    if status.state == "restoring":
        return Link(False, False, "coming back", "◔", "late", "The server is found again: asking for what was missed")
    if status.state == "lost":
        left = status.retry_in_s or 0.0
        next_try = f"trying again in {left:.0f} s" if left >= 1 else "trying again now"
        return Link(False, False, "disconnected", "✕", "late", f"{_why_lost(status.code, reason)}: {next_try}")
    if status.state == "refused":
        return Link(False, True, "refused", "✕", "alarm", _why_refused(reason))
    return Link(False, True, "closed", "✕", "late", "Not connected")


_SHORTER = {
    "refused the connection": "The server is not running there",
    "was lost: the connection broke off": "The connection broke off",
    "did not answer": "The server does not answer",
}
"""What the client says, so short that it fits beside the rest of the first line."""


def _why_refused(reason: str) -> str:
    """Say it without numbers, and without what the client says of itself: this screen stays, until somebody quits."""
    said = re.sub(r"^closed the connection: \d+ *", "", reason).partition(": the client does not")[0]
    said = said or "the server refuses the token"
    return f"{said[:1].upper()}{said[1:]}: start again once that is changed"


def _why_lost(code: int | None, reason: str) -> str:
    known = _WHY_LOST.get(code or 0)
    if known is not None:
        return known
    shorter = next((words for begin, words in _SHORTER.items() if reason.startswith(begin)), None)
    return shorter or (f"The connection is lost ({reason})" if reason else "The connection is lost")
