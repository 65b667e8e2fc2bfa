"""What each endpoint asks of the fleet, and what it gives."""

import msgspec
import pytest

from fleetwire.ports import ExpertQuery, TradeQuery
from fleetwire.server.server import WebSocketServer
from fleetwire.wire import rows
from tests.server.api.caller import Caller
from tests.server.api.conftest import EXPERT_TOKEN
from tests.server.api.desk import NEWS, Desk, report_of
from tests.server.support import Raw, said


@pytest.mark.parametrize(
    ("path", "row", "count"),
    [
        ("accounts", rows.AccountRow, 2),
        ("terminals", rows.TerminalRow, 1),
        ("terminals?account=Broker-Demo/5", rows.TerminalRow, 1),
        ("terminals?account=Broker-Demo/6", rows.TerminalRow, 0),
        ("experts", rows.ExpertRow, 10),
        ("positions", rows.PositionRow, 10),
        ("positions?ea_id=3", rows.PositionRow, 1),
        ("trades", rows.TradeRow, 1),
        ("deals", rows.DealRow, 1),
        ("alerts", rows.AlertRow, 3),
        ("news", rows.NewsRow, 1),
        ("prices", rows.PriceRow, 1),
        ("prices?symbol=GBPUSD", rows.PriceRow, 0),
    ],
)
async def test_lists_are_pages_of_rows(caller: Caller, path: str, row: type, count: int) -> None:
    reply = await caller.get(f"/api/v1/{path}")
    assert reply.status == 200
    assert reply.headers["content-type"] == "application/json"
    page = msgspec.convert(reply.json, rows.Page)
    assert len([msgspec.convert(item, row) for item in page.items]) == count


async def test_everything_at_a_glance_and_one_expert(caller: Caller, desk: Desk) -> None:
    assert msgspec.convert((await caller.get("/api/v1/fleet")).json, rows.FleetRow) == desk.fleet()
    assert msgspec.convert((await caller.get("/api/v1/experts/3")).json, rows.ExpertRow) == desk.rows[2]
    missing = await caller.get("/api/v1/experts/999")
    assert (missing.status, missing.code) == (404, "not_found")
    assert "999" in missing.json["detail"]


async def test_experts_are_asked_for_by_every_filter(caller: Caller, desk: Desk) -> None:
    await caller.get(
        "/api/v1/experts?symbol=EURUSD&strategy=s&group=g&account=Broker-Demo/5&status=active&link=late&text=x&limit=7&cursor=2"
    )
    assert desk.asked == [
        ExpertQuery(
            symbol="EURUSD",
            strategy="s",
            group="g",
            account=("Broker-Demo", 5),
            status="active",
            link="late",
            text="x",
            after=2,
            limit=7,
        )
    ]


async def test_trades_and_deals_are_asked_for_by_every_filter(caller: Caller, desk: Desk) -> None:
    query = "ea_id=1&account=Broker-Demo/5&symbol=EURUSD&position_id=0&from=5&until=1970-01-01T00:00:01Z"
    query += "&limit=9&cursor=older"
    asked = TradeQuery(
        ea_id=1,
        account=("Broker-Demo", 5),
        symbol="EURUSD",
        position_id=0,
        from_ms=5,
        until_ms=1000,
        before="older",
        limit=9,
    )
    await caller.get(f"/api/v1/deals?{query}")
    await caller.get(f"/api/v1/trades?{query}&status=open")
    assert desk.asked == [asked, msgspec.structs.replace(asked, status="open")]
    await caller.get("/api/v1/trades?strategy=grid")
    assert desk.asked[2:] == [TradeQuery(), "grid"]
    reply = await caller.get("/api/v1/trades?from=2000&until=1000")
    assert (reply.status, reply.code) == (400, "wrong_parameter")


@pytest.mark.parametrize("path", ["experts?limit=3", "positions?limit=3", "positions?symbol=EURUSD&limit=4"])
async def test_the_links_lead_through_all_rows_once(caller: Caller, path: str) -> None:
    names, link = [], f"/api/v1/{path}"
    for _ in range(10):
        reply = await caller.get(link)
        names += [row.get("ticket", row["ea_id"]) for row in reply.json["items"]]
        if "link" not in reply.headers:
            assert "next" not in reply.json
            break
        assert reply.headers["link"].endswith('; rel="next"')
        link = reply.headers["link"][1:].partition(">")[0]
    assert sorted(names) == list(range(1, 11))


@pytest.mark.parametrize(
    "path", ["experts?cursor=x", "positions?cursor=x", "alerts?cursor=-1", "experts?cursor=" + "9" * 30]
)
async def test_a_cursor_that_nobody_gave_is_refused(caller: Caller, path: str) -> None:
    assert (await caller.get(f"/api/v1/{path}")).code == "wrong_parameter"


@pytest.mark.parametrize(
    ("query", "subject"),
    [("ea_id=1", "ea:1"), ("account=Broker-Demo/5", "account:Broker-Demo/5"), ("currency=USD", "currency:USD")],
)
async def test_a_curve_is_of_one_subject_and_of_the_last_day_where_nothing_else_is_said(
    caller: Caller, desk: Desk, query: str, subject: str
) -> None:
    reply = await caller.get(f"/api/v1/equity?{query}")
    assert reply.json["subject"] == subject
    assert reply.json["until_utc"] == "1970-01-01T00:16:40.000Z"
    assert reply.json["points"][0]["equity_max"] == 101.0
    await caller.get(f"/api/v1/equity?{query}&from=500000&until=600000&points=2")
    await caller.get(f"/api/v1/equity?{query}&until=200000000")
    await caller.get(f"/api/v1/equity?{query}&from=200000000")
    assert desk.asked == [
        (subject, 0, 1_000_000, 500),
        (subject, 500_000, 600_000, 2),
        (subject, 0, 200_000_000, 500),
        (subject, 200_000_000, 200_000_000, 500),
    ]


@pytest.mark.parametrize("query", ["", "ea_id=1&currency=USD", "ea_id=1&points=1", "ea_id=1&points=5001"])
async def test_no_subject_two_of_them_or_points_without_number_are_refused(caller: Caller, query: str) -> None:
    assert (await caller.get(f"/api/v1/equity?{query}")).code == "wrong_parameter"


async def test_figures_are_given_or_their_subject_is_said_to_be_unknown(caller: Caller) -> None:
    reply = await caller.get("/api/v1/statistics?ea_id=1")
    assert reply.json == {"subject": "ea:1", "statistics": {"trades": 3, "profit_factor": 1.4}}
    assert (await caller.get("/api/v1/statistics?ea_id=2")).code == "not_found"


async def test_news_are_those_from_a_day_ago_to_a_week_from_now(caller: Caller, desk: Desk) -> None:
    reply = await caller.get("/api/v1/news?limit=5")
    assert msgspec.convert(reply.json["items"][0], rows.NewsRow) == NEWS
    assert desk.asked == [(0, 1_000_000 + 7 * 86_400_000, 5)]


async def test_an_alert_is_acknowledged_once_it_is_known(caller: Caller) -> None:
    reply = await caller.call("POST /api/v1/alerts/2/ack")
    assert (reply.json["status"], reply.json["acknowledged_by"]) == ("acknowledged", "admin")
    missing = await caller.call("POST /api/v1/alerts/99/ack")
    assert (missing.status, missing.code) == (404, "not_found")


async def test_the_socket_acknowledges_too(server: WebSocketServer, desk: Desk) -> None:
    desk.acknowledged = lambda row: server.publish("alert", row)
    client = await (await Raw.connect(server)).join("alerts")
    client.send(said("alert_ack", 1, alert_id=3))
    alert = await client.message()
    assert (alert["type"], alert["data"]["alert_id"], alert["data"]["status"]) == ("alert", 3, "acknowledged")
    client.send(said("alert_ack", 2, alert_id=99))
    error = await client.message()
    assert (error["id"], error["data"]["code"]) == (2, "not_found")
    await client.end()


async def test_an_expert_reports_over_the_socket_and_may_nothing_else(server: WebSocketServer, desk: Desk) -> None:
    client = await Raw.connect(server)
    await client.upgrade()
    client.send(said("auth", token=EXPERT_TOKEN), said("price_report", symbol="EURUSD"), said("deal", 1, wrong=True))
    assert (await client.message())["data"]["role"] == "expert"
    assert (await client.message())["data"]["code"] == "invalid_data"
    client.send(said("subscribe", 2, channels=["alerts"]), said("alert_ack", 3, alert_id=1), said("heartbeat", 4))
    answers = [await client.message() for _ in range(3)]
    assert [answer["data"].get("code", answer["type"]) for answer in answers] == [
        "forbidden",
        "forbidden",
        "heartbeat_response",
    ]
    assert desk.taken == [("price_report", {"symbol": "EURUSD"})]
    await client.end()


@pytest.mark.parametrize("path", ["/api/v1/ea/report", "/api/v1/report"])
async def test_a_report_is_taken_and_its_receipt_says_what_to_do_next(caller: Caller, desk: Desk, path: str) -> None:
    reply = await caller.call(f"POST {path}", body=report_of(3), token=EXPERT_TOKEN)
    assert reply.status == 200
    assert reply.json["accepted"] == 3
    assert reply.json["ea_ids"] == [1, 2, 3]
    assert reply.json["next_report_s"] == 1.0
    assert len(desk.reports[0].experts[0].positions or ()) == 1


async def test_a_report_that_is_none_is_refused(caller: Caller, desk: Desk) -> None:
    reply = await caller.call("POST /api/v1/ea/report", body=b'{"experts": [{"ea_id": -1}]}')
    assert (reply.status, reply.code) == (422, "invalid_data")
    assert "ea_id" in reply.json["detail"] or "expert" in reply.json["detail"]
    assert desk.reports == []


async def test_readiness_is_the_desks(caller: Caller, desk: Desk) -> None:
    assert (await caller.get("/readyz")).json == {"ready": True, "checks": {"store": "ok"}}
    desk.checks = {"store": "the disk is full"}
    reply = await caller.get("/readyz")
    assert (reply.status, reply.json) == (503, {"ready": False, "checks": {"store": "the disk is full"}})


async def test_who_is_connected_is_listed_in_pages(server: WebSocketServer, caller: Caller) -> None:
    clients = [await (await Raw.connect(server)).join("alerts") for _ in range(3)]
    first = (await caller.get("/api/v1/clients?limit=2")).json
    rest = (await caller.get(f"/api/v1/clients?limit=2&cursor={first['next']}")).json
    listed = first["items"] + rest["items"]
    assert {one["client_id"] for one in listed} == {one.client_id for one in server.get_connected_clients()}
    assert len(listed) == first["total"] == 3
    for client in clients:
        await client.end()


# ------------------------------------------------------------------------------------------------------------- ETags


async def test_what_is_listed_from_memory_is_not_made_again_while_the_fleet_is_unchanged(
    caller: Caller, desk: Desk
) -> None:
    etag = (await caller.get("/api/v1/experts?limit=2")).headers["etag"]
    assert etag.startswith('W/"')
    made = len(desk.asked)
    reply = await caller.get("/api/v1/experts?limit=2", f"If-None-Match: {etag}")
    assert (reply.status, reply.body, reply.headers["etag"]) == (304, b"", etag)
    assert len(desk.asked) == made
    assert (await caller.get("/api/v1/experts?limit=3", f"If-None-Match: {etag}")).status == 200
    desk.changes += 1
    assert (await caller.get("/api/v1/experts?limit=2", f'If-None-Match: "x", {etag}')).status == 200


async def test_what_comes_from_the_store_is_known_by_its_content(caller: Caller, desk: Desk) -> None:
    etag = (await caller.get("/api/v1/alerts")).headers["etag"]
    desk.changes += 1
    assert (await caller.get("/api/v1/alerts", f'If-None-Match: "x", {etag}')).status == 304
    await caller.call("POST /api/v1/alerts/1/ack")
    assert (await caller.get("/api/v1/alerts", f"If-None-Match: {etag}")).status == 200


async def test_tags_of_two_servers_are_never_the_same(server: WebSocketServer, caller: Caller, desk: Desk) -> None:
    async with WebSocketServer(port=0, auth_token=server.auth_token) as other:
        other.serve_fleet(desk)
        second = await Caller.connect(other)
        tags = [(await one.get("/api/v1/fleet")).headers["etag"] for one in (caller, second)]
        await second.end()
    assert tags[0] != tags[1]
