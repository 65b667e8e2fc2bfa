"""What every store promises of commands and of the audit."""

import asyncio
import gc
import time

import apsw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from fleetwire.fleet.commands import Commands, Status, read_memory
from fleetwire.fleet.commands.life import Command
from fleetwire.ports import CommandQuery, KeptAudit, KeptCommand, KeptNote, Store
from fleetwire.storage import Retention
from fleetwire.storage.sqlite import SqliteDatabase
from fleetwire.storage.writing import Writing
from fleetwire.wire.audit import GENESIS, AuditTrail, verify
from fleetwire.wire.errors import DataError, StoreError
from fleetwire.wire.moment import moment
from tests.contracts.store.conftest import House
from tests.contracts.store.records import DAY_MS, T0

SETTLED = {"executed", "failed", "unknown"}


def a_command(number: int, status: str = "queued", ea_id: int | None = 7, parent: int = 0, **more) -> KeptCommand:
    fields = {"command": "pause", "by": "ann", "issued_ms": T0 + number, "memory": b"m%d" % number} | more
    settled = T0 + number if status in SETTLED else None
    return KeptCommand(
        command_id=f"c{number}",
        number=number,
        parent_id=f"c{parent}" if parent else "",
        ea_id=ea_id,
        status=status,
        **{"settled_ms": settled} | fields,
    )


async def keep(store: Store, *units) -> None:
    for unit in units:
        store.keep(unit)
    await store.committed()


def numbers(items) -> list[int]:
    return [each.number for each in items]


commands = st.builds(
    a_command,
    st.integers(1, 12),
    st.sampled_from(["queued", "delivered", "executed", "unknown"]),
    st.sampled_from([7, 8, None]),
    st.integers(0, 2),
    command=st.sampled_from(["pause", "close_all"]),
    by=st.sampled_from(["ann", "bob"]),
)
queries = st.builds(
    CommandQuery,
    ea_id=st.sampled_from([None, None, 7]),
    parent_id=st.sampled_from([None, None, "c1", ""]),
    parts=st.booleans(),
    status=st.sampled_from([None, None, "open", "executed"]),
    command=st.sampled_from([None, None, "pause"]),
    by=st.sampled_from([None, None, "ann"]),
    from_ms=st.none() | st.integers(1, 12).map(lambda number: T0 + number),
    until_ms=st.none() | st.integers(1, 12).map(lambda number: T0 + number),
    limit=st.integers(1, 4),
)


def meets(each: KeptCommand, query: CommandQuery) -> bool:
    return (
        query.ea_id in (None, each.ea_id)
        and (query.parent_id is None or each.parent_id == query.parent_id != "")
        and (query.parts or each.parent_id == "")
        and (query.status in (None, each.status) or (query.status == "open" and each.settled_ms is None))
        and query.command in (None, each.command)
        and query.by in (None, each.by)
        and (query.from_ms is None or each.issued_ms >= query.from_ms)
        and (query.until_ms is None or each.issued_ms < query.until_ms)
    )


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(units=st.lists(st.lists(commands, max_size=5), max_size=6), asked=st.lists(queries, min_size=1, max_size=3))
def test_commands_are_listed_as_they_stand_newest_first(house: House, units, asked) -> None:
    async def play() -> None:
        house.empty()
        known = {each.number: each for unit in units for each in unit}
        async with house.opened() as (store, _):
            await keep(store, *units)
            for query in asked:
                found, page = [], query
                while True:
                    part = await store.commands(page)
                    found += part.items
                    if part.next is None:
                        break
                    assert len(part.items) == query.limit
                    page = replace(query, before=int(part.next))
                assert found == sorted(
                    (each for each in known.values() if meets(each, query)), key=lambda each: -each.number
                )
            for each in known.values():
                assert await store.command(each.command_id) == each
            assert await store.command("c99") is None

    asyncio.run(play())


async def test_a_list_of_nothing_or_of_too_much_is_refused(house: House) -> None:
    async with house.opened() as (store, _):
        for limit in (0, 10_001):
            with pytest.raises(DataError, match="limit"):
                await store.commands(CommandQuery(limit=limit))
            with pytest.raises(DataError, match="limit"):
                await store.audit(0, limit)


async def test_two_commands_never_have_one_number(house: House) -> None:
    async with house.opened() as (store, _):
        await keep(store, [a_command(1)])
        told: list[object] = []
        store.keep([replace(a_command(1), command_id="other")], told.append)
        await store.committed()
        assert isinstance(told[0], StoreError)
        assert numbers((await store.commands(CommandQuery())).items) == [1]


async def test_a_restart_begins_with_what_is_under_way_and_what_belongs_to_it(lasting: House) -> None:
    """And with what settled, however long ago the clock says it was: it may have been set."""
    async with lasting.opened() as (store, _):
        await keep(
            store,
            [
                a_command(1, "delivered", None),
                a_command(2, "executed", parent=1, settled_ms=0),
                a_command(3, "queued", parent=1),
                a_command(4, "executed"),
                a_command(5, "unknown"),
            ],
        )
    async with lasting.opened() as (_, memory):
        assert sorted(numbers(memory.commands)) == [1, 2, 3, 4, 5]
        assert memory.last_command_number == 5
        assert a_command(3, "queued", parent=1) in memory.commands


async def test_trimming_drops_what_ended_long_ago_and_its_number_is_never_given_again(lasting: House) -> None:
    old = T0 - 400 * DAY_MS
    async with lasting.opened() as (store, _):
        await keep(
            store,
            [a_command(1, "executed", settled_ms=old), a_command(2, "queued", issued_ms=old)],
            [a_command(3, "executed"), a_command(4, "failed", settled_ms=old)],
        )
        await store.trim(T0)
        assert numbers((await store.commands(CommandQuery())).items) == [4, 3, 2]
        await store.trim(T0 + 10_000 * DAY_MS)
        assert numbers((await store.commands(CommandQuery())).items) == [4, 2]
    async with lasting.opened() as (_, memory):
        assert memory.last_command_number == 4


# --------------------------------------------------------------------------------------------------------------- audit


def rows(trail: AuditTrail, count: int) -> list[KeptAudit]:
    return [KeptAudit(trail.row(utc_ms=T0, who="ann\0", action="command_queued", why="ü\n")) for _ in range(count)]


async def test_the_audit_is_read_as_it_was_written_and_goes_on_after_a_restart(lasting: House) -> None:
    async with lasting.opened() as (store, memory):
        assert memory.audit_head == GENESIS
        trail = AuditTrail()
        first = rows(trail, 5)
        await keep(store, first[:3], first[3:])
        assert [KeptAudit(row) for row in await store.audit(0, 100)] == first
        assert [row.number for row in await store.audit(2, 2)] == [3, 4]
        assert await store.audit_head() == trail.head
        assert await store.check() == []
    async with lasting.opened(Retention(events_days=1)) as (store, memory):
        trail = AuditTrail(memory.audit_head)
        await keep(store, rows(trail, 2))
        await store.trim(T0 + 10_000 * DAY_MS)
        assert verify(await store.audit(0, 100), end=await store.audit_head()) is None
        assert (await store.audit_head()).number == 7


async def test_a_row_that_is_there_is_never_written_over(house: House) -> None:
    """Written again as it is, it is there (after a lost connection); another one in its place is refused, whole."""
    async with house.opened() as (store, _):
        trail = AuditTrail()
        first = rows(trail, 2)
        await keep(store, first, first)
        other = KeptAudit(AuditTrail().row(utc_ms=T0, who="nobody", action="nothing"))
        told: list[object] = []
        store.keep([KeptNote("with", b"it"), other], told.append)
        await store.committed()
        assert isinstance(told[0], StoreError)
        assert [KeptAudit(row) for row in await store.audit(0, 9)] == first
        assert await store.audit_head() == trail.head


@pytest.mark.parametrize("sql", ["UPDATE audit SET entry = '{}'", "DELETE FROM audit WHERE number = 1"])
async def test_the_database_itself_refuses_to_change_or_remove_a_row(house: House, sql: str) -> None:
    async with house.opened() as (store, _):
        await keep(store, rows(AuditTrail(), 2))
        with pytest.raises(StoreError, match="a row of the audit is never"):
            await store._ask(lambda connection: connection.run(sql))
        assert len(await store.audit(0, 9)) == 2


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("DELETE FROM audit WHERE number = 3", "broken at row 3: row 3 is missing"),
        ("DELETE FROM audit WHERE number > 3", "broken at row 4: the rows from 4 to 5 are missing at the end"),
        ("DELETE FROM audit", "broken at row 1: the rows from 1 to 5 are missing"),
        ("UPDATE audit SET entry = replace(entry, '\"number\":2', '\"number\":9')", "broken at row 2"),
        ("UPDATE audit SET entry = 'x' WHERE number = 2", "holds a row that fleetwire does not write"),
        ("UPDATE audit_head SET number = 4", "broken at row 4"),
        ("DELETE FROM audit_head", "broken at row 1"),
    ],
)
async def test_who_gets_round_the_database_is_found_by_the_check(tmp_path, sql: str, says: str) -> None:
    house = House(str(tmp_path / "fleetwire.db"))
    async with house.opened() as (store, _):
        await keep(store, rows(AuditTrail(), 5))
    raw = apsw.Connection(house.database)
    raw.execute("DROP TRIGGER audit_is_not_changed; DROP TRIGGER audit_is_not_removed")
    raw.execute(sql)
    raw.close()
    async with house.opened() as (store, _):
        (line,) = await store.check()
        assert says in line


# --------------------------------------------------------------------------------------------------------------- speed


def waiting(number: int) -> KeptCommand:
    command = Command(
        command_id=f"01J{number:010}",
        number=number,
        ea_id=number % 1000,
        target=f"EA {number % 1000}",
        command="close_position",
        params={"ticket": number, "volume": 0.1},
        by="op-1",
        reason="the session is over",
        issued_ms=T0,
        expires_ms=T0 + 600_000,
        lifetime_ms=600_000,
        clock_ms=T0,
        nonce="q83vEjRWeJCrze8SNFZ4kA",
        changed_ms=T0,
        idempotency_key=f"k{number}",
        fingerprint="f" * 64,
    )
    return KeptCommand(
        command.command_id,
        number,
        "",
        command.ea_id,
        command.command,
        command.status.value,
        command.by,
        command.issued_ms,
        command.settled_ms,
        command.memory(),
    )


async def test_a_hundred_thousand_waiting_commands_are_there_again_within_a_second(tmp_path) -> None:
    """Opened, decoded, in their queues. In time of this process, so that who else is busy here does not count."""
    house = House(str(tmp_path / "fleetwire.db"))
    connection = SqliteDatabase(house.database)
    writer = connection.open()
    writer.begin()
    Writing(writer).write(map(waiting, range(1, 100_001)))
    writer.commit()
    writer.close()
    connection.close()
    took = []
    gc.collect()
    gc.freeze()  # what other tests have left behind is no server's
    for _ in range(3):
        engine = Commands()
        began = time.process_time()
        async with house.opened() as (_, memory):
            engine.restore(
                (read_memory(each.memory) for each in memory.commands),
                moment(1000.0, T0 + 1000),
                memory.last_command_number,
            )
            took.append(time.process_time() - began)
        assert engine.waiting == 100_000
        assert len(engine.pending(7)) == 100
        assert engine.get("01J0000000007").status is Status.queued
    gc.unfreeze()
    assert min(took) < 1.0, took
