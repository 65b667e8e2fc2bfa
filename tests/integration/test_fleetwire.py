"""The whole, as a program uses it: reports in, figures out, kept over restarts."""

import asyncio
import json
from pathlib import Path

import aiohttp
import msgspec
import pytest
from websockets import connect

from fleetwire import Fleetwire, WebSocketClient, WebSocketServer
from fleetwire.fleet.events import ExpertReport
from fleetwire.integration.desk import Desk
from fleetwire.integration.fleetwire import checked
from fleetwire.wire.errors import ConfigError, DataError, StoreError
from fleetwire.wire.moment import utc_text
from tests.integration.support import LONDON, TOKEN, account, deal, expert, hear, resumed, whole


async def test_a_program_reports_and_asks() -> None:
    async with whole(":memory:") as fw:
        await fw.report(account(1150.75, balance=1000.0), expert(150.75))
        assert fw.portfolio.totals["USD"].equity == 1150.75
        assert fw.portfolio.row.total_profit == 150.75
        assert fw.alerts == []
        await fw.report(account(500.0), expert(0.0))
        await fw.report(account(500.0), expert(0.0))
        (alert,) = [row for row in fw.alerts if row.rule == "ea_drawdown"]
        assert fw.acknowledge(alert.alert_id, "me").status == "acknowledged"


async def test_a_mapping_of_the_same_shape_will_do() -> None:
    who = msgspec.to_builtins(LONDON)
    async with whole(":memory:") as fw:
        await fw.report(
            {"server": "Broker-Demo", "login": 5, "currency": "USD", "equity": 900.0},
            {"expert": who, "ea_id": 7, "status": "paused"},
            {"type": "deal", "expert": who, "deal": msgspec.to_builtins(deal(1).deal)},
        )
        assert fw.service.fleet.experts[7].report.status == "paused"
        assert fw.portfolio.totals["USD"].equity == 900.0


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"what": 1}, "the report has no type"),
        ("x", "a report is a Struct of fleetwire.fleet.events or a mapping, not str"),
        ({"expert": {"server": "Demo"}}, "ea_report: expert.login: is missing"),
        (account(float("nan")), "account_report: balance: must be"),
        (deal(0), "deal: deal.ticket: must be >= 1"),
        (deal(1, volume=-0.1), "deal: deal.volume: must be >= 0"),
    ],
)
async def test_what_is_wrong_is_refused_and_nothing_of_the_call_is_taken(wrong: object, said: str) -> None:
    async with whole(":memory:") as fw:
        with pytest.raises(DataError, match=said):
            await fw.report(expert(), wrong)  # type: ignore[arg-type]
        assert not fw.service.fleet.experts
    assert checked(expert()) == expert()


async def test_a_restart_loses_nothing_and_a_client_that_resumes_hears_what_it_missed(tmp_path: Path) -> None:
    path = tmp_path / "fleet.db"
    async with whole(path) as fw:
        await fw.report(account(1010.0, balance=1000.0), expert(10.0), *(deal(n, 1.0) for n in range(1, 6)))
        async with WebSocketClient(fw.server.url, TOKEN) as client:
            heard = await hear(client, ["trade_updates"], 5, history=5)
        assert [message.data["ticket"] for message in heard] == [1, 2, 3, 4, 5]
        await fw.report(*(deal(n, 1.0) for n in range(6, 9)))
        epoch, before = fw.server.hub.epoch, fw.server.hub.position
        row, figures = fw.portfolio.row, fw.service.fleet.experts[12345].metrics
    async with whole(path) as fw:
        assert (fw.server.hub.epoch, fw.server.hub.position > before) == (epoch, True)
        assert fw.service.fleet.experts[12345].metrics == figures
        assert fw.portfolio.row == row
        assert heard[2].position is not None
        missed = await resumed(fw.server.url, ["trade_updates"], epoch, heard[2].position)
        assert [(m["type"], m["data"]["ticket"], m["seq"]) for m in missed] == [
            ("trade_update", n, n) for n in range(4, 9)
        ]
        await fw.report(deal(8, 1.0), deal(9, 1.0))
        async with WebSocketClient(fw.server.url, TOKEN) as client:
            (last,) = await hear(client, ["trade_updates"], 1, history=1)
        assert (last.data["ticket"], last.seq) == (9, 9)


async def test_alerts_and_news_go_on_over_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "fleet.db"
    async with whole(path) as fw:
        at = fw.service.clock.moment()
        soon = at.utc_ms + 600_000
        event = {"id": 1, "time_utc": at.utc[:11] + "00:00:00Z", "currency": "USD", "importance": "high", "name": "NFP"}
        await fw.report(account(1000.0), expert(100.0), {**event, "time_utc": utc_text(soon)})
        await fw.report(account(500.0), expert(0.0))
        opened = {(row.alert_id, row.rule) for row in fw.alerts}
        assert {"ea_drawdown"} <= {rule for _, rule in opened}
        assert fw.portfolio.row.trading_blocked == ["EURUSD"]
        (listed,) = (await Desk(fw.service).news(at.utc_ms, soon + 1, 10)).items
    async with whole(path) as fw:
        assert (await Desk(fw.service).news(at.utc_ms, soon + 1, 10)).items == [listed]
        assert (listed.blackout_until_utc, listed.symbols) == (utc_text(soon + 1_800_000), ["EURUSD"])
        assert opened <= {(row.alert_id, row.rule) for row in fw.alerts}
        assert fw.portfolio.row.trading_blocked == ["EURUSD"]
        await fw.report(account(500.0), expert(0.0))
        assert len([row for row in fw.alerts if row.rule == "ea_drawdown"]) == 1, "raised once"
        page = await fw.service.keeper.store.news(at.utc_ms, soon + 1, 10)  # type: ignore[union-attr]
        assert [news.id for news in page] == ["1"]


async def test_what_was_acknowledged_is_on_disk_before_anybody_is_told_that_it_is(tmp_path: Path) -> None:
    """Another connection reads it from the file while the server runs on."""
    import apsw

    path = tmp_path / "fleet.db"
    async with whole(path) as fw:
        await fw.report(account(), expert(5.0), deal(1, 1.0))
        seen = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        assert seen.execute("SELECT count(*) FROM deals").fetchall() == [(1,)]
        assert seen.execute("SELECT count(*) FROM experts").fetchall() == [(1,)]
        assert seen.execute("SELECT count(*) FROM events").get >= 1
        seen.close()


async def test_a_second_server_on_the_same_database_is_refused(tmp_path: Path) -> None:
    async with whole(tmp_path / "fleet.db"):
        with pytest.raises(StoreError, match="in use"):
            await whole(tmp_path / "fleet.db").start()


async def test_a_server_that_runs_already_can_not_go_on_where_another_ended(tmp_path: Path) -> None:
    fw = whole(tmp_path / "fleet.db")
    async with fw.server:
        with pytest.raises(ConfigError, match="start the service first"):
            await fw.service.start()


async def test_a_port_that_is_taken_leaves_the_database_free(tmp_path: Path) -> None:
    async with WebSocketServer(port=0, auth_token=TOKEN) as other:
        taken = Fleetwire({"port": other.port, "auth_token": TOKEN, "database": str(tmp_path / "fleet.db")})
        with pytest.raises(OSError, match="is taken by another program"):
            await taken.start()
    async with whole(tmp_path / "fleet.db"):
        pass


async def test_a_drop_folder_and_a_calendar_of_the_settings_are_sources(tmp_path: Path) -> None:
    folder, calendar = tmp_path / "drop", tmp_path / "week.json"
    folder.mkdir()
    body = {
        "account": msgspec.to_builtins(account(), str_keys=True),
        "experts": [{"expert": msgspec.to_builtins(LONDON)}],
    }
    body["account"].pop("type")  # type: ignore[union-attr]
    (folder / "a.json").write_bytes(msgspec.json.encode(body))
    async with whole(":memory:", drop_folder=str(folder)) as fw, asyncio.timeout(10):
        now = fw.service.clock.moment()
        week = [{"title": "CPI", "country": "USD", "date": now.utc, "impact": "High", "forecast": "", "previous": ""}]
        calendar.write_bytes(msgspec.json.encode(week))
        while not fw.service.fleet.experts:
            await asyncio.sleep(0.01)
    async with whole(":memory:", calendars=[str(calendar)]) as fw, asyncio.timeout(10):
        while not len(fw.service.news):
            await asyncio.sleep(0.01)


def test_what_settings_say_is_checked() -> None:
    with pytest.raises(ConfigError, match="config: unknown setting prot: did you mean port"):
        Fleetwire({"prot": 1})
    with pytest.raises(ConfigError, match="silences"):
        Fleetwire({"silences": {"late_after_s": 50}})
    with pytest.raises(ConfigError, match=r"server_times.*dst must be one of"):
        Fleetwire({"server_times": {"Demo": {"utc_offset_s": 0, "dst": "mars"}}})
    with pytest.raises(ConfigError) as refused:
        Fleetwire({"notify": {"urls": {"phone": "tgram://canary"}, "level_min": "loud"}})
    assert "canary" not in str(refused.value)


def test_a_report_is_a_report_whatever_its_form() -> None:
    assert checked({"type": "ea_report", "expert": msgspec.to_builtins(LONDON)}) == ExpertReport(expert=LONDON)


async def test_a_person_learns_of_whatever_is_refused_however_it_came(tmp_path: Path) -> None:
    """Who sends a report may not look at the answer: a deal that is missing then makes every figure wrong."""
    folder = tmp_path / "drop"
    folder.mkdir()
    (folder / "wrong.json").write_text(
        '{"account": {"server": "Broker-Demo", "login": 5, "currency": "USD"}, "deals": [{}]}'
    )
    async with whole(tmp_path / "fleet.db", drop_folder=str(folder), expert_token="an-expert") as fw:
        url, headers = f"http://127.0.0.1:{fw.server.port}/api/v1/ea/report", {"Authorization": "Bearer an-expert"}
        async with aiohttp.ClientSession(headers=headers) as session:
            for body in ({"experts": [{"expert": {"name": ""}}]}, {"account": {}}):
                async with session.post(url, json=body) as answer:
                    assert answer.status in (200, 422)
        async with connect(f"ws://127.0.0.1:{fw.server.port}") as raw:
            await raw.send(json.dumps({"type": "auth", "data": {"token": "an-expert"}}))
            await raw.send(json.dumps({"type": "deal", "data": {"deal": {"ticket": 1, "volume": -1}}}))
            async with asyncio.timeout(10):
                while json.loads(await raw.recv())["type"] != "error":
                    pass
                while len(fw.alerts) < 4:
                    await asyncio.sleep(0.01)
        assert {alert.rule for alert in fw.alerts} == {"report_refused"}
        assert {alert.subject for alert in fw.alerts} == {
            f"report:{what}" for what in ("file", "experts", "body", "deal")
        }
        assert any("wrong.json: deals[0].ticket: is missing" in alert.message for alert in fw.alerts)
