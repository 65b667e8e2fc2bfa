"""`fleetwire audit verify | export`: look whether the audit is whole, or write it out."""

import argparse
import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import msgspec

from fleetwire.cli import settings
from fleetwire.config import default_database
from fleetwire.ports import Store
from fleetwire.storage import open_store
from fleetwire.wire.audit import GENESIS, AuditHead, AuditRow, verify
from fleetwire.wire.errors import ConfigError

_AT_ONCE: Final = 1000
BROKEN: Final = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what to do, and with which database."""
    parser.add_argument(
        "action", choices=["verify", "export"], help="look whether it is whole; or write it, a row a line"
    )
    parser.add_argument("--database", metavar="FILE", help="where the fleet is kept (fleetwire.db in your own folder)")
    parser.add_argument(
        "--end", metavar="NUMBER:HASH", help="where the audit has to end at least, as somebody wrote it down elsewhere"
    )
    settings.add_config_argument(parser)


def run(args: argparse.Namespace) -> int:
    """Do it; 1 is the exit code of an audit that is not whole.

    Raises:
        FleetwireError: the database can't be read, or a server has it open.
    """
    database = settings.loaded(args).settings.database or str(default_database(os.environ))
    if "://" not in database and not Path(database).expanduser().is_file():
        raise ConfigError(f"database ({database}): there is no such file: give --database FILE")
    end = _read_end(args.end) if args.end else None
    return asyncio.run(_with_store(database, args.action, end))


async def _with_store(database: str, action: str, end: AuditHead | None) -> int:
    store = open_store(database)
    await store.open()
    try:
        return await (_export(store) if action == "export" else _verify(store, end))
    except _UnreadableError as error:
        print(f"the audit is broken at {error}", file=sys.stderr if action == "export" else sys.stdout)
        return BROKEN
    finally:
        await store.close()


class _UnreadableError(Exception):
    """A row that can't be read; says which."""


async def _rows(store: Store) -> AsyncIterator[list[AuditRow]]:
    """Read all rows.

    Raises:
        _UnreadableError: one of them is no such row; those before it were given.
    """
    after, at_once = 0, _AT_ONCE
    while True:
        try:
            rows = await store.audit(after, at_once)
        except msgspec.MsgspecError:
            if at_once == 1:
                number = after + 1
                raise _UnreadableError(f"row {number}: row {number} is no row that fleetwire writes") from None
            at_once = 1  # one by one, to find it
            continue
        if not rows:
            return
        yield rows
        after = rows[-1].number


async def _verify(store: Store, written_down: AuditHead | None) -> int:
    head, kept, seen = GENESIS, await store.audit_head(), {GENESIS.number: GENESIS.hash}
    async for rows in _rows(store):
        wrong = verify(rows, begin=head)
        if wrong is not None:
            print(f"the audit is broken at row {wrong.number}: {wrong.why}")
            return BROKEN
        head = AuditHead(rows[-1].number, rows[-1].hash)
        if written_down is not None:
            seen |= {row.number: row.hash for row in rows if row.number == written_down.number}
    if head != kept:
        print(f"the audit is broken: it ends at row {head.number}, and {kept.number} was noted as the last")
        return BROKEN
    if written_down is not None and seen.get(written_down.number) != written_down.hash:
        print(f"the audit is broken: row {written_down.number} is not the one that was written down")
        return BROKEN
    print(f"the audit is whole: {head.number:,} rows; it ends with {head.number}:{head.hash}")
    return 0


async def _export(store: Store) -> int:
    async for rows in _rows(store):
        sys.stdout.write("".join(f"{msgspec.json.encode(row).decode()}\n" for row in rows))
    return 0


def _read_end(text: str) -> AuditHead:
    number, found, digest = text.partition(":")
    if not found or not number.isdecimal() or not digest:
        raise ConfigError(f"--end {text!r:.80}: write NUMBER:HASH, as `fleetwire audit verify` prints it")
    return AuditHead(int(number), digest)
