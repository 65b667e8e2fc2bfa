"""The one writer: a thread that takes units from a bounded queue, and commits many in one transaction."""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Final, NoReturn, TypeVar

from msgspec import Struct

from fleetwire.ports import KeptAccount, KeptAudit, KeptCommand, KeptEvent, KeptExpert, KeptNews, KeptNote, Record
from fleetwire.storage.database import Connection, Database, RefusedError
from fleetwire.storage.writing import Writing
from fleetwire.wire.errors import StoreError

logger = logging.getLogger("fleetwire.storage")

Done = Callable[[Exception | None], None]
Told = tuple[Done, Exception | None]
T = TypeVar("T")

PENDING_MAX: Final = 100_000
"""Records that may wait to be written; beyond, units are refused."""
PENDING_BYTES_MAX: Final = 64 * 1024 * 1024
"""What they may take, about, in bytes."""
BATCH_RECORDS_MAX: Final = 5000
"""Records after which a transaction takes no further unit."""
FIRST_PAUSE_S: Final = 0.1
LAST_PAUSE_S: Final = 5.0
"""Pauses between attempts while nothing can be written: from the first, doubling, to the last."""

_RECORD_BYTES: Final = 400  # what a record takes without its blobs


class Unit(Struct):
    """What is written together, or not at all. `done` is None once it has been called."""

    records: tuple[Record, ...]
    size: int
    done: Done | None


class Writer:
    """Writes units in the order in which they come.

    Args:
        database: where to.
        connection: the first one; others are asked of the database after a failure.
        loop: in which `done` is called.
    """

    def __init__(self, database: Database, connection: Connection, loop: asyncio.AbstractEventLoop) -> None:
        self._database = database
        self._connection: Connection | None = connection
        self._writing = Writing(connection)
        self._loop = loop
        self._bell = threading.Condition()
        self._units: deque[Unit] = deque()
        self._jobs: deque[Callable[[], None]] = deque()
        self._stopping = False
        self._bytes = 0
        self._pause_s = 0.0
        self.pending = 0
        self.committed = 0
        self.last_commit_ms = 0.0
        self.failing: str | None = None
        self._thread = threading.Thread(target=self._run, name="fleetwire store: writer", daemon=True)
        self._thread.start()

    # --------------------------------------------------------------------------------------------- in the event loop

    def keep(self, records: Sequence[Record], done: Done | None) -> None:
        """Take a unit.

        Raises:
            StoreError: too much waits already.
        """
        unit = Unit(tuple(records), sum(map(_size, records)), done)
        with self._bell:
            if not self._thread.is_alive():
                raise StoreError("the thread that writes has ended; the log says why: start fleetwire again")
            too_many = self.pending + len(unit.records) > PENDING_MAX or self._bytes + unit.size > PENDING_BYTES_MAX
            if unit.records and too_many:
                self._refuse_for_want_of_room(unit)
            self._units.append(unit)
            self.pending += len(unit.records)
            self._bytes += unit.size
            self._bell.notify()

    def _refuse_for_want_of_room(self, unit: Unit) -> NoReturn:
        if len(unit.records) > PENDING_MAX or unit.size > PENDING_BYTES_MAX:
            raise StoreError(
                f"{len(unit.records)} records of about {unit.size:,} bytes are more than may wait "
                f"({PENDING_MAX:,} records, {PENDING_BYTES_MAX:,} bytes): hand them over in parts"
            )
        why = self.failing or "the disk is too slow"
        raise StoreError(f"{self.pending} records wait to be written, no more are taken: {why}")

    def ask(self, job: Callable[[Connection], T]) -> "Future[T]":
        """Let the thread do something in a transaction of its own, between two groups of units."""
        answer: Future[T] = Future()
        with self._bell:
            self._jobs.append(lambda: self._work(job, answer))
            self._bell.notify()
        return answer

    def stop(self) -> None:
        """Write what waits, with one last attempt if nothing can be written, and end. Blocks.

        Raises:
            StoreError: some of it could not be written.
        """
        with self._bell:
            self._stopping = True
            self._bell.notify()
        self._thread.join()
        if self.pending:
            raise StoreError(f"{self.pending} records were not written, and are lost: {self.failing}")

    # ------------------------------------------------------------------------------------------------- in the thread

    def _run(self) -> None:
        while True:
            with self._bell:
                self._bell.wait_for(self._has_to_act, self._pause_s or None)
                last = self._stopping
                batch = self._next_batch()
                jobs, self._jobs = self._jobs, deque()
            written = not batch or self._commit(batch)
            for job in jobs:
                job()
            if last and (not written or not self._units):
                break
        self._disconnect()

    def _has_to_act(self) -> bool:
        """Tell whether to act before the pause is over (there is one only while nothing can be written)."""
        return self._stopping or bool(self._jobs) or (not self._pause_s and bool(self._units))

    def _next_batch(self) -> list[Unit]:
        """Give the units of the next transaction; they stay in the queue until they are on disk."""
        batch, records = [], 0
        for unit in self._units:
            batch.append(unit)
            records += len(unit.records)
            if records >= BATCH_RECORDS_MAX:
                break
        return batch

    def _commit(self, batch: list[Unit]) -> bool:
        """Write units in one transaction; tell whether they are done with."""
        started = time.perf_counter()
        try:
            self._transact(batch)
        except RefusedError as error:
            return self._commit_halves(batch) if len(batch) > 1 else self._refuse(batch[0], error)
        except StoreError as error:
            self._fail(error)
            return False
        self._succeed(batch, (time.perf_counter() - started) * 1000)
        return True

    def _commit_halves(self, batch: list[Unit]) -> bool:
        """One of them is at fault: look for it by halves, so that the others hardly suffer."""
        half = len(batch) // 2
        return self._commit(batch[:half]) and self._commit(batch[half:])

    def _transact(self, batch: list[Unit]) -> None:
        """Write units in one transaction.

        Raises:
            StoreError: none of them is written; a `RefusedError` if it is their own fault.
        """
        try:
            connection = self._connected()
            records = [record for unit in batch for record in unit.records]
            if not records:
                return
            connection.begin()
            self._writing.write(records)
            connection.commit()
        except Exception as error:
            told = self._database.explain(error)
            self._recover(told)
            raise told from error

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = self._database.connect()
            self._writing = Writing(self._connection)
        return self._connection

    def _recover(self, told: StoreError) -> None:
        """Leave nothing half done. After a failure of the disk a connection is not to be trusted: it is closed.

        What a failed sync may have left unwritten is never taken for written: the same units are written anew, by a
        connection that begins an empty log.
        """
        self._writing.forget()
        try:
            if self._connection is not None:
                self._connection.rollback()
        except Exception as error:
            logger.debug("rolling back failed, too: %s", error)
            self._disconnect()
        if not isinstance(told, RefusedError):
            self._disconnect()

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        try:
            if connection is not None:
                connection.close()
        except Exception as error:
            logger.warning("closing the database failed: %s", self._database.explain(error))

    def _work(self, job: Callable[[Connection], T], answer: "Future[T]") -> None:
        if not answer.set_running_or_notify_cancel():
            return
        try:
            connection = self._connected()
            connection.begin()
            found = job(connection)
            connection.commit()
        except Exception as error:
            told = self._database.explain(error)
            self._recover(told)
            answer.set_exception(told)
        else:
            answer.set_result(found)

    # ------------------------------------------------------------------------------------------------------- telling

    def _succeed(self, batch: list[Unit], took_ms: float) -> None:
        with self._bell:
            if self.failing is not None:
                logger.warning("the store can be written again; %d records waited", self.pending)
            self.failing, self._pause_s = None, 0.0
            written = sum(len(unit.records) for unit in batch)
            if written:
                self.committed, self.last_commit_ms = self.committed + written, took_ms
            self._take_out(batch)
        self._tell([(unit.done, None) for unit in batch if unit.done])

    def _refuse(self, unit: Unit, error: RefusedError) -> bool:
        logger.error("a unit of %d records is refused: %s", len(unit.records), error)
        with self._bell:
            self._take_out([unit])
        self._tell([(unit.done, error)] if unit.done else [])
        return True

    def _take_out(self, batch: list[Unit]) -> None:
        for unit in batch:
            self._units.popleft()
            self.pending -= len(unit.records)
            self._bytes -= unit.size

    def _fail(self, error: StoreError) -> None:
        with self._bell:
            if self.failing is None:
                logger.error("the store can't be written, and is tried again: %s", error)
            self.failing = str(error)
            self._pause_s = min(max(self._pause_s * 2, FIRST_PAUSE_S), LAST_PAUSE_S)
            waiting: list[Told] = [(unit.done, error) for unit in self._units if unit.done]
            for unit in self._units:
                unit.done = None
            while self._units and not self._units[0].records:  # somebody only asked whether all is written
                self._units.popleft()
        self._tell(waiting)

    def _tell(self, told: list[Told]) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody is there any more to be told
            if told:
                self._loop.call_soon_threadsafe(_call, told)


def _call(told: list[Told]) -> None:
    """Call everybody back, whatever one of them does."""
    for done, error in told:
        try:
            done(error)
        except Exception:
            logger.exception("a callback of the store failed")


def _size(record: Record) -> int:
    """Give about what a record takes, in bytes."""
    match record:
        case KeptAccount() | KeptExpert() | KeptNews() | KeptCommand():
            return _RECORD_BYTES + len(record.memory)
        case KeptEvent():
            return _RECORD_BYTES + len(record.payload)
        case KeptNote():
            return _RECORD_BYTES + len(record.value)
        case KeptAudit(row):
            return _RECORD_BYTES + len(row.before) + len(row.after) + len(row.why) + len(row.details)
    return _RECORD_BYTES
