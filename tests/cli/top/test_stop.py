"""The emergency stop: one key however often it is sent, confirmed where the server asks, and told expert by expert."""

from typing import Any

import pytest

from fleetwire.cli.top.stop import Request, missing, outcome


def parts(*states: str) -> list[dict[str, Any]]:
    return [{"ea_id": number, "status": state, "why": ""} for number, state in enumerate(states, 1)]


@pytest.mark.parametrize(
    ("states", "words", "look", "done"),
    [
        ([], "Taken: there was no expert to stop", "", True),
        (["executed"], "Stopped: the one expert has executed it", "good", True),
        (["executed", "executed"], "Stopped: all 2 experts have executed it", "good", True),
        (["executed", "queued", "accepted"], "1 of 3 experts stopped, 2 under way", "late", False),
        (["executed", "unknown"], "1 of 2 experts stopped, 1 did not: look at it in the terminal", "alarm", True),
        (
            ["delivered", "rejected", "failed"],
            "0 of 3 experts stopped, 1 under way, 2 did not: look at them in the terminal",
            "alarm",
            False,
        ),
    ],
)
def test_what_became_of_it(states: list[str], words: str, look: str, done: bool) -> None:
    assert outcome(parts(*states)) == (words, look, done)


def test_who_has_not_stopped_is_named() -> None:
    assert missing(parts("executed", "queued", "unknown")) == ["3  unknown", "2  queued"]


def test_it_is_one_command_however_often_it_is_sent() -> None:
    request = Request()
    first = request.body(close=True)
    assert request.body(close=True) == first
    assert first["target"] == {"all": True}
    assert first["params"] == {"close": True}
    assert Request().body(close=True)["idempotency_key"] != first["idempotency_key"]


def test_a_confirmation_is_sent_along_the_second_time_and_forgotten_when_refused() -> None:
    request = Request()
    assert (
        request.take({"status": "confirm", "confirm": "c1", "message": "closes 40 positions"}) == "closes 40 positions"
    )
    assert request.body(close=True)["confirm"] == "c1"
    request.begin_again()
    assert "confirm" not in request.body(close=True)
    assert request.take({"status": "accepted", "command_id": "a", "children": parts("queued")}) == ""
    assert request.command_id == "a"
    assert outcome(request.parts).words == "0 of 1 expert stopped, 1 under way"
