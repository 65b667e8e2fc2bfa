"""The first two lines: the answer and the age of the numbers are always there, whatever the width."""

import pytest

from fleetwire.cli.top.heading import Glance, lines
from fleetwire.cli.top.health import Fleet
from fleetwire.cli.top.line import plain, width_of
from fleetwire.cli.top.link import link_of
from fleetwire.client.status import Status
from tests.cli.top.rows import alert

URL = "ws://127.0.0.1:8765"
FLEET = {"total_positions": 59, "trading_blocked": ["EURUSD", "XAUUSD"], "manual": {"positions": 2}}
RIGHT = "admin  12:00:00 UTC"


def glance(status: Status, fleet: Fleet | None = None, **fields: object) -> Glance:
    known = Glance(link_of(status, URL), True, fleet or Fleet(40), 900.0, [], FLEET, 100.0)
    return known._replace(**fields)


LIVE = Status("live", silent_s=0.1)
LOST = Status("lost", f"{URL} refused the connection: ...", None, 12.0)


def test_all_is_told_where_there_is_room() -> None:
    first, second = map(plain, lines(glance(LIVE), RIGHT, 140))
    assert first.split("  ")[1].strip() == "All 40 experts reporting, oldest number 0.9 s"
    assert first.endswith("● live  heard 0.1 s ago")
    assert second.split("   ")[1:5] == [
        " oldest number 0.9 s",
        "● 40 fresh",
        "news holds 2 symbols",
        "59 positions, 2 by hand",
    ]
    assert second.endswith(RIGHT)


@pytest.mark.parametrize("width", [80, 100, 200])
@pytest.mark.parametrize(
    ("known", "said"),
    [
        (glance(LIVE), "All 40 experts reporting, oldest number 0.9 s"),
        (glance(LIVE, Fleet(40, late=1, silent=3, resting=2), alerts=[alert()]), "3 experts silent, 1 alert"),
        (glance(LOST, silent_ms=None), "The server is not running there: trying again in 12 s"),
        (glance(Status("live", silent_s=20.0)), "Nothing heard of the server for 20 s: the numbers may be old"),
        (glance(LIVE, complete=False), "Reading the fleet"),
    ],
)
def test_the_answer_and_the_age_are_never_cut(known: Glance, said: str, width: int) -> None:
    first, second = lines(known, RIGHT, width)
    assert said in plain(first)
    assert "oldest number 0.9 s" in plain(second)
    assert "…" not in plain(second)
    assert width_of(first) == width_of(second) == width


def test_ages_of_what_is_not_live_stand_out() -> None:
    looks = dict(lines(glance(LOST), RIGHT, 80)[1])
    assert looks["oldest number 0.9 s"] == "late"
    assert {look for part, look in lines(glance(LIVE), RIGHT, 80)[1] if "oldest" in part} == {"faint"}
