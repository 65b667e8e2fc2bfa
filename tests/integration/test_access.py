"""A token for a part of the fleet: what it hears, reads, reports and acknowledges, by every way, over a restart."""

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from websockets.asyncio.client import ClientConnection, connect

from fleetwire import Fleetwire
from fleetwire.fleet.events import ExpertId, ExpertReport
from fleetwire.integration.tokens import KeptTokens
from fleetwire.wire.audit import AuditTrail, verify
from fleetwire.wire.errors import NotFoundError, StoreError
from fleetwire.wire.tokens import Binding, TokenRequest
from tests.integration.scoping import GROUPS, IDS, LONDON, PARIS, TOKYO, Asker, account, deal, desk, report, token_for
from tests.integration.support import TOKEN, whole

CHANNELS = ["ea_updates", "portfolio_updates", "trade_updates", "alerts"]


async def heard(fleet: Fleetwire, token: str, *channels: str, **words: Any) -> list[dict[str, Any]]:
    """Subscribe with the past, and give everything until what is there has been told."""
    async with asyncio.timeout(10), connect(fleet.server.url) as link:
        await say(link, "auth", token=token)
        await say(link, "subscribe", channels=list(channels or CHANNELS), **{"history": 100, **words})
        messages = [json.loads(await link.recv())]
        while messages[-1]["type"] != "snapshot_end":
            messages.append(json.loads(await link.recv()))
    return [message for message in messages if "channel" in message or message["type"] == "gap"]


async def say(link: ClientConnection, kind: str, **data: Any) -> None:
    await link.send(json.dumps({"type": kind, "data": data, "id": 1}))


def subjects(messages: list[dict[str, Any]]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for message in messages:
        about = message["data"].get("ea_id") or message["data"].get("portfolio")
        found.setdefault(message["type"], []).append(about)
    return {kind: sorted(each) for kind, each in found.items()}


SEEN = [
    ({"accounts": ("Broker-Demo/5",)}, [101, 102]),
    ({"experts": (103,)}, [103]),
    ({"groups": ("gold",)}, [102, 103]),
    ({"accounts": ("Broker-Live/6",), "experts": (101,)}, [101, 103]),
    ({"groups": ("silver",)}, []),
]


@pytest.mark.parametrize(("scopes", "ids"), SEEN)
async def test_it_hears_its_part_and_no_sum_of_the_whole(
    fleet: Fleetwire, scopes: dict[str, Any], ids: list[int]
) -> None:
    told = subjects(await heard(fleet, await token_for(fleet, **scopes)))
    assert told == ({"ea_update": ids, "trade_update": ids} if ids else {})
    assert subjects(await heard(fleet, TOKEN)) == {
        "ea_update": [101, 102, 103],
        "portfolio_update": ["total"],
        "trade_update": [101, 102, 103],
    }


@pytest.mark.parametrize(("scopes", "ids"), SEEN)
async def test_it_reads_its_part_and_the_rest_does_not_exist(
    fleet: Fleetwire, session: aiohttp.ClientSession, scopes: dict[str, Any], ids: list[int]
) -> None:
    ask = Asker(fleet, await token_for(fleet, **scopes), session)
    accounts = scopes.get("accounts", ())
    for path in ("experts", "positions", "trades", "deals"):
        status, page = await ask(path)
        assert (status, sorted(row["ea_id"] for row in page["items"])) == (200, ids), path
    assert [row["account"] for row in (await ask("accounts"))[1]["items"]] == list(accounts)
    for ea_id in IDS.values():
        known = 200 if ea_id in ids else 404
        for path in (f"experts/{ea_id}", f"statistics?ea_id={ea_id}", f"equity?ea_id={ea_id}"):
            assert (await ask(path))[0] == known, path
        assert len((await ask(f"trades?ea_id={ea_id}"))[1]["items"]) == (known == 200)
    for name in ("Broker-Demo/5", "Broker-Live/6", "Nobodys/7"):
        assert (await ask(f"equity?account={name}"))[0] == (200 if name in accounts else 404)
        assert (await ask(f"statistics?account={name}"))[0] == (200 if name in accounts else 404)
    assert (await ask("statistics?currency=USD"))[0] == 404
    for path in ("fleet", "clients", "tokens"):
        assert (await ask(path))[0] == 403, path
    assert (await ask("news"))[0] == (await ask("prices"))[0] == 200


async def test_trades_of_a_strategy_are_those_of_its_experts_and_of_ones_part(
    fleet: Fleetwire, session: aiohttp.ClientSession
) -> None:
    admin, viewer = (Asker(fleet, token, session) for token in (TOKEN, await token_for(fleet, experts=(103,))))
    assert [row["ea_id"] for row in (await admin("trades?strategy=Paris"))[1]["items"]] == [102]
    assert [row["ea_id"] for row in (await viewer("trades?strategy=Tokyo"))[1]["items"]] == [103]
    for ask, strategy in ((viewer, "Paris"), (admin, "Rome")):
        assert (await ask(f"trades?strategy={strategy}"))[1]["items"] == []


async def test_pages_of_a_part_are_whole(fleet: Fleetwire, session: aiohttp.ClientSession) -> None:
    ask = Asker(fleet, await token_for(fleet, groups=("gold",)), session)
    found: list[int] = []
    cursor = ""
    while True:
        page = (await ask(f"deals?limit=1{cursor}"))[1]
        found += [row["ea_id"] for row in page["items"]]
        if "next" not in page:
            break
        cursor = f"&cursor={page['next']}"
    assert sorted(found) == [102, 103]


async def test_channels_limit_what_is_read_as_well(fleet: Fleetwire, session: aiohttp.ClientSession) -> None:
    ask = Asker(fleet, await token_for(fleet, channels=("trade_updates", "news_updates")), session)
    statuses = {
        path: (await ask(path))[0] for path in ("trades", "deals", "news", "experts", "alerts", "fleet", "prices")
    }
    assert [path for path, status in statuses.items() if status == 200] == ["trades", "deals", "news"]
    assert set(statuses.values()) == {200, 403}


async def test_alerts_are_of_its_part_and_so_are_acknowledgements(
    fleet: Fleetwire, session: aiohttp.ClientSession
) -> None:
    for expert in IDS:  # each claims the id of another
        claimed = ExpertId(expert.server, expert.login, 90 + expert.magic, "XAUUSD", "Rival")
        await fleet.report(ExpertReport(expert=claimed, ea_id=IDS[expert], group=GROUPS[expert]))
    alerts = {row.ea_id: row.alert_id for row in fleet.alerts}
    assert len(alerts) == 3
    rivals = {fleet.service.fleet.experts[ea_id].expert.server: ea_id for ea_id in alerts if ea_id is not None}
    live, demo = rivals["Broker-Live"], rivals["Broker-Demo"]
    token = await token_for(fleet, "operator", accounts=("Broker-Live/6",))
    ask = Asker(fleet, token, session)
    for status in ("open", "raised"):
        assert [row["ea_id"] for row in (await ask(f"alerts?status={status}"))[1]["items"]] == [live]
    assert subjects(await heard(fleet, token, "alerts"))["alert"] == [live]
    refused, unknown = await ask(f"alerts/{alerts[demo]}/ack", "POST"), await ask("alerts/99999/ack", "POST")
    assert refused[0] == unknown[0] == 404
    assert refused[1]["detail"].replace(str(alerts[demo]), "0") == unknown[1]["detail"].replace("99999", "0")
    status, row = await ask(f"alerts/{alerts[live]}/ack", "POST")
    assert (status, row["acknowledged_by"]) == (200, desk(fleet).listed()[-1].token_id)


async def test_after_a_restart_events_are_still_only_for_whom_they_were(fleet: Fleetwire, tmp_path: Path) -> None:
    token = await token_for(fleet, experts=(103,))
    epoch, before = fleet.server.hub.epoch, await heard(fleet, token, "trade_updates")
    await fleet.stop()
    async with whole(tmp_path / "kept.db") as again:
        assert await heard(again, token, "trade_updates") == before
        assert [message["data"]["ea_id"] for message in before] == [103]
        since = {"epoch": epoch, "position": 1}
        assert await heard(again, token, "trade_updates", since=since) == before


async def test_an_expert_speaks_only_for_itself(fleet: Fleetwire, session: aiohttp.ClientSession) -> None:
    of_london = Binding(server="Broker-Demo", login=5, magic=1, symbol="EURUSD")
    token = await token_for(fleet, "expert", of_london)
    ask = Asker(fleet, token, session)

    async def refused(**body: Any) -> list[str]:
        status, receipt = await ask("ea/report", "POST", {name: _plain(part) for name, part in body.items()})
        assert status == 200, receipt
        return [one["error"] for one in receipt["refused"]]

    assert await refused(account=account(LONDON), experts=[report(LONDON, 5.0)], deals=[deal(LONDON, 900)]) == []
    for body in (
        {"account": account(TOKYO)},
        {"experts": [report(PARIS)]},
        {"deals": [deal(TOKYO, 901)]},
        {"deals": [deal(LONDON, 902, type="balance", entry="", profit=1e6)]},
        {"deals": [deal(LONDON, 903, entry="out", type="sell", position_id=1102)]},  # the position is of Paris
        {
            "events": [
                {"id": 1, "time_utc": "2027-01-01T00:00:00Z", "currency": "USD", "importance": "high", "name": "x"}
            ]
        },
        {"prices": [{"server": "Broker-Live", "symbol": "USDJPY", "bid": 1.0, "ask": 1.0}]},
    ):
        (error,) = await refused(**body)
        assert "this token is of the expert Broker-Demo/5, magic 1" in error, body
    assert (await ask("experts"))[0] == 403
    async with connect(fleet.server.url) as link:
        await say(link, "auth", token=token)
        await say(link, "ea_report", **_plain(report(PARIS)))
        await say(link, "positions_report", server="Broker-Demo", login=5, positions=[])
        await say(link, "subscribe", channels=["ea_updates"])
        answers = [json.loads(await link.recv()) for _ in range(5)][2:]
        assert [answer["data"]["code"] for answer in answers] == ["forbidden"] * 3
    assert fleet.service.fleet.experts[101].current_profit == 5.0
    assert fleet.service.fleet.experts[102].positions


async def test_a_publisher_of_a_part_reports_of_that_part(fleet: Fleetwire, session: aiohttp.ClientSession) -> None:
    ask = Asker(fleet, await token_for(fleet, "publisher", accounts=("Broker-Live/6",)), session)
    body = {"account": _plain(account(TOKYO)), "experts": [_plain(report(TOKYO)), _plain(report(LONDON))]}
    receipt = (await ask("report", "POST", body))[1]
    assert receipt["accepted"] == 2
    assert "another part" in receipt["refused"][0]["error"]


def _plain(part: Any) -> Any:
    plain = msgspec.to_builtins(part)
    if isinstance(plain, dict):
        plain.pop("type", None)
    if isinstance(plain, list):
        for each in plain:
            if "expert" in each:
                each.pop("type", None)
    return plain


# ------------------------------------------------------------------------------------------------------- the disk


class _FullStore:
    """A store that takes nothing, and remembers what it was given."""

    def __init__(self) -> None:
        self.given: list[Any] = []
        self.error: Exception | None = StoreError("the disk is full: free some space")

    def keep(self, records: Any, done: Any = None) -> None:
        self.given.append(list(records))
        if done is not None:
            asyncio.get_running_loop().call_soon(done, self.error)


async def test_what_can_not_be_kept_is_not_made_and_what_is_revoked_counts_no_more_even_so(fleet: Fleetwire) -> None:
    tokens, store, changes = fleet.server.access.tokens, _FullStore(), []
    kept = KeptTokens(tokens, store.keep, AuditTrail(), lambda: 1, lambda: changes.append(1), lambda *_: b"")  # type: ignore[arg-type]
    with pytest.raises(StoreError, match="the disk is full"):
        await kept.create(TokenRequest(role="viewer"), "a test")
    assert (kept.listed(), len(store.given)) == ([], 2)
    assert [record.is_dropped for record in store.given[1][:-1]] == [True], (
        "it would be written later, and is taken back"
    )
    store.error = None
    made = await kept.create(TokenRequest(role="viewer"), "a test")
    before = tokens.get(made.about.token_id)
    store.error = StoreError("the disk is full")
    with pytest.raises(StoreError, match="the disk is full"):
        await kept.rotate(made.about.token_id, 60.0, "a test")
    assert tokens.get(made.about.token_id) == before
    assert [record.token for record in store.given[-1][:-1]] == [before]
    with pytest.raises(StoreError, match="counts no more, but only until a restart: the disk is full"):
        await kept.revoke(made.about.token_id, "a test")
    assert kept.listed()[0].status == "revoked"
    assert changes == [1]
    with pytest.raises(NotFoundError):
        await kept.revoke("tok_9", "a test")


async def test_the_api_makes_a_token_that_it_shows_once(fleet: Fleetwire, session: aiohttp.ClientSession) -> None:
    ask = Asker(fleet, TOKEN, session)
    status, issued = await ask("tokens", "POST", {"role": "viewer", "scopes": {"groups": ["gold"]}, "lifetime_s": 60})
    assert status == 200
    secret, token_id = issued["token"], issued["about"]["token_id"]
    assert (await Asker(fleet, secret, session)("experts"))[0] == 200
    listed = json.dumps((await ask("tokens"))[1])
    assert token_id in listed
    assert secret not in listed
    assert "hash" not in listed
    status, rotated = await ask(f"tokens/{token_id}/rotate", "POST", {"overlap_s": 0})
    assert [(await Asker(fleet, each, session)("experts"))[0] for each in (secret, rotated["token"])] == [401, 200]
    assert (await ask(f"tokens/{token_id}/revoke", "POST"))[1]["status"] == "revoked"
    assert (await Asker(fleet, rotated["token"], session)("experts"))[0] == 401
    for body, said in (({"role": "king"}, 422), ({"role": 5}, 400), ({"role": "viewer", "token": "mine"}, 400)):
        assert (await ask("tokens", "POST", body))[0] == said


async def test_an_experts_key_is_sealed_when_its_secret_is_known_and_nobody_elses_is(fleet: Fleetwire) -> None:
    store, tokens = _FullStore(), fleet.server.access.tokens
    store.error = None
    seal = lambda token_id, secret: f"{token_id}:{secret}".encode()  # noqa: E731
    kept = KeptTokens(tokens, store.keep, AuditTrail(), lambda: 1, lambda: None, seal)  # type: ignore[arg-type]
    binding = Binding(server="Broker-Demo", login=5, magic=1)
    first = await kept.create(TokenRequest(role="expert", expert=binding), "a test")
    second = await kept.rotate(first.about.token_id, 60.0, "a test")
    token = tokens.get(first.about.token_id)
    assert token is not None
    assert token.sealed_key == seal(token.token_id, second.token)
    assert token.previous_sealed_key == seal(token.token_id, first.token)
    viewer = await kept.create(TokenRequest(role="viewer"), "a test")
    of_viewer = tokens.get(viewer.about.token_id)
    assert of_viewer is not None
    assert of_viewer.sealed_key == b""


async def test_the_audit_has_who_made_changed_and_revoked_a_token_and_never_its_secret(
    fleet: Fleetwire, session: aiohttp.ClientSession
) -> None:
    ask = Asker(fleet, TOKEN, session)
    issued = (await ask("tokens", "POST", {"role": "viewer", "name": "wall", "scopes": {"groups": ["gold"]}}))[1]
    token_id = issued["about"]["token_id"]
    rotated = (await ask(f"tokens/{token_id}/rotate", "POST", {"overlap_s": 0}))[1]
    await ask(f"tokens/{token_id}/revoke", "POST")
    assert fleet.service.keeper is not None
    rows = [row for row in await fleet.service.keeper.store.audit(0, 1000) if row.subject == token_id]
    assert [(row.action, row.before, row.after, row.who, row.address) for row in rows] == [
        ("token_created", "", "active", "admin", "127.0.0.1"),
        ("token_rotated", "active", "active", "admin", "127.0.0.1"),
        ("token_revoked", "active", "revoked", "admin", "127.0.0.1"),
    ]
    assert json.loads(rows[0].details)["scopes"] == {"groups": ["gold"]}
    for secret in (issued["token"], rotated["token"]):
        assert secret not in repr(rows)
    assert verify(await fleet.service.keeper.store.audit(0, 1000), end=fleet.service.keeper.trail.head) is None
