"""`fleetwire top` as somebody uses it: a real server with a fleet, real keys, and what then stands on the screen."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot

from fleetwire import Fleetwire
from fleetwire.cli.asking import Api
from fleetwire.cli.top.app import PAINT_EVERY_S, Top
from fleetwire.cli.top.dialogs import AlertDetail, ExpertDetail, Keys, Stop
from fleetwire.cli.top.feed import Feed
from fleetwire.cli.top.overview import Overview
from fleetwire.cli.top.pane import Lines, Pane
from fleetwire.config import Settings
from fleetwire.sources.simulator import Simulator
from tests.integration.support import TOKEN, account, expert
from tests.support import until

NARROW, WIDE = (80, 24), (200, 60)
EXPERTS = 5


def demo(port: int = 0) -> Fleetwire:
    """A living fleet, without the troubles that happen to one by chance."""
    settings = Settings(port=port, auth_token=TOKEN, database=":memory:")
    return Fleetwire(settings, sources=[Simulator(seed=7, experts=EXPERTS)])


@asynccontextmanager
async def looking(url: str, size: tuple[int, int] = NARROW, token: str = TOKEN) -> AsyncIterator["Screen"]:
    """Look at a server, until everything has come."""
    feed = Feed(url, token)
    await feed.start()
    try:
        app = Top(feed)
        async with app.run_test(size=size) as pilot:
            app.painting.pause()  # a test paints by itself
            await until(lambda: feed.board.complete)
            await feed.ask()
            yield Screen(app, feed, pilot)
    finally:
        await feed.stop()


class Screen:
    """What is on the screen, and the keys below it."""

    def __init__(self, app: Top, feed: Feed, pilot: Pilot[int]) -> None:
        self.app = app
        self.feed = feed
        self.pilot = pilot

    @property
    def overview(self) -> Overview:
        (found,) = (screen for screen in self.app.screen_stack if isinstance(screen, Overview))
        return found

    def text(self, name: str) -> str:
        """Paint, and read one part of the overview."""
        self.app.paint()
        return self.overview.query_one(f"#{name}", Lines).text()

    def dialog(self) -> str:
        """Paint, and read what is open."""
        self.app.paint()
        return "\n".join(lines.text() for lines in self.app.screen.query(Lines))

    def pane(self, name: str) -> Pane:
        return self.overview.query_one(f"#{name}", Pane)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_the_first_glance_answers_in_words_and_nothing_is_cut(size: tuple[int, int]) -> None:
    async with demo() as fw, looking(fw.server.url, size) as screen:
        await until(lambda: screen.feed.board.portfolio is not None)
        head, money = screen.text("head").splitlines(), screen.text("money").splitlines()
        assert head[0].split()[0] in "✔!‼"
        assert f"{EXPERTS} experts" in head[0] or "silent" in head[0] or "alert" in head[0]
        assert "● live  heard" in head[0]
        assert "oldest number" in head[1]
        assert "admin" in head[1]
        assert money[1].split() == ["equity", "balance", "drawdown", "today", "open", "margin", "pos"]
        assert {"USD", "EUR"} <= {line.split()[0] for line in money[2:]}
        assert "…" not in "".join(money)
        assert len(screen.text("experts").splitlines()) == 2 + EXPERTS
        assert "margin call" in screen.text("limits")
        assert "alerts" in screen.text("alerts")
        assert screen.text("keys").startswith("? keys")


@pytest.mark.parametrize(("size", "beside"), [(NARROW, False), (WIDE, True)])
async def test_alerts_stand_beside_the_experts_where_there_is_room(size: tuple[int, int], beside: bool) -> None:
    async with demo() as fw, looking(fw.server.url, size) as screen:
        await until(lambda: screen.pane("experts").region.width > 0)
        await until(lambda: (screen.pane("alerts").region.x > 0) == beside)


async def test_however_much_is_told_only_the_timer_paints() -> None:
    assert PAINT_EVERY_S >= 0.1, "at most ten times a second"
    async with demo() as fw, looking(fw.server.url) as screen:
        await screen.pilot.pause()
        before, painted = screen.text("experts"), screen.overview.paints
        for number in range(500):
            row = {"ea_id": 900_000 + number, "symbol": "WAVE", "status": "active", "current_profit": float(number)}
            await fw.server.broadcast_ea_update(row)
        await until(lambda: len(screen.feed.board.experts) == EXPERTS + 500)
        await screen.pilot.pause()
        assert screen.overview.paints == painted
        assert screen.pane("experts").text() == before
        assert f"experts {EXPERTS + 500}" in screen.text("experts")
        assert screen.overview.paints == painted + 1


async def test_the_table_is_sorted_narrowed_and_moved_in_by_keys() -> None:
    async with demo() as fw, looking(fw.server.url) as screen:
        pane = screen.pane("experts")
        await screen.press("s", "home")
        assert "id▴" in pane.text()
        assert pane.key == "1001"
        await screen.press("r", "home")
        assert pane.key == "1005"
        await screen.press("j", "down", "k")
        assert pane.key == "1004"
        await screen.press("slash", *"1003", "enter")
        assert pane.has_focus
        assert f"experts 1 of {EXPERTS}  “1003”" in pane.text()
        assert pane.key == "1003"
        await screen.press("slash", *"zzz", "enter")
        assert "esc shows all" in pane.text()
        await screen.press("escape", "f")
        assert "silent" in pane.text().splitlines()[0]
        await screen.press("escape")
        assert f"experts {EXPERTS} " in pane.text()


async def test_keys_and_details_open_and_close() -> None:
    async with demo() as fw, looking(fw.server.url) as screen:
        await screen.press("question_mark")
        assert isinstance(screen.app.screen, Keys)
        assert "acknowledge" in screen.dialog()
        await screen.press("escape", "s", "home", "enter")
        assert isinstance(screen.app.screen, ExpertDetail)
        assert "profit factor" in screen.dialog() or "no closed trade yet" in screen.dialog()
        assert "account          Simulated" in screen.dialog()
        await screen.press("escape")
        assert screen.app.screen is screen.overview
        await screen.press("q")
    assert screen.app.return_value == 0


async def test_an_alert_is_acknowledged_with_two_keys_and_looked_at_with_enter(tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text(
        '[[rule]]\nname = "poor"\nsubject = "account"\nwhen = "equity < 900"\nlevel = "critical"\n'
        'message = "{account} is poor"\n'
    )
    settings = Settings(port=0, auth_token=TOKEN, database=":memory:", rules=str(rules))
    async with Fleetwire(settings) as fw, looking(fw.server.url) as screen:
        await fw.report(account(800.0), expert())
        await until(lambda: screen.feed.board.alerts)
        assert screen.text("head").splitlines()[0].startswith(" ‼  1 critical alert")
        assert "Broker-Demo/5 is poor" in screen.text("alerts")
        await screen.press("a")
        assert screen.pane("alerts").has_focus
        assert screen.feed.board.alerts[0]["status"] == "raised", "the first key only goes there"
        await screen.press("enter")
        assert isinstance(screen.app.screen, AlertDetail)
        assert "Broker-Demo/5 is poor" in screen.dialog()
        await screen.press("escape", "a")
        await until(lambda: screen.feed.board.alerts[0]["status"] == "acknowledged")
        assert "seen by admin" in screen.text("alerts")
        assert "‼" not in screen.text("head")
        assert fw.alerts[0].status == "acknowledged"


async def test_the_emergency_stop_needs_a_key_and_a_typed_word() -> None:
    async with demo() as fw, looking(fw.server.url) as screen:
        await until(lambda: len(fw.service.orders.places) == EXPERTS)

        async def stops() -> int:
            page = await Api(fw.server.url, TOKEN).ask("GET", "commands?limit=100")
            return sum(row["command"] == "emergency_stop" for row in page["items"])

        await screen.press("exclamation_mark")
        assert isinstance(screen.app.screen, Stop)
        assert f"Stops trading of {EXPERTS} experts" in screen.dialog()
        await screen.press("enter", *"yes", "enter")
        assert "Nothing was sent" in screen.dialog()
        await screen.press("escape")
        assert await stops() == 0
        await screen.press("exclamation_mark", *"stop", "enter")
        await until(lambda: "Stopped: all 5 experts have executed it" in screen.dialog())
        assert await stops() == EXPERTS + 1, "the command, and its part for each expert"
        await screen.press("escape", "exclamation_mark")
        assert "Stops trading" in screen.dialog(), "the one before is done: this would be another"


async def test_the_stop_may_leave_positions_open() -> None:
    async with demo() as fw, looking(fw.server.url) as screen:
        await until(lambda: len(fw.service.orders.places) == EXPERTS)
        await screen.press("exclamation_mark", "shift+tab", "space")
        assert "leaves their positions open" in screen.dialog()
        await screen.press("tab", *"STOP", "enter")
        await until(lambda: "Stopped" in screen.dialog())
        page = await Api(fw.server.url, TOKEN).ask("GET", "commands?limit=100")
        assert {row["params"]["close"] for row in page["items"] if row["command"] == "emergency_stop"} == {False}


async def test_a_viewer_sees_everything_and_stops_nothing() -> None:
    async with demo() as fw:
        issued = await Api(fw.server.url, TOKEN).ask("POST", "tokens", {"role": "viewer", "name": "wall"})
        async with looking(fw.server.url, token=issued["token"]) as screen:
            assert "emergency" not in screen.text("keys")
            await screen.press("exclamation_mark")
            assert screen.app.screen is screen.overview
            assert "viewer may not give commands" in screen.text("keys")
            await screen.press("a")
            assert "viewer may not acknowledge" in screen.text("keys")
            assert f"experts {EXPERTS}" in screen.text("experts")


async def test_a_token_for_one_account_sees_that_account_instead_of_the_sums() -> None:
    async with demo() as fw:
        await until(lambda: len(fw.portfolio.totals) == 2)
        request = {"role": "viewer", "name": "anna", "scopes": {"accounts": ["Simulated-Live/400000005"]}}
        issued = await Api(fw.server.url, TOKEN).ask("POST", "tokens", request)
        async with looking(fw.server.url, token=issued["token"]) as screen:
            (line,) = screen.text("money").splitlines()[2:]
            assert line.split()[0] == "Simulated-Live/400000005"
            assert "EUR" not in screen.text("money")


async def test_a_lost_server_is_said_in_words_looks_old_and_is_found_again() -> None:
    first = demo()
    await first.__aenter__()
    port = first.server.port
    async with looking(first.server.url) as screen:
        assert "╱" not in screen.text("experts")
        await first.__aexit__(None, None, None)
        await until(lambda: not screen.feed.link.live)
        assert "trying again" in screen.text("head")
        assert "✕ disconnected" in screen.text("head")
        for name in ("money", "experts", "alerts"):
            assert "╱╱╱╱" in screen.text(name), name
        async with demo(port):
            await until(lambda: screen.feed.link.live, within_s=15)
            assert "● live" in screen.text("head")
            assert "╱" not in screen.text("experts")


async def test_a_revoked_token_is_said_and_stays_on_the_screen() -> None:
    async with demo() as fw:
        issued = await Api(fw.server.url, TOKEN).ask("POST", "tokens", {"role": "viewer", "name": "wall"})
        async with looking(fw.server.url, token=issued["token"]) as screen:
            await Api(fw.server.url, TOKEN).ask("POST", f"tokens/{issued['about']['token_id']}/revoke")
            await until(lambda: screen.feed.link.refused)
            assert screen.text("head").startswith(" ‼  The token was revoked: start again")
            assert "╱╱╱╱" in screen.text("experts")
            assert issued["token"] not in screen.text("head")


@pytest.mark.parametrize("no_color", [False, True])
async def test_sixteen_colours_are_enough_and_none_is_needed(no_color: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    if no_color:
        monkeypatch.setenv("NO_COLOR", "1")
    async with demo() as fw, looking(fw.server.url) as screen:
        await screen.press("exclamation_mark")
        screen.app.paint()
        strips = screen.app.screen._compositor.render_strips()
        styles = [segment.style for strip in strips for segment in strip if segment.style is not None]
        used = {color for style in styles for color in (style.color, style.bgcolor) if color and not color.is_default}
        numbers = {color.number for color in used}
        assert numbers <= (set() if no_color else set(range(16))), "the terminal's own colours"
        assert bool(numbers) != no_color
        assert any(style.reverse for style in styles), "the cursor needs no colour"
