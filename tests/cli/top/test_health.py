"""The answer to "is everything all right?": the table of what is said."""

from typing import Any

import pytest

from fleetwire.cli.top.health import answer, counted
from fleetwire.cli.top.link import Link, link_of
from fleetwire.client.status import Status
from tests.cli.top.rows import alert, expert

URL = "ws://127.0.0.1:8765"
LIVE = link_of(Status("live", silent_s=0.1), URL)
FRESH = [expert(number) for number in range(40)]
SILENT = [expert(number, link="stale", why="terminal_down") for number in range(3)]
RESTING = [expert(number, link="lost", why="market_closed") for number in range(2)]
LATE = [expert(1, link="late")]


@pytest.mark.parametrize(
    ("rows", "alerts", "look", "words"),
    [
        (FRESH, [], "good", "All 40 experts reporting, oldest number 0.9 s"),
        (FRESH[:1], [], "good", "The one expert is reporting, oldest number 0.9 s"),
        (FRESH + SILENT, [alert()], "alarm", "3 experts silent, 1 alert"),
        (FRESH, [alert(1), alert(2, level="critical")], "alarm", "1 critical alert, 1 other alert"),
        (FRESH, [alert(1), alert(2)], "late", "2 alerts"),
        (FRESH, [alert(status="acknowledged"), alert(2, level="info")], "good", None),
        (FRESH + RESTING, [], "good", "All 42 experts reporting, 2 with a closed market, oldest number 0.9 s"),
        (FRESH + LATE, [], "late", "1 of 41 experts late, oldest number 0.9 s"),
        ([expert(status="history", link="lost")], [], "faint", "No expert has reported yet"),
        ([{"ea_id": 5, "status": "active"}], [], "good", None),
        ([{"ea_id": 5, "status": "lost"}], [], "alarm", "1 expert silent"),
    ],
)
def test_what_is_said(rows: list[Any], alerts: list[Any], look: str, words: str | None) -> None:
    said = answer(LIVE, True, counted(rows), 900.0, alerts)
    assert said.look == look
    assert words is None or said.words == words


def test_nothing_is_said_of_a_fleet_that_is_not_known_yet() -> None:
    assert answer(LIVE, False, counted([]), None, []).words == "Reading the fleet"


@pytest.mark.parametrize(
    ("status", "live", "words"),
    [
        (Status("live", silent_s=13.0), False, "Nothing heard of the server for 13 s: the numbers may be old"),
        (Status("restoring"), False, "The server is found again: asking for what was missed"),
        (
            Status("lost", f"{URL} refused the connection: is the server running there?", None, 3.2),
            False,
            "The server is not running there: trying again in 3 s",
        ),
        (Status("lost", f"{URL} closed the connection: 1012", 1012, 0.2), False, "The server is being restarted: "),
        (Status("lost", f"{URL} was lost: the connection broke off", None, 0.0), False, "The connection broke off: "),
        (Status("lost", f"{URL}: this host name is not known", None, 0.0), False, "The connection is lost (this host"),
        (
            Status("refused", f"{URL} closed the connection: 4001 revoked: the client does not ..."),
            False,
            "Revoked: start",
        ),
        (Status("refused", "token_invalid: not known here"), False, "Token_invalid: not known here"),
        (Status("refused"), False, "The server refuses the token"),
        (Status("closed"), False, "Not connected"),
        (Status("live", silent_s=0.2), True, "Connected"),
    ],
)
def test_a_connection_says_what_is_wrong_and_what_happens_next(status: Status, live: bool, words: str) -> None:
    link: Link = link_of(status, URL)
    assert link.live == live
    assert link.words.startswith(words)
    if not live:
        assert answer(link, True, counted(FRESH), 900.0, []).words == link.words, "nothing else is known"
