"""What reading a calendar gives, and what its readers share."""

from hashlib import sha256
from typing import Final, NamedTuple

from fleetwire.fleet.events import NewsEvent

EVENTS_MAX: Final = 5_000  # in one calendar
REFUSED_MAX: Final = 10  # sentences about them
_ID_CHARS_MAX: Final = 256
_NAME_CHARS_MAX: Final = 256


class Reading(NamedTuple):
    """The events of a calendar; for those that can't be taken a sentence each (the first few), and how many they are.

    `refused_count` counts all of them.
    """

    events: list[NewsEvent]
    refused: list[str]
    refused_count: int


def short_id(text: str) -> str:
    """Keep an id within its bounds, and apart from others that begin alike."""
    if len(text) <= _ID_CHARS_MAX:
        return text
    return f"{text[:200]}#{sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"


def short_name(text: str) -> str:
    """Make one line of a name, and keep it within its bounds."""
    return " ".join(text.split())[:_NAME_CHARS_MAX]
