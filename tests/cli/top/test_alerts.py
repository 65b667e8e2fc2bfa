"""The open alerts: unseen and grave ones first, each with how long it has been there."""

from fleetwire.cli.top.alerts import line, ordered
from fleetwire.cli.top.line import plain, width_of
from fleetwire.client.message import seconds_of
from tests.cli.top.rows import NOW, alert


def test_what_nobody_has_seen_stands_first_the_gravest_of_it_on_top() -> None:
    rows = [
        alert(1, level="critical", status="acknowledged", acknowledged_by="anna"),
        alert(2, raised_at="2026-11-24T11:00:00.000Z"),
        alert(3, level="critical"),
        alert(4, level="info"),
        alert(5),
    ]
    assert ordered(rows) == [3, 5, 2, 4, 1]


def test_an_alert_says_how_grave_since_when_what_and_who_has_seen_it() -> None:
    now = seconds_of(NOW)
    said = plain(line(alert(), now, 80))
    assert said.split() == ["!", "warning", "30", "s", "EA", "1001", "is", "silent"]
    seen = line(alert(status="acknowledged", acknowledged_by="anna", message="x" * 200), now, 80)
    assert plain(seen).endswith("…  seen by anna")
    assert width_of(seen) == 80
