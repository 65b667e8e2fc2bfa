"""The overview: the answer first, then the money, the limits, the experts and the alerts; and the keys."""

from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.screen import Screen
from textual.widgets import Input

from fleetwire.cli.top import alerts, experts, figures, heading, health, stop
from fleetwire.cli.top.dialogs import AlertDetail, Dialog, ExpertDetail, Keys, Stop
from fleetwire.cli.top.feed import Feed
from fleetwire.cli.top.formats import count, text, whole
from fleetwire.cli.top.line import Line, Look, Part, aged, joined, rule, spread
from fleetwire.cli.top.pane import Lines, Pane
from fleetwire.hub.roles import Right
from fleetwire.wire.errors import FleetwireError

WIDE = 154
"""From so many columns on, alerts and limits stand beside the experts instead of below."""
_NOTICE_PAINTS = 24
_LIMITS_NARROW = 2


class Overview(Screen[None]):
    """Everything at a glance.

    Args:
        feed: the server.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark", "keys", "keys"),
        Binding("slash", "filter", "filter"),
        Binding("f", "narrow", "narrow"),
        Binding("s", "sort(1)", "sort"),
        Binding("S", "sort(-1)", show=False),
        Binding("r", "reverse", "reverse"),
        Binding("a", "acknowledge", "alerts, acknowledge"),
        Binding("exclamation_mark", "stop", "emergency stop"),
        Binding("escape", "all", show=False),
    ]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE, "-wide")]  # noqa: RUF012 - Textual declares it so
    DEFAULT_CSS = """
    Overview {
        layout: vertical; background: ansi_default; color: ansi_default;
        #words { display: none; background: ansi_default; }
        #words.asked { display: block; }
        #body { height: 1fr; }
        #side { height: auto; }
        #alerts { height: 5; }
        &.-wide {
            #body { layout: horizontal; }
            #main { width: 1fr; }
            #side { width: 74; height: 1fr; margin-left: 2; }
            #alerts { height: 1fr; }
        }
    }
    """

    def __init__(self, feed: Feed) -> None:
        super().__init__()
        self._feed = feed
        self._order = experts.Order()
        self._state = "all"
        self._notice: Line = ()
        self._notice_left = 0
        self._stop = stop.Request()
        self.paints = 0
        """How often the whole was painted."""

    def compose(self) -> ComposeResult:
        """Lay it out."""
        yield Lines("head")
        yield Lines("money")
        with Container(id="body"):
            with Vertical(id="main"):
                yield Input(id="words", placeholder="words: name, symbol, strategy, account, id", compact=True)
                yield Pane("experts")
            with Vertical(id="side"):
                yield Lines("limits")
                yield Pane("alerts")
        yield Lines("keys")

    def on_mount(self) -> None:
        """Begin with the experts."""
        self.query_one("#experts").focus()

    # -------------------------------------------------------------------------------------------------------- painting

    def paint(self) -> None:
        """Show what is known at this moment. Nothing else paints, however much is told in between."""
        self.paints += 1
        rows, link = self._feed.board.experts, self._feed.link
        ages = {key: self._feed.board.age_ms(key) for key in rows}
        old = not link.live
        self._paint_head(rows, ages)
        self._paint_money(rows, old)
        self._paint_experts(rows, ages, old)
        self._paint_alerts(old)
        self._paint_keys()

    def _paint_head(self, rows: dict[str, Any], ages: dict[str, float | None]) -> None:
        feed, board = self._feed, self._feed.board
        due = [ages[key] for key, row in rows.items() if health.is_due(row)]
        glance = heading.Glance(
            link=feed.link,
            complete=board.complete,
            fleet=health.counted(rows.values()),
            oldest_ms=max((ms for ms in due if ms is not None), default=None),
            alerts=board.alerts,
            portfolio=board.portfolio or {},
            silent_ms=feed.silent_ms,
        )
        right = f"{feed.role}  {datetime.now(UTC):%H:%M:%S} UTC"
        self._lines("head").show(heading.lines(glance, right, self.size.width))

    def _paint_money(self, rows: dict[str, Any], old: bool) -> None:
        board, wide = self._feed.board, self.size.width >= WIDE
        sums = figures.sums_of(board.portfolio, rows.values(), board.accounts, each=wide)
        nothing: Line = ((f"no account has reported yet {board.accounts_why}", "faint"),)
        lines = figures.sum_lines(sums) if sums else [nothing]
        room = max(2, self.size.height // 4)
        more = len(lines) - room
        if more > 0:
            lines = [*lines[:room], ((f"and {more} more", "faint"),)]
        title: list[Part] = [("money", "strong"), *([_OLD] if old else [])]
        width = self._lines("money").size.width
        self._lines("money").show([rule(title, width, old=old), *_as(lines, old)])
        limits = self._lines("limits")
        found = figures.headrooms(board.accounts)
        shown = found if wide else found[:_LIMITS_NARROW]
        hidden = f", {len(found) - len(shown)} more" if len(found) > len(shown) else ""
        title = [("room to each limit", "strong"), (hidden, "faint")]
        lines = [figures.headroom_line(one, limits.size.width) for one in shown]
        limits.show([rule(title, limits.size.width, old=old), *_as(lines, old)] if lines else [])

    def _paint_experts(self, rows: dict[str, Any], ages: dict[str, float | None], old: bool) -> None:
        pane, words = self._pane("experts"), self._words.value
        meant = {key: row for key, row in rows.items() if experts.fits(row, words, self._state)}
        width = pane.size.width
        columns = experts.columns_for(width, meant.values())
        of = f"{len(meant)} of {len(rows)}" if len(meant) != len(rows) else str(len(rows))
        title: list[Part] = [(f"experts {of}", "strong")]
        if self._state != "all":
            title.append((f"  {self._state}", "key"))
        if words.strip():
            title.append((f"  “{text(words.strip())}”", "key"))
        head = [
            rule(title, width, old=old, strong=pane.has_focus),
            experts.head(columns, self._order),
        ]
        nothing = "no expert is meant by that: esc shows all" if rows else "no expert has reported yet"

        def line(key: str) -> Line:
            written = experts.line(columns, rows[key], ages[key])
            return aged(written) if old else written

        pane.list(head, experts.ordered(meant, ages.get, self._order), line, [((nothing, "faint"),)])

    def _paint_alerts(self, old: bool) -> None:
        pane, board = self._pane("alerts"), self._feed.board
        found = board.alerts
        width, server_s = pane.size.width, board.server_s()
        unseen = sum(row.get("status") != "acknowledged" for row in found)
        title: list[Part] = [(f"alerts {unseen}", "strong")]
        if len(found) > unseen:
            title.append((f"  and {len(found) - unseen} seen", "faint"))

        def line(key: str) -> Line:
            row = board.alert(int(key)) or {}
            written = alerts.line(row, server_s, width)
            return aged(written) if old else written

        keys = [str(alert_id) for alert_id in alerts.ordered(found)]
        empty: list[Line] = [(("no alert is open", "faint"),)]
        if old:
            empty = [(("not known while it is not live", "old"),)]
        elif board.accounts_why:
            empty = [((f"not known: {board.accounts_why}", "late"),)]
        pane.list([rule(title, width, old=old, strong=pane.has_focus)], keys, line, empty)

    def _paint_keys(self) -> None:
        if self._notice_left > 0:
            self._notice_left -= 1
            line = self._notice
        else:
            shown = [("?", "keys"), ("/", "filter"), ("f", self._state), ("s", self._order.column), ("enter", "more")]
            shown += [("a", "acknowledge" if self._pane("alerts").has_focus else "alerts")]
            shown += [("!", "emergency stop")] if self._feed.may(Right.command) else []
            shown += [("q", "quit")]
            line = joined([((key, "key"), (f" {name}", "faint")) for key, name in shown], "  ")
        where: Line = ((self._feed.url, "faint"),)
        self._lines("keys").show([spread(line, where if self.size.width >= WIDE else (), self.size.width)])

    def say(self, words: str, look: Look = "") -> None:
        """Say something at the bottom, for some seconds."""
        self._notice, self._notice_left = ((words, look),), _NOTICE_PAINTS
        self.paint()

    # ------------------------------------------------------------------------------------------------------------ keys

    def on_pane_moved(self) -> None:
        """Draw a cursor where it is now, at once."""
        self.paint()

    def on_pane_chosen(self, chosen: Pane.Chosen) -> None:
        """Show more of a row."""
        detail = ExpertDetail if chosen.pane.id == "experts" else AlertDetail
        self._open(detail(self._feed, chosen.key))

    def action_keys(self) -> None:
        """Show all keys."""
        self._open(Keys(may_command=self._feed.may(Right.command)))

    def action_filter(self) -> None:
        """Type words that a row has to have."""
        self._words.add_class("asked")
        self._words.focus()

    def on_input_changed(self) -> None:
        """Narrow the table while it is typed."""
        self.paint()

    def on_input_submitted(self) -> None:
        """Go back to the table, which stays narrowed."""
        self._leave_filter()

    def action_all(self) -> None:
        """Show all experts again."""
        self._words.value = ""
        self._state = "all"
        self._leave_filter()

    def _leave_filter(self) -> None:
        self._words.remove_class("asked")  # the table's title says what it is narrowed to
        self._pane("experts").focus()
        self.paint()

    def action_narrow(self) -> None:
        """Show only experts of the next state."""
        states = [*experts.STATES]
        self._state = states[(states.index(self._state) + 1) % len(states)]
        self.paint()

    def action_sort(self, by: int) -> None:
        """Sort by the next column, or the one before."""
        columns = experts.COLUMNS
        column = columns[(columns.index(self._order.column) + by) % len(columns)]
        self._order = experts.Order(column, column in experts.LARGEST_FIRST)
        self.paint()

    def action_reverse(self) -> None:
        """Turn the order round."""
        self._order = self._order._replace(reverse=not self._order.reverse)
        self.paint()

    def action_acknowledge(self) -> None:
        """Go to the alerts; there, acknowledge the one under the cursor."""
        pane = self._pane("alerts")
        if not self._feed.may(Right.acknowledge):
            self.say(f"a token of the role {self._feed.role or 'unknown'} may not acknowledge alerts", "late")
        elif not pane.has_focus:
            pane.focus()
            self.say("a acknowledges the alert under the cursor" if pane.key else "no alert is open")
        elif pane.key is not None:
            self.run_worker(self._acknowledge(int(pane.key)))

    async def _acknowledge(self, alert_id: int) -> None:
        async def act() -> str:
            await self._feed.acknowledge(alert_id)
            return f"alert {alert_id} is acknowledged"

        await self._say_what_became(act)

    async def _say_what_became(self, act: Callable[[], Coroutine[Any, Any, str]]) -> None:
        try:
            self.say(await act(), "good")
        except FleetwireError as error:
            self.say(text(error), "late")

    def action_stop(self) -> None:
        """Open the dialog of the emergency stop: the first of two deliberate actions."""
        if not self._feed.may(Right.command):
            self.say(f"a token of the role {self._feed.role or 'unknown'} may not give commands", "late")
            return
        if self._stop.command_id and stop.outcome(self._feed.board.parts).done:
            self._stop = stop.Request()
        fleet = health.counted(self._feed.board.experts.values())
        positions = whole((self._feed.board.portfolio or {}).get("total_positions"))
        what = count(positions, "position") if positions is not None else "all their positions"
        self._open(Stop(self._feed, self._stop, count(fleet.total, "expert"), what))

    def _open(self, dialog: Dialog) -> None:
        self.app.push_screen(dialog)

    def _lines(self, name: str) -> Lines:
        return self.query_one(f"#{name}", Lines)

    def _pane(self, name: str) -> Pane:
        return self.query_one(f"#{name}", Pane)

    @property
    def _words(self) -> Input:
        return self.query_one("#words", Input)


_OLD: Part = ("  old: not live", "late")


def _as(lines: list[Line], old: bool) -> list[Line]:
    return [aged(line) for line in lines] if old else lines
