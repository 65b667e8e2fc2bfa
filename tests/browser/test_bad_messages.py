"""What no server should say: the page tells it in words, shows nothing wrong as a number, and goes on."""

import json
import re
from typing import Any

import pytest

from fleetwire.integration import Fleetwire
from fleetwire.server.api.dashboard import FOLDER
from tests.browser.chromium import CHROMIUM
from tests.browser.conftest import three_experts

pytest.importorskip("playwright")
from playwright.async_api import Page, expect

from tests.browser.line import Line
from tests.browser.seeing import ANSWER, NOTICES, looks_live, looks_old, says, visit

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium"),
    pytest.mark.skipif(not (FOLDER / "index.html").is_file(), reason="needs the dashboard: make web builds it"),
]

GRID = "[role=grid] .all"


def update(**fields: Any) -> dict[str, Any]:
    """Word of an expert, as a server would tell it if it were wrong."""
    data = {"ea_id": 1007, "symbol": "EURUSD", "name": "London Breakout", "status": "active", "link": "fresh"} | fields
    return {"type": "ea_update", "channel": "ea_updates", "key": "1007", "position": 1, "data": data}


@pytest.mark.parametrize(
    "text",
    [
        "no JSON",
        '[{"type": "ea_update", "position": "7"}]',
        "[" * 20_000,
        '[{"data": {}}]',
        "[5]",
        '[{"type": "trade_update", "channel": "trade_updates", "position": 6, "seq": 1, "data": 5}]',
    ],
    ids=["text", "a number as text", "too deep", "no type", "no message", "no row"],
)
async def test_a_message_that_cannot_be_read_is_said_in_words_and_everything_is_told_again(
    fleet: Fleetwire, page: Page, line: Line, complaints: list[str], text: str
) -> None:
    await visit(page, fleet, "#/experts")
    await looks_live(page)
    line.say_raw(text)
    notice = page.locator(NOTICES)
    await expect(notice).to_contain_text("The server sent something that this page can't read")
    await looks_live(page)
    assert line.sockets == 2
    await fleet.report(*three_experts(profit=-42.5))
    await says(page, "−42.50")
    await notice.get_by_role("button").click()
    await expect(notice).to_have_text("")
    assert complaints == []


async def test_while_what_it_was_told_cannot_be_read_nothing_is_shown_as_live(
    fleet: Fleetwire, page: Page, line: Line
) -> None:
    await visit(page, fleet, "#/experts")
    await looks_live(page)
    line.is_cut = True
    line.say_raw("no JSON")
    await looks_old(page)
    line.is_cut = False
    await looks_live(page)


async def test_messages_that_nobody_knows_change_nothing(
    fleet: Fleetwire, page: Page, line: Line, complaints: list[str]
) -> None:
    await visit(page, fleet, "#/experts")
    await looks_live(page)
    line.say({"type": "tomorrow", "data": {"a": 1}}, {"type": "ea_update", "channel": "tomorrow", "data": 5})
    await fleet.report(*three_experts(profit=-42.5))
    await says(page, "−42.50")
    await looks_live(page)
    assert line.sockets == 1
    await expect(page.locator(NOTICES)).to_have_text("")
    assert complaints == []


async def test_fields_that_are_something_else_are_named_left_out_and_stop_no_page(
    fleet: Fleetwire, page: Page, line: Line, complaints: list[str]
) -> None:
    await visit(page, fleet, "#/experts")
    await says(page, "+150.75")
    wrong = update(current_profit="150", last_trades="x", performance_metrics=5, module_status=None, symbol=5)
    line.say(wrong)
    notice = page.locator(NOTICES)
    await expect(notice).to_contain_text(
        "Of expert 1007 this can't be read and is left out: symbol, current_profit, performance_metrics, last_trades."
    )
    line.say(
        {"type": "portfolio_update", "channel": "portfolio_updates", "key": "total", "position": 2}
        | {"data": {"portfolio": "total", "by_currency": "x", "breakdown": 5, "trading_blocked": None}},
        {"type": "alert", "channel": "alerts", "position": 3, "seq": 1}
        | {"data": {"alert_id": "z", "level": 5, "message": None, "status": "raised"}},
        {"type": "command_update", "channel": "command_updates", "position": 4, "seq": 1, "data": {"issued_at": 5}},
        {"type": "news_update", "channel": "news_updates", "position": 5, "seq": 1}
        | {"data": {"id": None, "time_utc": 5, "status": "announced"}},
        {"type": "trade_update", "channel": "trade_updates", "position": 6, "seq": 1}
        | {"data": {"ticket": None, "profit": "much", "time_utc": 5}},
    )
    profit = page.locator(f"{GRID} [role=row]", has_text="London Breakout").locator(":nth-child(5)")
    await expect(profit.first).to_have_text("–")  # no number is shown where none was told, and none is guessed
    for name in ("overview", "experts?ea=1007", "positions", "trades", "alerts", "news", "commands", "connections"):
        await page.evaluate(f"location.hash = '#/{name}'")
        await expect(page.locator(".page")).to_contain_text(re.compile(r"\w{5}"))
        await expect(page.locator(".page")).not_to_contain_text(re.compile("NaN|undefined"))
    await page.evaluate("location.hash = '#/experts'")
    await notice.get_by_role("button").click()
    line.say(wrong)
    await expect(profit.first).to_have_text("–")
    await fleet.report(*three_experts(profit=-42.5))
    await says(page, "−42.50")
    await expect(notice, "what was closed is not said again").to_have_text("")
    assert line.sockets == 1
    assert complaints == []


async def test_a_server_of_another_version_is_said_in_words_and_one_of_ours_is_found_again(
    fleet: Fleetwire, page: Page, line: Line, complaints: list[str]
) -> None:
    await visit(page, fleet, "#/experts")
    await looks_live(page)
    line.first = json.dumps([{"type": "connection", "data": {"protocol": 9, "status": "connected"}}])
    await line.drop()
    await expect(page.locator(ANSWER)).to_contain_text("The server and this page are of different versions")
    await looks_old(page)
    line.first = None
    await looks_live(page)
    assert complaints == []
