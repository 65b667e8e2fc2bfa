"""What every store promises, whatever it is made of."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from fleetwire.fleet.events import ExpertId
from fleetwire.ports import (
    KeptAccount,
    KeptDeal,
    KeptEvent,
    KeptExpert,
    KeptNews,
    KeptNote,
    KeptToken,
    Sample,
    Store,
    TradeQuery,
)
from fleetwire.storage import Retention
from fleetwire.wire.errors import DataError, StoreError
from fleetwire.wire.moment import utc_text
from fleetwire.wire.tokens import Token
from tests.contracts.store.conftest import House
from tests.contracts.store.oracle import Oracle
from tests.contracts.store.records import DAY_MS, T0, accounts, alert, deal, kept, symbols, units

ACCOUNT = ("Alpha-Live", 1)


async def all_pages(ask, query: TradeQuery) -> list:
    """Follow the cursors to the end."""
    found = []
    while True:
        page = await ask(query)
        assert len(page.items) <= query.limit
        found += page.items
        if page.next is None:
            return found
        assert len(page.items) == query.limit
        query = TradeQuery(
            **{name: getattr(query, name) for name in query.__struct_fields__ if name != "before"}, before=page.next
        )


async def keep(store: Store, *units_of_records) -> None:
    for unit in units_of_records:
        store.keep(unit)
    await store.committed()


def as_known(items: list) -> list[str]:
    return sorted(map(repr, items))


queries = st.builds(
    TradeQuery,
    ea_id=st.sampled_from([None, None, 7, 9]),
    account=st.none() | accounts,
    symbol=st.none() | symbols,
    position_id=st.none() | st.integers(1, 5),
    status=st.sampled_from([None, None, "open", "closed"]),
    from_ms=st.none() | st.integers(0, 8).map(lambda s: T0 - 7_200_000 + s * 1000),
    until_ms=st.none() | st.integers(0, 9).map(lambda s: T0 - 7_200_000 + s * 1000),
    limit=st.integers(1, 5),
)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(given_units=units, asked=st.lists(queries, max_size=4))
def test_units_in_any_order_with_repeats_give_what_the_oracle_gives(house: House, given_units, asked) -> None:
    """Deals, trades, pages, notes, accounts, experts, events: the same as in dictionaries; nothing is damaged."""

    async def play() -> None:
        house.empty()
        oracle = Oracle(given_units)
        async with house.opened() as (store, _):
            await keep(store, *given_units)
            streamed = [each async for some in store.deals_in_order() for each in some]
            assert streamed == oracle.deals_in_order()
            for query in [TradeQuery(limit=2), *asked]:
                trades = await all_pages(store.trades, query)
                assert as_known(trades) == as_known(oracle.trades(query))
                plain = replace(query, status=None)
                deals = await all_pages(store.deals, plain)
                assert as_known(deals) == as_known(oracle.deals(plain))
                times = [each.time_utc_ms for each in deals]
                assert times == sorted(times, reverse=True)
                known = oracle.all_trades()
                lasts = [known[*_account(row), row.position_id][1] for row in trades]
                assert lasts == sorted(lasts, reverse=True)
            assert await store.check() == []
        if house.lasts:
            async with house.opened() as (_, memory):
                assert memory.notes == oracle.notes
                assert {(each.server, each.login): each for each in memory.accounts} == oracle.accounts
                assert {each.ea_id: each for each in memory.experts} == oracle.experts
                assert memory.events == sorted(
                    oracle.events.values(), key=lambda event: (event.position, event.channel)
                )

    asyncio.run(play())


def _account(row) -> tuple[str, int]:
    server, login = row.account.rsplit("/", 1)
    return server, int(login)


# --------------------------------------------------------------------------------------------------------------- units


async def test_a_unit_is_told_in_the_event_loop_once_it_is_on_disk(house: House) -> None:
    async with house.opened() as (store, _):
        told: asyncio.Future = asyncio.get_running_loop().create_future()
        store.keep([KeptNote("epoch", b"1")], told.set_result)  # from another thread this would never wake the loop
        assert await told is None
        assert store.health().committed == 1


async def test_what_is_at_fault_itself_is_refused_whole_and_stops_nobody_else(house: House) -> None:
    """Its unit is refused, with what else is in it; those around it are kept."""
    broken = (
        kept(deal(2, profit=float("nan"))) if not house.database.startswith("postgres") else kept(deal(2, comment="\0"))
    )
    async with house.opened() as (store, _):
        told: list[object] = []
        store.keep([kept(deal(1))], told.append)
        store.keep([KeptNote("with", b"it"), broken], told.append)
        store.keep([kept(deal(3))], told.append)
        await store.committed()
        assert [type(each) for each in told] == [type(None), told[1].__class__, type(None)]
        assert isinstance(told[1], StoreError)
        assert store.health().failing is None
        assert store.health().pending == 0
        assert [each.deal.ticket for each in (await store.deals(TradeQuery())).items] == [3, 1]
        if house.lasts:
            await store.close()
            async with house.opened() as (_, memory):
                assert memory.notes == {}


async def test_one_at_fault_among_many_is_found_and_the_others_keep_their_order(house: House) -> None:
    """Each is told in its turn, wherever the one at fault stands."""
    async with house.opened() as (store, _):
        for place in (0, 41, 99):
            told: list[int | None] = []
            for number in range(100):
                made = deal(number + 1, **(house.never_kept if number == place else {}))
                store.keep([kept(made)], lambda error, n=number, told=told: told.append(None if error else n))
            await store.committed()
            assert told == [None if number == place else number for number in range(100)]


async def test_a_callback_that_fails_stops_nobody(house: House, caplog: pytest.LogCaptureFixture) -> None:
    def fails(error: Exception | None) -> None:
        raise RuntimeError("not the store's fault")

    async with house.opened() as (store, _):
        store.keep([KeptNote("a", b"")], fails)
        await keep(store, [KeptNote("b", b"")])
        assert "not the store's fault" in caplog.text


async def test_what_is_handed_over_before_closing_is_kept(lasting: House) -> None:
    async with lasting.opened() as (store, _):
        for number in range(500):
            store.keep([KeptNote(f"note {number}", b"x")])
    async with lasting.opened() as (_, memory):
        assert len(memory.notes) == 500


async def test_a_closed_store_says_so(house: House) -> None:
    store = house.store()
    with pytest.raises(StoreError, match="is not open"):
        store.keep([KeptNote("a", b"")])
    with pytest.raises(StoreError, match="is not open"):
        await store.trades(TradeQuery())
    async with house.opened() as (store, _):
        with pytest.raises(StoreError, match="is open already"):
            await store.open()
    assert not store.health().open
    await store.close()


# -------------------------------------------------------------------------------------------------------------- trades


async def test_a_deal_that_comes_again_takes_the_place_of_the_first(house: House) -> None:
    """Its expert, its time in UTC and even its position may have become known only now."""
    async with house.opened() as (store, _):
        await keep(store, [kept(deal(1), ea_id=None)], [kept(deal(2, "out", position_id=101), ea_id=None)])
        assert (await store.trade(ACCOUNT, 101)).status == "closed"
        await keep(store, [kept(deal(2, "out"), ea_id=7)])
        assert await store.trade(ACCOUNT, 101) is None
        trade = await store.trade(ACCOUNT, 100)
        assert (trade.ea_id, trade.deals, trade.status) == (7, 2, "closed")


async def test_partial_closes_a_reversal_and_what_has_no_entry(house: House) -> None:
    async with house.opened() as (store, _):
        await keep(
            store, [kept(deal(1, volume=0.3)), kept(deal(2, "out", volume=0.1)), kept(deal(3, "out by", volume=0.1))]
        )
        half = await store.trade(ACCOUNT, 100)
        assert (half.status, half.volume, half.volume_closed) == ("open", 0.3, 0.2)
        await keep(store, [kept(deal(4, "in/out", volume=1.1, price=3.0))])
        turned = await store.trade(ACCOUNT, 100)
        assert (turned.type, turned.status, turned.volume, turned.volume_closed) == ("buy", "open", 1.3, 0.3)
        assert turned.price_open == pytest.approx((0.3 * 1.5 + 1.0 * 3.0) / 1.3)
        await keep(store, [kept(deal(5, "out", type="buy"))])
        ended = await store.trade(ACCOUNT, 100)
        assert (ended.type, ended.status, ended.time_close_msc) == ("buy", "closed", T0 + 5000)
        await keep(store, [kept(deal(9, "out", position_id=300))])
        headless = await store.trade(ACCOUNT, 300)
        assert (headless.type, headless.status, headless.price_open, headless.volume) == ("buy", "closed", None, 0.0)
        assert await store.trade(ACCOUNT, 999) is None
        assert await store.trade(("Nowhere", 1), 100) is None


async def test_all_deals_come_in_one_order_however_accounts_came(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deals of one moment stand in the order of their accounts' names, also if more share it than are read at once."""
    monkeypatch.setattr("fleetwire.storage.reading.DEALS_AT_ONCE", 50)
    monkeypatch.setattr("fleetwire.storage.store.DEALS_AT_ONCE", 50)
    made = [
        KeptDeal(server, 1, None, T0 + moment, deal(ticket, position_id=0))
        for server in ("Zeta", "Alpha")  # Zeta is known first
        for moment in (0, 1, 2)
        for ticket in range(moment * 120 + 1, moment * 120 + 121)
    ]
    async with house.opened() as (store, _):
        await keep(store, made)
        parts = [some async for some in store.deals_in_order()]
        assert [each for some in parts for each in some] == Oracle([made]).deals_in_order()
        assert len(parts) > 1


@pytest.mark.parametrize(
    "before", ["x", "", "ZC4x", "ZC4xLjIuMy40", "öö", "d.1.2.3", "ZC45OTk5OTk5OTk5OTk5OTk5OTk5OTkuMS4x"]
)
async def test_a_cursor_that_is_none_is_refused(house: House, before: str) -> None:
    async with house.opened() as (store, _):
        with pytest.raises(DataError, match="is no cursor of this list"):
            await store.deals(TradeQuery(before=before))


async def test_a_query_that_makes_no_sense_is_refused(house: House) -> None:
    async with house.opened() as (store, _):
        await keep(store, [kept(deal(1)), kept(deal(2))])
        cursor = (await store.deals(TradeQuery(limit=1))).next
        for asked, said in (
            (store.trades(TradeQuery(before=cursor)), "is no cursor of this list"),
            (store.trades(TradeQuery(status="shut")), "status: 'shut' must be one of open, closed"),
            (store.deals(TradeQuery(status="open")), "deals have none"),
            (store.deals(TradeQuery(limit=0)), "limit: 0 must be from 1"),
            (store.trades(TradeQuery(limit=10_001)), "must be from 1 to 10000"),
            (store.alerts("loud", None, 10), "must be one of open, raised"),
            (store.equity("ea:7", 0, 1, 0), "points: 0"),
        ):
            with pytest.raises(DataError, match=said):
                await asked


# --------------------------------------------------------------------------------------------------------------- curves


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    moments=st.lists(st.tuples(st.integers(0, 4000), st.integers(-500, 500)), min_size=1, max_size=60),
    begin=st.integers(-10, 4000),
    span=st.integers(1, 5000),
    points=st.integers(1, 20),
)
def test_a_curve_has_the_last_value_and_the_extremes_of_each_stretch(
    house: House, moments, begin, span, points
) -> None:
    """In at most so many points, oldest first; nothing between the ends is left out of the extremes."""

    async def play() -> None:
        house.empty()
        samples = [Sample("ea:7", T0 + second * 1000, 100.0, float(value)) for second, value in moments]
        async with house.opened() as (store, _):
            await keep(store, samples, [Sample("ea:8", T0, 0.0, 9999.0)])
            from_ms, until_ms = T0 + begin * 1000, T0 + (begin + span) * 1000
            curve = await store.equity("ea:7", from_ms, until_ms, points)
        inside = [each for each in samples if from_ms <= each.utc_ms < until_ms]
        assert len(curve) <= points
        assert bool(curve) == bool(inside)
        if inside:
            assert min(point.equity_min for point in curve) == min(each.equity for each in inside)
            assert max(point.equity_max for point in curve) == max(each.equity for each in inside)
            last_ms = max(each.utc_ms for each in inside)
            assert curve[-1].utc == utc_text(last_ms)
            assert curve[-1].equity == [each.equity for each in inside if each.utc_ms == last_ms][-1]
            assert [point.utc for point in curve] == sorted({point.utc for point in curve})

    asyncio.run(play())


async def test_the_points_are_spread_over_the_time_of_which_something_is_known(house: House) -> None:
    """A minute that was kept is no single point of the year that was asked for."""
    samples = [Sample("ea:7", T0 + second * 1000, 100.0, float(second)) for second in range(60)]
    async with house.opened() as (store, _):
        await keep(store, samples)
        curve = await store.equity("ea:7", T0 - 365 * DAY_MS, T0 + DAY_MS, 10)
    assert [point.equity for point in curve] == [5.0, 11.0, 17.0, 23.0, 29.0, 35.0, 41.0, 47.0, 53.0, 59.0]


async def test_old_samples_thin_out_and_keep_their_extremes(house: House) -> None:
    """A day raw, then minutes, then hours: what is left of a spike is its height."""
    now = T0 - T0 % DAY_MS + 40 * DAY_MS
    async with house.opened(Retention(samples_hour_days=50)) as (store, _):
        for days_ago in (60, 35, 20, 0.5):
            begin = round(now - days_ago * DAY_MS)
            spike = [
                Sample("ea:7", begin + s * 1000, 100.0, 500.0 if s == 30 else 100.0 + s / 1000) for s in range(120)
            ]
            await keep(store, spike)
        await store.trim(now)

        async def points(days_ago: float) -> list:
            begin = round(now - days_ago * DAY_MS)
            return await store.equity("ea:7", begin, begin + 3_600_000, 3600)

        assert [len(await points(days_ago)) for days_ago in (60, 35, 20, 0.5)] == [0, 1, 2, 120]
        assert (await points(35))[0].equity_max == 500.0
        assert [point.equity_max for point in await points(20)] == [500.0, 100.119]
        assert (await points(20))[1].equity == 100.119
        assert await store.equity("ea:nobody", 0, now, 10) == []


# -------------------------------------------------------------------------------------- alerts, news, events, trimming


async def test_alerts_are_listed_newest_first_by_status(house: House) -> None:
    async with house.opened() as (store, _):
        made = [alert(1, "cleared", "2026-05-28T21:00:00Z"), alert(2), alert(3, "acknowledged"), alert(4)]
        await keep(store, made, [alert(4, "cleared", "2026-05-28T22:00:00Z")])

        async def numbers(*asked) -> list[int]:
            return [row.alert_id for row in (await store.alerts(*asked)).items]

        assert await numbers(None, None, 10) == [4, 3, 2, 1]
        assert await numbers("open", None, 10) == [3, 2]
        assert await numbers("cleared", None, 10) == [4, 1]
        assert await numbers("raised", None, 10) == [2]
        page = await store.alerts(None, None, 3)
        assert page.next == "2"
        last = await store.alerts(None, int(page.next), 3)
        assert ([row.alert_id for row in last.items], last.next) == ([1], None)
        assert page.items[1] == made[2].row


async def test_news_are_listed_in_order_of_time(house: House) -> None:
    async with house.opened() as (store, _):
        news = [KeptNews(str(number), T0 - number, "USD", "high", b"m") for number in range(5)]
        await keep(store, news, [KeptNews("2", T0 + 50, "EUR", "low", b"moved")])
        assert [each.id for each in await store.news(T0 - 3, T0 + 1, 10)] == ["3", "1", "0"]
        assert [each.id for each in await store.news(0, T0 + 100, 2)] == ["4", "3"]
        assert (await store.news(T0 + 50, T0 + 51, 10)) == [KeptNews("2", T0 + 50, "EUR", "low", b"moved")]


async def test_a_restart_begins_with_what_was_kept(lasting: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time_ns", lambda: T0 * 1_000_000)
    events = [
        KeptEvent("alerts", 7, 1, None, T0, b"{}"),
        KeptEvent("trades", 5, 1, "7", T0, b"[]"),
        KeptEvent("trades", 9, 2, "8", T0, b""),
    ]
    news = [
        KeptNews("old", T0 - 3 * DAY_MS, "USD", "high", b""),
        KeptNews("yesterday", T0 - DAY_MS, "USD", "low", b"y"),
        KeptNews("next", T0 + 9 * DAY_MS, "JPY", "none", b"n"),
    ]
    expert = KeptExpert(12345, ExpertId("Alpha-Live", 1, -7, "EURUSD", "Grid"), b"state")
    async with lasting.opened() as (store, memory):
        assert (memory.notes, memory.accounts, memory.last_alert_id) == ({}, [], 0)
        await keep(store, [*events, *news, expert, KeptAccount(*ACCOUNT, b"a"), KeptNote("epoch", b"e")])
        await keep(
            store, [alert(1, "cleared", "2026-05-28T21:00:00Z"), alert(2), alert(3, "cleared", "2026-05-28T21:00:00Z")]
        )
    async with lasting.opened() as (_, memory):
        assert memory.events == [events[1], events[0], events[2]]
        assert memory.news == news[1:]
        assert (memory.experts, memory.accounts) == ([expert], [KeptAccount(*ACCOUNT, b"a")])
        assert (memory.notes, memory.last_alert_id) == ({"epoch": b"e"}, 3)
        assert memory.alerts == [alert(2).row]


async def test_trimming_drops_what_retention_does_not_keep(lasting: House) -> None:
    retention = Retention(events_max=3, events_days=10, alerts_days=10, news_days=10)
    old, cleared = T0 - 11 * DAY_MS, utc_text(T0 - 11 * DAY_MS)
    async with lasting.opened(retention) as (store, _):
        await keep(store, [KeptEvent("alerts", n, n, None, T0, b"") for n in range(1, 8)])
        await keep(store, [KeptEvent("news", n, n, None, old if n < 9 else T0, b"") for n in range(8, 10)])
        await keep(
            store,
            [alert(1, "cleared", cleared), alert(2), alert(3, "cleared", utc_text(T0)), alert(4, "cleared", cleared)],
        )
        await keep(store, [KeptNews("old", old, "USD", "high", b""), KeptNews("new", T0, "USD", "high", b"")])
        await keep(store, [kept(deal(1, time_msc=0))])
        await store.trim(T0)
        assert [row.alert_id for row in (await store.alerts(None, None, 10)).items] == [4, 3, 2]
        assert [each.id for each in await store.news(0, T0 + 1, 10)] == ["new"]
        assert len((await store.deals(TradeQuery())).items) == 1, "deals are kept for good"
    async with lasting.opened(retention) as (_, memory):
        assert [event.position for event in memory.events] == [5, 6, 7, 9]
        assert memory.last_alert_id == 4


async def test_trimming_goes_on_until_all_is_done(house: House) -> None:
    """In steps: what is kept meanwhile does not wait for all of it."""
    async with house.opened(Retention(events_max=10)) as (store, _):
        await keep(store, [KeptEvent("alerts", n, n, None, T0, b"") for n in range(1, 6001)])
        trimming = asyncio.create_task(store.trim(T0))
        await asyncio.sleep(0)
        await keep(store, [KeptNote("meanwhile", b"")])
        await trimming
        await store.trim(T0)
        assert await store.check() == []


# --------------------------------------------------------------------------------------------------------------- backup


async def test_a_second_one_on_the_same_database_is_told_who_has_it(lasting: House) -> None:
    async with lasting.opened():
        with pytest.raises(
            StoreError, match=r"is in use by another fleetwire \(.*pid \d+.*\): stop it, or give another --database"
        ):
            await lasting.store().open()
    async with lasting.opened():
        pass


async def test_a_backup_is_a_store_with_the_same_in_it(house: House, tmp_path: Path) -> None:
    if house.database.startswith("postgres"):
        pytest.skip("there it is a file for pg_restore")
    async with house.opened() as (store, _):
        await keep(store, [kept(deal(1)), kept(deal(2, "out")), KeptNote("epoch", b"e")])
        await store.backup(str(tmp_path / "copy.db"))
        trade = await store.trade(ACCOUNT, 100)
    async with House(str(tmp_path / "copy.db")).opened() as (copy, memory):
        assert await copy.trade(ACCOUNT, 100) == trade
        assert memory.notes == {"epoch": b"e"}
        assert await copy.check() == []


async def test_a_backup_is_never_written_over_a_file(house: House, tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(b"mine")
    async with house.opened() as (store, _):
        with pytest.raises(StoreError, match="exists already: give another file"):
            await store.backup(str(tmp_path / "there"))
    assert (tmp_path / "there").read_bytes() == b"mine"


async def test_tokens_are_kept_as_they_stand_and_dropped(lasting: House) -> None:
    first = Token(token_id="tok_b", role="viewer", hash=b"\x00\xff" * 16, created_ms=T0)
    second = Token(token_id="tok_a", role="operator", hash=b"2" * 32, created_ms=T0 + 1, name="Zoë")
    third = Token(token_id="tok_c", role="viewer", hash=b"3" * 32, created_ms=T0 + 2)
    async with lasting.opened() as (store, _):
        await keep(store, [KeptToken(first), KeptToken(third)], [KeptToken(second)])
        await keep(store, [KeptToken(replace(first, revoked_ms=T0 + 9)), KeptToken(third, is_dropped=True)])
    async with lasting.opened() as (_, memory):
        assert [each.token for each in memory.tokens] == [replace(first, revoked_ms=T0 + 9), second]


async def test_events_are_kept_with_who_may_hear_them(lasting: House) -> None:
    labels = [None, frozenset(), frozenset({"ea:7", "account:Zoë/5"})]
    async with lasting.opened() as (store, _):
        await keep(store, [KeptEvent("alerts", at, at, None, T0, b"{}", each) for at, each in enumerate(labels, 1)])
    async with lasting.opened() as (_, memory):
        assert [event.labels for event in memory.events] == labels
