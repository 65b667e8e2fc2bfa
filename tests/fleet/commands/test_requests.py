"""What is looked at before a command exists: form, repeats, rates, confirmations."""

import math

import pytest

from fleetwire.fleet.commands import CommandLimits, Target
from fleetwire.fleet.commands.requests import Gate, check
from fleetwire.wire.errors import CommandError, ConfigError, ConfirmationError, ConflictError, ErrorCode
from tests.fleet.commands.support import Desk, at, request


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"expires_in_s": math.nan}, "expires_in_s"),
        ({"expires_in_s": 0}, "expires_in_s"),
        ({"expires_in_s": 604_801}, "expires_in_s"),
        ({"idempotency_key": ""}, "idempotency_key"),
        ({"idempotency_key": "a\nb"}, "idempotency_key"),
        ({"idempotency_key": "a" * 129}, "idempotency_key"),
        ({"reason": "x" * 257}, "reason"),
        ({"reason": "a\0b"}, "reason"),
        ({"reason": "a\ud800"}, "a text that no UTF-8 has"),
        ({"by": "a\ud800"}, "a text that no UTF-8 has"),
        ({"command": "close_positions", "params": {"symbol": "\ud800"}}, "a text that no UTF-8 has"),
    ],
)
def test_a_request_of_a_wrong_form_is_refused(fields, says) -> None:
    with pytest.raises(CommandError, match=says) as refused:
        check(request(**fields), CommandLimits())
    assert refused.value.code is ErrorCode.invalid_data


def test_parameters_are_bounded_in_size() -> None:
    asked = request("set_parameter", params={"name": "a", "value": "x" * 200})
    with pytest.raises(CommandError, match="take more than 100 bytes"):
        check(asked, CommandLimits(params_bytes_max=100))


# ----------------------------------------------------------------------------------------------------------- repeats


def test_the_same_key_with_the_same_body_gives_the_first_result() -> None:
    desk = Desk()
    first = desk.submit(request(idempotency_key="k"))
    desk.commands.delivered("c1", "a", at())
    again = desk.submit(request(idempotency_key="k", reason="said differently", address="1.2.3.4"))
    assert (again.repeated, again.steps, again.command.command_id) == (True, [], first.command.command_id)
    assert again.command.status == "delivered"
    assert desk.commands.waiting == 1


def test_a_repeat_of_a_group_gives_its_children_as_they_are() -> None:
    desk = Desk()
    asked = request("pause", target=Target(all=True), idempotency_key="k")
    desk.submit(asked, (7, 8))
    again = desk.submit(asked, (7, 8, 9))
    assert [child.ea_id for child in again.children] == [7, 8], "who came later is not meant"


@pytest.mark.parametrize(
    "other",
    [
        {"command": "resume"},
        {"ea_id": 8},
        {"expires_in_s": 61.0},
        {"command": "close_position", "params": {"ticket": 1}},
    ],
)
def test_the_same_key_with_another_body_is_a_conflict(other) -> None:
    desk = Desk()
    desk.submit(request(idempotency_key="k"))
    with pytest.raises(ConflictError, match="the idempotency_key 'k' was used for another command"):
        desk.submit(request(**{"idempotency_key": "k", **other}), (8,))
    assert len(desk.commands) == 1


def test_a_key_is_its_operators_own() -> None:
    desk = Desk()
    desk.submit(request(idempotency_key="k", by="ann"))
    assert not desk.submit(request("resume", idempotency_key="k", by="bob")).repeated


def test_a_repeat_is_given_even_where_nothing_more_would_be_taken() -> None:
    desk = Desk(burst=1, waiting_max=1)
    desk.submit(request(idempotency_key="k"))
    assert desk.submit(request(idempotency_key="k")).repeated


def test_keys_go_with_their_commands() -> None:
    desk = Desk(remembered_max=5)
    for number in range(30):
        command = desk.queued(idempotency_key=f"k{number}")
        desk.commands.cancel(command.command_id, "ann", at())
    assert len(desk.commands._keys) <= 5 + 1


# ------------------------------------------------------------------------------------------------------------- rates


def test_an_operator_is_held_back_but_never_from_closing() -> None:
    desk = Desk(burst=2, per_minute=60)
    desk.queued("pause")
    desk.queued("resume")
    with pytest.raises(CommandError, match=r"try again in 1.0 s \(closing commands are always taken\)") as refused:
        desk.queued("pause")
    assert refused.value.code is ErrorCode.rate_limited
    for command in ("close_all", "emergency_stop", "close_positions", "cancel_orders"):
        desk.queued(command)
    desk.queued("pause", seconds=1.0)


# ----------------------------------------------------------------------------------------------------- confirmations


def confirmable() -> Desk:
    return Desk(confirm=frozenset({"close_all"}))


def ask(desk: Desk, seconds: float = 0.0, experts: tuple[int, ...] = (7,), **more) -> str:
    with pytest.raises(ConfirmationError) as asked:
        desk.submit(request("close_all", **more), experts, seconds)
    assert asked.value.code is ErrorCode.confirmation_needed
    return asked.value.confirm


def test_a_command_of_weight_is_sent_twice_where_configured() -> None:
    desk = confirmable()
    confirm = ask(desk)
    assert len(desk.commands) == 0, "nothing is queued before"
    made = desk.submit(request("close_all", confirm=confirm))
    assert made.command.status == "queued"
    desk.queued("emergency_stop")


def test_a_confirmation_counts_once_for_this_operator_this_command_and_a_minute() -> None:
    desk = confirmable()
    confirm = ask(desk, by="ann")
    ask(desk, by="bob", confirm=confirm)
    confirm = ask(desk, by="ann")
    ask(desk, by="ann", confirm=confirm, target=Target(all=True))
    confirm = ask(desk, by="ann")
    ask(desk, by="ann", confirm=confirm, experts=(7, 8))
    confirm = ask(desk, by="ann")
    confirm = ask(desk, 61.0, by="ann", confirm=confirm)
    desk.submit(request("close_all", by="ann", confirm=confirm), seconds=62.0)
    ask(desk, 62.0, by="ann", confirm=confirm)


def test_confirmations_are_bounded() -> None:
    desk = confirmable()
    for _ in range(1100):
        ask(desk)
    assert len(desk.commands._gate._confirmations) == 1000


def test_what_is_to_be_confirmed_must_exist() -> None:
    with pytest.raises(ConfigError, match=r"there is no command .close_al.: did you mean close_all\?"):
        Gate(CommandLimits(confirm=frozenset({"close_al"})))
