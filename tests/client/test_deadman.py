"""The dead-man rule acts once for each silence, and only when there has been one."""

from fleetwire.client.deadman import NO_RULE, DeadMan, Rule, rule_of


def test_it_acts_when_the_centre_was_not_heard_and_once_for_each_silence() -> None:
    man = DeadMan(100.0)
    assert man.wait_s(10_000.0) > 0, "without a rule nothing happens"
    man.rule = Rule(30.0, "close")
    man.heard(200.0)
    assert man.wait_s(229.9) > 0
    assert man.wait_s(230.0) <= 0
    assert man.fire().command == "close_all"
    assert man.wait_s(1000.0) > 0, "it has acted"
    man.heard(1001.0)
    assert man.wait_s(1030.0) > 0
    assert man.wait_s(1031.0) <= 0, "this is another silence"


def test_what_is_no_rule_is_none() -> None:
    assert rule_of({"after_s": 30, "action": "pause"}) == Rule(30.0, "pause")
    for wrong in (None, [], {}, {"after_s": 0, "action": "pause"}, {"after_s": 30, "action": "none"}, {"after_s": "x"}):
        assert rule_of(wrong) == NO_RULE


def test_the_centre_is_asked_often_enough() -> None:
    man = DeadMan(0.0)
    assert man.beat_s == float("inf")
    man.rule = Rule(20.0, "pause")
    assert man.beat_s == 5.0
