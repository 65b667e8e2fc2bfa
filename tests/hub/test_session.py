"""The conversation, as dialogues: what a client says, and what it is answered. Time is an argument."""

import json
from typing import Any

import pytest

from fleetwire.hub.access import RIGHTS, Identity, Role
from fleetwire.hub.limits import Limits
from fleetwire.hub.session import Close, Ping, Session, State
from fleetwire.wire.errors import CloseCode, NotFoundError, StoreError
from fleetwire.wire.messages import CommandResponse, CommandResponseData
from tests.hub.support import TOKEN, UTC, Reader, Room, closes, new_house, unframe

RIGHT = {"type": "auth", "data": {"token": TOKEN}}
WRONG = {"type": "auth", "data": {"token": "wrong"}}
SUBSCRIBE = {"type": "subscribe", "data": {"channels": ["alerts"]}}
UNSUBSCRIBE = {"type": "unsubscribe", "data": {"channels": ["alerts"]}}
HEARTBEAT = {"type": "heartbeat"}


def new_session(now: float = 0.0, **limits: Any) -> Session:
    return Session(new_house(Limits(**limits)), "c1", "127.0.0.1", lambda _: None, now, UTC)


def play(session: Session, *said: dict[str, Any] | bytes, now: float = 0.0) -> list[str]:
    """Say something; give the answers in one word each: a type, a status, an error's or a close code."""
    answers: list[str] = []
    for message in said:
        payload = message if isinstance(message, bytes) else json.dumps(message).encode()
        for output in session.receive(payload, now, UTC):
            if isinstance(output, Close):
                answers.append(str(output.code.code))
            elif isinstance(output, Ping):
                answers.append("ping")
            else:
                (answer,) = unframe(output)
                data = answer["data"]
                answers.append(data.get("status") or data.get("code") or answer["type"])
    return answers


@pytest.mark.parametrize(
    ("said", "answers"),
    [
        ([RIGHT], ["authenticated"]),
        ([RIGHT, RIGHT], ["authenticated", "authenticated"]),
        ([WRONG, RIGHT], ["failed", "authenticated"]),
        ([WRONG, WRONG, RIGHT], ["failed", "failed", "authenticated"]),
        ([WRONG, WRONG, WRONG], ["failed", "failed", "failed", "4001"]),
        ([RIGHT, WRONG, WRONG, WRONG], ["authenticated", "failed", "failed", "failed", "4001"]),
        ([SUBSCRIBE], ["not_authenticated"]),
        ([{"type": "publish", "data": {"channel": "alerts", "data": {}}}], ["not_authenticated"]),
        ([UNSUBSCRIBE], ["not_authenticated"]),
        ([WRONG, SUBSCRIBE], ["failed", "not_authenticated"]),
        ([SUBSCRIBE, RIGHT, SUBSCRIBE], ["not_authenticated", "authenticated", "subscribed"]),
        ([HEARTBEAT, RIGHT, HEARTBEAT], ["heartbeat_response", "authenticated", "heartbeat_response"]),
        ([RIGHT, SUBSCRIBE, SUBSCRIBE, UNSUBSCRIBE], ["authenticated", "subscribed", "subscribed", "unsubscribed"]),
        ([RIGHT, UNSUBSCRIBE], ["authenticated", "unsubscribed"]),
        ([b"hello", RIGHT], ["malformed_json", "authenticated"]),
        ([b"[]", b"{}", b'{"type": "login"}'], ["invalid_message", "invalid_message", "unknown_type"]),
        ([{"type": "auth"}], ["invalid_message"]),
        ([{"type": "auth", "data": {"token": None}}], ["invalid_message"]),
    ],
)
def test_what_is_said_is_answered(said: list[dict[str, Any] | bytes], answers: list[str]) -> None:
    assert play(new_session(), *said) == answers


def test_the_welcome_tells_all_that_a_client_has_to_know() -> None:
    session = new_session()
    (welcome,) = unframe(session.welcome(UTC))
    message = welcome["data"].pop("message")
    assert "authenticate" in message
    assert welcome == {
        "type": "connection",
        "data": {
            "status": "connected",
            "client_id": "c1",
            "protocol": 1,
            "epoch": "epoch-1",
            "server_time": UTC,
            "heartbeat_interval": 30.0,
            "heartbeat_timeout": 60.0,
            "auth_deadline": 10.0,
        },
        "timestamp": UTC,
    }


def test_authentication_is_answered_in_the_words_that_clients_test_for() -> None:
    session = new_session()
    (failed,) = session.receive(b'{"type":"auth","id":1,"data":{"token":"wrong"}}', 0.0, UTC)
    (passed,) = session.receive(json.dumps({**RIGHT, "id": "two"}).encode(), 0.0, UTC)
    assert isinstance(failed, bytes)
    assert isinstance(passed, bytes)
    (answer,) = unframe(failed)
    assert (answer["type"], answer["id"]) == ("auth_response", 1)
    assert (answer["data"]["status"], answer["data"]["success"]) == ("failed", False)
    assert answer["data"]["error"] == "token_invalid"
    assert "wrong" not in answer["data"]["message"]
    assert unframe(passed) == [
        {
            "type": "auth_response",
            "data": {"status": "authenticated", "success": True, "role": "admin"},
            "timestamp": UTC,
            "id": "two",
        }
    ]


@pytest.mark.parametrize("client_time", [0, 1763832660.123, "2026-11-22T17:31:00Z", None, {"a": [1, None]}, 10**30])
def test_a_heartbeat_echoes_the_clients_time_as_it_was(client_time: Any) -> None:
    session = new_session()
    payload = json.dumps({"type": "heartbeat", "id": 5, "data": {"client_time": client_time}}).encode()
    (output,) = session.receive(payload, 0.0, UTC)
    assert isinstance(output, bytes)
    (answer,) = unframe(output)
    assert (answer["type"], answer["id"], answer["data"]["server_time"]) == ("heartbeat_response", 5, UTC)
    assert answer["data"].get("client_time") == client_time


@pytest.mark.parametrize("data", ["now", 5, None, [1], {}])
def test_a_heartbeat_may_carry_anything(data: Any) -> None:
    assert play(new_session(), {"type": "heartbeat", "data": data}) == ["heartbeat_response"]


# ------------------------------------------------------------------------------------------------------ subscriptions


def subscribed(reader: Reader, *channels: str, **words: Any) -> dict[str, Any]:
    return reader.subscribe(*channels, **words)


def test_a_wrong_channel_rejects_that_channel_and_not_the_request() -> None:
    reader = Room().reader()
    response = subscribed(reader, "alerts", "nonsense", "ea_updates:5", "alerts", "news_updates:")
    assert response["channels"] == ["alerts", "ea_updates:5"]
    assert [(row["channel"], row["code"]) for row in response["rejected"]] == [
        ("nonsense", "unknown_channel"),
        ("news_updates:", "unknown_channel"),
    ]
    assert "ea_updates" in response["rejected"][0]["message"]
    assert set(map(str, reader.session.topics)) == {"alerts", "ea_updates:5"}


@pytest.mark.parametrize("verb", ["subscribe", "unsubscribe"])
def test_ten_thousand_channels_are_refused_in_a_short_answer(verb: str) -> None:
    reader = Room().reader("alerts")
    for names in ([f"c{n}" for n in range(10_000)], [f"alerts:{n}" for n in range(10_000)], ["alerts"] * 10_000):
        (answer,) = reader.outputs(verb, channels=names)
        assert isinstance(answer, bytes)
        assert len(answer) < 500
        assert unframe(answer)[0]["data"]["code"] == "too_many_channels"
    assert set(map(str, reader.session.topics)) == {"alerts"}


def test_the_channels_of_many_requests_count_together() -> None:
    reader = Room(Limits(channels_max=3)).reader("alerts:1", "alerts:2")
    assert reader.say("subscribe", channels=["alerts:3", "alerts:4"])["data"]["code"] == "too_many_channels"
    assert reader.subscribe("alerts:3", "alerts:1")["channels"] == ["alerts:3", "alerts:1"]
    reader.unsubscribe("alerts:1", "alerts:2", "alerts:3")
    assert reader.subscribe("alerts:4")["channels"] == ["alerts:4"]


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"channels": "alerts"},
        {"channels": [1]},
        {"channels": None},
        {"channels": [], "history": "5"},
        {"channels": [], "history": -1},
        {"channels": [], "snapshot": 1},
        {"channels": [], "since": 5},
        {"channels": [], "since": {}},
        {"channels": [], "since": {"epoch": "e", "position": "5"}},
        {"channels": [], "since": {"epoch": "e", "positions": {"alerts": None}}},
    ],
    ids=str,
)
def test_a_wrong_field_is_an_error_that_names_it_and_changes_nothing(data: dict[str, Any]) -> None:
    reader = Room().reader("alerts")
    reader.take()
    answer = reader.say("subscribe", **data)["data"]
    assert (answer["code"], answer["temporary"]) == ("invalid_message", False)
    assert "$.data" in answer["message"] or "channels" in answer["message"]
    assert set(map(str, reader.session.topics)) == {"alerts"}


def test_a_rejected_name_is_not_echoed_at_length() -> None:
    response = Room().reader().subscribe("x" * 60_000)
    assert len(json.dumps(response)) < 1000


# ------------------------------------------------------------------------------------------------------------ publish


def test_what_a_client_publishes_is_heard_by_all_who_subscribed() -> None:
    room = Room()
    writer, reader = room.reader(), room.reader("ea_updates", "alerts")
    reader.take()
    answers = [
        writer.say("publish", channel="ea_updates", data={"ea_id": 5, "profit": 1.5}),
        writer.say("publish", channel="alerts", data={"level": "info"}, key="EURUSD"),
    ]
    assert [answer["data"] for answer in answers] == [
        {"status": "published", "channel": "ea_updates", "position": 1},
        {"status": "published", "channel": "alerts", "position": 2, "seq": 1},
    ]
    room.settle()
    assert [(m["key"], m["data"]) for m in reader.take()] == [
        ("5", {"ea_id": 5, "profit": 1.5}),
        ("EURUSD", {"level": "info"}),
    ]


def test_who_wants_no_answer_to_what_it_publishes_gets_none_but_a_refusal() -> None:
    writer = Room().reader()
    assert writer.outputs("publish", channel="alerts", data={}, ack=False) == []
    assert writer.say("publish", channel="nonsense", data={}, ack=False)["data"]["code"] == "unknown_channel"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ({"channel": "prices", "data": {}}, "unknown_channel"),
        ({"channel": "alerts:5", "data": {}}, "unknown_channel"),
        ({"channel": "alerts", "data": []}, "invalid_message"),
        ({"channel": "alerts"}, "invalid_message"),
        ({"channel": "alerts", "data": {}, "key": 1.5}, "invalid_message"),
        ({"channel": "ea_updates", "data": {"profit": 1}}, "invalid_data"),
        ({"channel": "ea_updates", "data": {"ea_id": True}}, "invalid_data"),
        ({"channel": "ea_updates", "data": {}, "key": ""}, "invalid_data"),
        ({"channel": "ea_updates", "data": {}, "key": "x" * 300}, "invalid_data"),
    ],
    ids=str,
)
def test_what_can_not_be_published_is_an_error_to_its_publisher_and_nobody_hears_it(
    data: dict[str, Any], code: str
) -> None:
    room = Room()
    assert room.reader().say("publish", **data)["data"]["code"] == code
    assert room.hub.position == 0


# -------------------------------------------------------------------------------------------------- errors and limits


def test_the_thirty_third_malformed_message_in_a_minute_ends_it() -> None:
    session = new_session()
    assert play(session, *[b"x"] * 32) == ["malformed_json"] * 32
    assert play(session, b"x") == ["malformed_json", "4005"]


def test_errors_are_forgiven_with_time() -> None:
    session = new_session()
    for minute in range(10):
        assert "4005" not in play(session, *[b"x"] * 32, now=minute * 60.0)
    assert "4005" not in play(session, b"x", now=600.0 - 58.0)


def test_what_is_right_costs_nothing_of_the_budget_of_errors() -> None:
    session = new_session()
    assert "4005" not in play(session, RIGHT, *[HEARTBEAT, SUBSCRIBE] * 200)


def test_an_error_names_its_request_twice_for_those_who_look_in_either_place() -> None:
    (output,) = new_session().receive(b'{"type":"subscribe","id":"r-1","data":{"channels":[]}}', 0.0, UTC)
    assert isinstance(output, bytes)
    (answer,) = unframe(output)
    assert (answer["id"], answer["data"]["id"], answer["data"]["temporary"]) == ("r-1", "r-1", False)
    assert "authenticate first" in answer["data"]["message"]


# ------------------------------------------------------------------------------------------------------- what is due


def due(session: Session, now: float) -> str | None:
    output = session.check(now)
    if isinstance(output, Close):
        return str(output.code.code)
    return "ping" if isinstance(output, Ping) else None


def test_without_authentication_it_ends_at_the_deadline_and_not_before() -> None:
    session = new_session(now=100.0)
    assert session.next_deadline() == 110.0
    assert due(session, 109.9) is None
    assert due(session, 110.0) == "4002"


def test_heartbeats_do_not_stand_for_authentication() -> None:
    session = new_session()
    play(session, HEARTBEAT, now=9.0)
    session.heartbeat.seen_at = 9.0
    assert due(session, 10.0) == "4002"


def test_who_is_authenticated_has_no_such_deadline() -> None:
    session = new_session()
    play(session, RIGHT, now=9.0)
    session.heartbeat.seen_at = 9.0
    assert due(session, 10.0) is None
    assert session.next_deadline() == 30.0


def test_silence_is_pinged_and_then_lost() -> None:
    session = new_session()
    play(session, RIGHT)
    assert [due(session, now) for now in (29.0, 30.0, 31.0, 59.9, 60.0)] == [None, "ping", None, None, "4200"]


def test_a_stalled_reader_is_given_its_time_and_then_closed() -> None:
    session = new_session(stall_timeout_s=30.0)
    play(session, RIGHT)
    session.stall(5.0)
    assert session.next_deadline() == 35.0
    assert due(session, 34.9) is None, "no ping either: it could not be written"
    assert due(session, 35.0) == "4101"


def test_a_stall_that_ends_is_forgiven_and_counts_as_a_sign_of_life() -> None:
    session = new_session(stall_timeout_s=100.0)
    play(session, RIGHT)
    session.stall(5.0)
    session.drain(90.0)
    assert [due(session, now) for now in (91.0, 100.0, 121.0, 149.9, 150.0)] == ["ping", None, "ping", None, "4200"]


def test_the_states_of_a_life() -> None:
    room = Room()
    reader = Reader(room, authenticated=False)
    session = reader.session
    seen = [session.state]
    reader.say("auth", token=TOKEN)
    seen.append(session.state)
    reader.subscribe("alerts")
    seen.append(session.state)
    room.settle()
    seen.append(session.state)
    room.pause(reader)
    seen.append(session.state)
    room.drained(reader)
    room.settle()
    seen.append(session.state)
    session.closing = True
    seen.append(session.state)
    assert seen == [
        State.connected,
        State.authenticated,
        State.lagging,
        State.live,
        State.lagging,
        State.live,
        State.closing,
    ]


def test_a_close_gives_its_reason() -> None:
    session = new_session()
    output = session.check(10.0)
    assert output == Close(CloseCode.auth_timeout, "no authentication within 10 s")
    assert closes([Ping(), Close(CloseCode.normal, "")]) == [1000]


# ------------------------------------------------------------------------------------------------------------- roles

ASKS = {
    "hear": [SUBSCRIBE, UNSUBSCRIBE],
    "publish": [{"type": "publish", "data": {"channel": "alerts", "data": {}}}],
    "acknowledge": [{"type": "alert_ack", "data": {"alert_id": 5}}],
    "report": [
        {"type": kind, "data": {}}
        for kind in (
            "ea_report",
            "account_report",
            "deal",
            "news_report",
            "price_report",
            "positions_report",
        )
    ],
}


@pytest.mark.parametrize("role", Role)
def test_a_role_may_what_the_table_says_and_a_heartbeat(role: Role) -> None:
    session = new_session()
    session.identity = Identity(role)
    assert play(session, HEARTBEAT) == ["heartbeat_response"]
    rights = {right.name for right in RIGHTS[role]}
    for right, messages in ASKS.items():
        for message in messages:
            assert (play(session, message) == ["forbidden"]) == (right not in rights), message


def test_reports_and_acknowledgements_go_to_the_desk() -> None:
    session = new_session()
    session.identity = Identity(Role.operator)
    assert play(session, *ASKS["acknowledge"]) == ["no_reports_taken"]
    told: list[Any] = []

    def acknowledge(alert_id: int, by: str, scope: object) -> None:
        if alert_id != 5:
            raise NotFoundError(f"there is no open alert {alert_id}")
        told.append((alert_id, by))

    session._house.desk.acknowledge = acknowledge
    assert play(session, *ASKS["acknowledge"]) == []
    assert play(session, {"type": "alert_ack", "data": {"alert_id": 6}}) == ["not_found"]
    assert play(session, {"type": "alert_ack", "data": {"alert_id": 0}}) == ["invalid_message"]
    session.identity = Identity(Role.expert)
    session._house.desk.take = lambda kind, data, *_: told.append((kind, data))
    assert play(session, {"type": "price_report", "data": {"symbol": "EURUSD"}}) == []
    assert told == [(5, "operator"), ("price_report", {"symbol": "EURUSD"})]


def test_a_report_that_can_not_be_kept_is_to_be_sent_again_and_costs_nobody_the_connection() -> None:
    session = new_session()
    session.identity = Identity(Role.expert)

    def take(kind: str, data: dict[str, Any], *_: Any) -> None:
        raise StoreError("no more reports are taken: the disk is full")

    session._house.desk.take = take
    report = {"type": "price_report", "data": {"symbol": "EURUSD"}}
    assert play(session, *[report] * 100) == ["not_kept"] * 100


def test_who_is_behind_is_answered_all_the_same_and_told_nothing_else() -> None:
    written: list[bytes] = []
    session = Session(new_house(), "c1", "127.0.0.1", written.append, 0.0, UTC)
    session.paused = True
    answer = CommandResponse(data=CommandResponseData(status="accepted", command_id="c7"), timestamp=UTC, id=3)
    assert session.tell(answer) is False
    assert written == []
    session.answer(answer)
    assert [message["id"] for payload in written for message in unframe(payload)] == [3]
    session.closing = True
    session.answer(answer)
    assert len(written) == 1
