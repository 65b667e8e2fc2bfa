"""A fleet of three experts on two accounts, and who asks about it."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from fleetwire import Fleetwire
from tests.integration.scoping import IDS, LONDON, TOKYO, account, deal, report
from tests.integration.support import whole


@pytest.fixture
async def fleet(tmp_path: Path) -> AsyncIterator[Fleetwire]:
    async with whole(tmp_path / "kept.db") as running:
        await running.report(account(LONDON), account(TOKYO), *map(report, IDS))
        await running.report(*(deal(expert, IDS[expert]) for expert in IDS))
        yield running


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session
