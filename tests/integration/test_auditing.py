"""Pages of the audit over HTTP: newest first, picked, and for admins only."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from fleetwire import Fleetwire
from fleetwire.integration import auditing
from fleetwire.wire.audit import verify
from fleetwire.wire.tokens import TokenRequest
from tests.integration.support import TOKEN, account, expert, whole


@pytest.fixture
async def fleet(tmp_path: Path) -> AsyncIterator[Fleetwire]:
    """Three commands of which one was taken back, and one that was refused."""
    async with whole(tmp_path / "kept.db") as running:
        await running.report(account(), expert())
        for number in range(3):
            await asked(
                running,
                "POST",
                "commands",
                body={"target": {"ea_id": 12345}, "command": "pause", "reason": f"{number}"},
            )
        first = (await asked(running, "GET", "commands"))["items"][-1]["command_id"]
        await asked(running, "POST", f"commands/{first}/cancel", body={"reason": "a slip"})
        refused = {"target": {"ea_id": 12345}, "command": "close_position", "params": {"ticket": -1}}
        await asked(running, "POST", "commands", body=refused, status=422)
        await running.service.acknowledged()
        yield running


async def asked(
    fleet: Fleetwire, method: str, path: str, body: Any = None, token: str = TOKEN, status: int = 200
) -> Any:
    url = f"http://127.0.0.1:{fleet.server.port}/api/v1/{path}"
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    data = json.dumps(body).encode() if body is not None else None
    async with aiohttp.ClientSession() as session, session.request(method, url, data=data, headers=headers) as answer:
        assert answer.status == status, await answer.text()
        return await answer.json(content_type=None)


async def pages(fleet: Fleetwire, query: str) -> list[list[dict[str, Any]]]:
    """Read page after page to the end."""
    found, cursor = [], ""
    while True:
        page = await asked(fleet, "GET", f"audit?{query}{cursor}")
        found.append(page["items"])
        if "next" not in page:
            return found
        assert len(found) < 100
        cursor = f"&cursor={page['next']}"


async def test_pages_give_every_row_once_newest_first(fleet: Fleetwire) -> None:
    assert fleet.service.keeper is not None
    kept = await fleet.service.keeper.store.audit(0, 1000)
    assert verify(kept) is None
    for limit in (1, 2, len(kept), 1000):
        found = await pages(fleet, f"limit={limit}")
        assert max(map(len, found)) <= limit
        rows = [row for page in found for row in page]
        assert [(row["number"], row["hash"]) for row in rows] == [(row.number, row.hash) for row in reversed(kept)]


async def test_a_row_says_who_when_where_why_before_and_after(fleet: Fleetwire) -> None:
    rows = [row for page in await pages(fleet, "limit=100") for row in page]
    cancelled = next(row for row in rows if row["action"] == "command_cancelled")
    expected = {"who": "admin", "address": "127.0.0.1", "before": "queued", "after": "cancelled", "why": "a slip"}
    assert {name: cancelled[name] for name in expected} == expected
    assert cancelled["time_utc"].endswith("Z")
    refused = next(row for row in rows if row["action"] == "command_refused")
    assert "before" not in refused
    assert refused["why"].startswith("close_position: ")
    assert "ticket" in refused["why"]


async def test_rows_are_picked_by_subject_and_by_who(fleet: Fleetwire) -> None:
    group = await asked(fleet, "POST", "commands", body={"target": {"all": True}, "command": "resume"})
    subject = group["command_id"]
    [rows] = await pages(fleet, f"subject={subject}")
    assert {row["subject"] for row in rows} == {subject, f"{subject}.1"}
    assert await pages(fleet, f"subject={subject[:-1]}") == [[]], "a part of an id is another id"
    assert await pages(fleet, "who=nobody") == [[]]


async def test_a_page_looks_at_so_many_rows_and_the_next_goes_on(
    fleet: Fleetwire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auditing, "LOOKED_AT_MAX", 2)
    monkeypatch.setattr(auditing, "_AT_ONCE", 1)
    first = (await asked(fleet, "GET", "commands"))["items"][-1]["command_id"]
    found = await pages(fleet, f"subject={first}&limit=100")
    assert len(found) == 3
    assert [row["after"] for page in found for row in page] == ["cancelled", "queued"]


async def test_it_is_for_admins(fleet: Fleetwire) -> None:
    for role, status in (("admin", 200), ("operator", 403), ("viewer", 403)):
        issued = await fleet.server._office.token_desk.create(TokenRequest(role=role), "admin")
        await asked(fleet, "GET", "audit", token=issued.token, status=status)
