"""`QueuedStore`: the port `fleetwire.ports.Store` over any `Database`; one thread writes, another reads."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Concatenate, NamedTuple, ParamSpec, TypeVar

import msgspec

from fleetwire.ports import CommandQuery, KeptCommand, KeptDeal, KeptNews, Memory, Record, StoreHealth, TradeQuery
from fleetwire.storage.cursor import Place
from fleetwire.storage.database import Connection, Database, Line
from fleetwire.storage.deals import deal_of
from fleetwire.storage.inspecting import check_audit, check_trades
from fleetwire.storage.reading import DEALS_AT_ONCE, Reading
from fleetwire.storage.retention import Retention
from fleetwire.storage.trimming import trimming
from fleetwire.storage.writer import PENDING_MAX, Done, Writer
from fleetwire.wire.audit import AuditHead, AuditRow
from fleetwire.wire.errors import StoreError
from fleetwire.wire.rows import EquityPoint, Page, TradeRow

P = ParamSpec("P")
T = TypeVar("T")


class QueuedStore:
    """Keeps a fleet in a database. Nothing blocks the event loop: one thread writes, another reads.

    Args:
        database: where.
        retention: how long what is kept is kept.
    """

    def __init__(self, database: Database, retention: Retention) -> None:
        self._database = database
        self._retention = retention
        self._at_work: _AtWork | None = None

    def __repr__(self) -> str:
        """Show where."""
        return f"<{type(self).__name__} {self._database.name} {'open' if self._at_work else 'closed'}>"

    # --------------------------------------------------------------------------------------------------- open, close

    async def open(self) -> Memory:
        """Open or create it, and give what a restart begins with."""
        if self._at_work is not None:
            raise StoreError(f"{self._database.name} is open already")
        thread = ThreadPoolExecutor(1, "fleetwire store: reader")
        loop = asyncio.get_running_loop()
        try:
            writer, reader, memory = await loop.run_in_executor(thread, self._open)
        except BaseException:
            thread.shutdown(wait=False)
            raise
        self._at_work = _AtWork(Writer(self._database, writer, loop), reader, thread)
        return memory

    def _open(self) -> tuple[Connection, "_Reader", Memory]:
        """Open it, in the thread that reads."""
        with ExitStack() as opened:
            opened.callback(self._database.close)
            try:
                writer = self._database.open()
                opened.callback(writer.close)
                reader = _Reader(self._database)
                opened.callback(reader.close)
                memory = reader.reading().memory(self._retention.events_max, time.time_ns() // 1_000_000)
            except msgspec.MsgspecError as error:
                raise StoreError(
                    f"{self._database.name}: the database is damaged, for it holds what fleetwire does not write: "
                    f"{error}: restore a backup"
                ) from error
            except self._database.troubles as error:
                raise self._database.explain(error) from error
            opened.pop_all()
        return writer, reader, memory

    async def close(self) -> None:
        """Commit what waits, and close.

        Raises:
            StoreError: it could not be written; it is closed nevertheless.
        """
        if self._at_work is None:
            return
        at_work, self._at_work = self._at_work, None
        try:
            await asyncio.get_running_loop().run_in_executor(at_work.thread, self._close, at_work)
        finally:
            at_work.thread.shutdown(wait=False)

    def _close(self, at_work: "_AtWork") -> None:
        """Close it, in the thread that reads, after all that was asked of it before.

        The writer's connection is the last one: a database may tidy up when that is closed, which a reader's can't.
        """
        try:
            at_work.reader.close()
        finally:
            try:
                at_work.writer.stop()
            finally:
                self._database.close()

    # -------------------------------------------------------------------------------------------------------- writing

    def keep(self, records: Sequence[Record], done: Done | None = None) -> None:
        """Hand a unit over: all of its records are committed in one transaction, in the order of units."""
        self._opened().writer.keep(records, done)

    async def committed(self) -> None:
        """Wait until everything that was handed over is on disk."""
        waiting = asyncio.get_running_loop().create_future()

        def done(error: Exception | None) -> None:
            if not waiting.done():
                waiting.set_result(error)

        self._opened().writer.keep((), done)
        error = await waiting
        if error is not None:
            raise error

    def health(self) -> StoreHealth:
        """Tell how it is; `committed` counts records since `open`, `last_commit_ms` is what the last commit took."""
        writer = self._at_work.writer if self._at_work else None
        return StoreHealth(
            open=writer is not None,
            failing=writer.failing if writer else None,
            pending=writer.pending if writer else 0,
            pending_max=PENDING_MAX,
            committed=writer.committed if writer else 0,
            last_commit_ms=writer.last_commit_ms if writer else 0.0,
            schema=self._database.schema,
        )

    async def trim(self, now_ms: int) -> None:
        """Drop what retention does not keep, some thousand lines at a time, between what else is written."""
        for step in await self._ask(lambda connection: trimming(connection, self._retention, now_ms)):
            while await self._ask(step):
                pass

    async def _ask(self, job: Callable[[Connection], T]) -> T:
        return await asyncio.wrap_future(self._opened().writer.ask(job))

    def _opened(self) -> "_AtWork":
        if self._at_work is None:
            raise StoreError(f"{self._database.name} is not open")
        return self._at_work

    # -------------------------------------------------------------------------------------------------------- reading

    async def deals_in_order(self) -> AsyncIterator[list[KeptDeal]]:
        """Read all deals, in order of (time_utc_ms, server, login, ticket), some thousand at a time."""
        after: Place | None = None
        held: list[Line] = []
        while True:
            ready, held, after, ended = await self._read(_next_deals, held, after)
            if ready:
                yield ready
            if ended:
                return

    async def deals(self, query: TradeQuery) -> Page:
        """List deals (`KeptDeal`), newest first; those of one moment in an order of their own, always the same."""
        return await self._read(Reading.deals, query)

    async def trades(self, query: TradeQuery) -> Page:
        """List trades (`TradeRow`), newest first by their last deal; from and until are of that one, too."""
        return await self._read(Reading.trades, query)

    async def trade(self, account: tuple[str, int], position_id: int) -> TradeRow | None:
        """Give one trade."""
        return await self._read(Reading.trade, account, position_id)

    async def equity(self, subject: str, from_ms: int, until_ms: int, points: int) -> list[EquityPoint]:
        """Give a curve in at most `points` points, oldest first."""
        return await self._read(Reading.equity, subject, from_ms, until_ms, points)

    async def alerts(self, status: str | None, before: int | None, limit: int) -> Page:
        """List alerts (`AlertRow`), newest first."""
        return await self._read(Reading.alerts, status, before, limit)

    async def news(self, from_ms: int, until_ms: int, limit: int) -> list[KeptNews]:
        """List calendar events, in order of time."""
        return await self._read(Reading.news, from_ms, until_ms, limit)

    async def commands(self, query: CommandQuery) -> Page:
        """List commands (`KeptCommand`), newest first."""
        return await self._read(Reading.commands, query)

    async def command(self, command_id: str) -> KeptCommand | None:
        """Give one command."""
        return await self._read(Reading.command, command_id)

    async def audit(self, after: int, limit: int) -> list[AuditRow]:
        """Read the audit, in order of numbers, beginning with the row that follows `after`."""
        return await self._read(Reading.audit, after, limit)

    async def audit_head(self) -> AuditHead:
        """Tell where the audit's chain ends."""
        return await self._read(Reading.audit_head)

    async def check(self) -> list[str]:
        """Look for damage; give one line for each thing found, none if all is well."""
        self._opened()
        return await asyncio.to_thread(self.check_now)

    def check_now(self) -> list[str]:
        """Look for damage, open or not, while a server has it or not. Blocks."""
        reader = self._database.connect_reader()
        try:
            reader.begin_reading()
            return self._database.check(reader) or [*check_trades(reader), *check_audit(reader)]
        except self._database.troubles as error:
            raise self._database.explain(error) from error
        finally:
            reader.close()

    async def backup(self, path: str) -> None:
        """Write a consistent copy of everything to a new file, while it is in use."""
        self._opened()
        await asyncio.to_thread(self.backup_now, path)

    def backup_now(self, path: str) -> None:
        """Write a consistent copy, open or not, while a server has it or not. Blocks."""
        self._database.backup(path)

    async def _read(self, question: Callable[Concatenate[Reading, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Ask the thread that reads."""
        at_work = self._opened()

        def ask() -> T:
            try:
                return question(at_work.reader.reading(), *args, **kwargs)
            except self._database.troubles as error:
                raise self._database.explain(error) from error

        return await asyncio.get_running_loop().run_in_executor(at_work.thread, ask)


class _Reader:
    """The connection that reads; another one where it was lost."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection = database.connect_reader()
        self._reading = Reading(self._connection)

    def reading(self) -> Reading:
        """Give what reads."""
        if self._connection.lost:
            self._connection.close()
            self._connection = self._database.connect_reader()
            self._reading = Reading(self._connection)
        return self._reading

    def close(self) -> None:
        """Close it."""
        self._connection.close()


def _next_deals(
    reading: Reading, held: list[Line], after: Place | None
) -> tuple[list[KeptDeal], list[Line], Place | None, bool]:
    """Read on through all deals.

    Accounts have numbers, by which the database orders deals of one moment; the order that is promised is by their
    names. So those of the last moment that was read are held back until all of them are there.

    Args:
        reading: where from.
        held: what was held back before.
        after: where reading stopped before.

    Returns:
        Deals in order, what is held back now, where reading stopped, and whether that was the end.
    """
    found = reading.deals_in_order(after)
    ended = len(found) < DEALS_AT_ONCE
    if found:
        after = (found[-1][0], found[-1][4], found[-1][3])
    lines = sorted(held + found)
    ready = len(lines)
    while not ended and ready and lines[ready - 1][0] == lines[-1][0]:
        ready -= 1
    deals = [KeptDeal(line[1], line[2], line[5], line[0], deal_of(*line[6:])) for line in lines[:ready]]
    return deals, lines[ready:], after, ended


class _AtWork(NamedTuple):
    """What there is of a store while it is open."""

    writer: Writer
    reader: _Reader
    thread: ThreadPoolExecutor
