"""Alerts are raised once, cleared once, and do not flap at the edge."""

from hypothesis import given
from hypothesis import strategies as st

from fleetwire.fleet.alerts import EXPERT_DRAWDOWN, Alerts

UTC = "2026-11-22T17:31:00.123Z"


def test_an_alert_is_raised_above_and_cleared_well_below_the_threshold() -> None:
    alerts = Alerts()
    said = [
        [alert["status"] for alert in alerts.observe(EXPERT_DRAWDOWN, "EA 12345", value, UTC, {"ea_id": 12345})]
        for value in (10.0, 10.4, 12.0, 9.0, 10.1, 7.9, 7.0)
    ]
    assert said == [[], ["raised"], [], [], [], ["cleared"], []]


def test_an_alert_says_whom_it_is_about_and_by_how_much() -> None:
    (alert,) = Alerts().observe(EXPERT_DRAWDOWN, "EA 12345", 10.4, UTC, {"ea_id": 12345})
    assert alert["message"] == "EA 12345 drawdown exceeds 10% (10.4%)"
    assert (alert["level"], alert["ea_id"], alert["alert_id"], alert["raised_at"]) == ("warning", 12345, 1, UTC)


@given(st.lists(st.tuples(st.sampled_from(["EA 1", "EA 2"]), st.floats(0, 100)), max_size=60))
def test_at_most_one_is_open_for_each_subject_and_raised_and_cleared_take_turns(looks: list[tuple[str, float]]) -> None:
    alerts = Alerts()
    open_ids: dict[str, int] = {}
    for subject, value in looks:
        for alert in alerts.observe(EXPERT_DRAWDOWN, subject, value, UTC):
            if alert["status"] == "raised":
                assert subject not in open_ids
                open_ids[subject] = alert["alert_id"]
            else:
                assert open_ids.pop(subject) == alert["alert_id"]
        assert sorted(alert["alert_id"] for alert in alerts.open()) == sorted(open_ids.values())
