"""What opens over the overview: the keys, one expert, one alert, the emergency stop. Esc closes each of them."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Checkbox, Input

from fleetwire.cli.top import detail, stop
from fleetwire.cli.top.experts import account_of
from fleetwire.cli.top.feed import Feed
from fleetwire.cli.top.formats import text
from fleetwire.cli.top.line import Line, Look, wrapped
from fleetwire.cli.top.pane import Lines
from fleetwire.wire.errors import FleetwireError, NotConnectedError, RequestError

_KEYS = (
    ("↑ ↓  j k", "move; PgUp PgDn Home End for more"),
    ("tab", "go between experts and alerts"),
    ("enter", "more of the expert or alert under the cursor"),
    ("/", "show experts with these words; enter keeps, esc shows all"),
    ("f", "show experts of one state: silent, late, paused, ..."),
    ("s  S", "sort by the next column, or the one before"),
    ("r", "turn the order round"),
    ("a", "go to the alerts; there: acknowledge"),
    ("esc", "close, or show all again"),
    ("q  ctrl+c", "quit"),
)
_SIGNS = (
    ("●  ◐  ○", "reporting, late, silent"),
    ("◌  ‖  ◍", "market closed, paused, held by news"),
    ("▲  ▼", "gain, loss"),
    ("╱╱╱", "not live: these numbers are old"),
)
_STOP_KEY = ("!", f"emergency stop: asks, and needs {stop.WORD} typed")


class Dialog(ModalScreen[None]):
    """A frame with lines in it, painted with the overview."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "close", "close", priority=True)]
    DEFAULT_CSS = """
    Dialog {
        align: center middle; background: transparent;
        & > Vertical, & > VerticalScroll {
            width: 76; max-width: 100%; height: auto; max-height: 100%;
            border: round ansi_blue; padding: 0 1; background: ansi_default; color: ansi_default;
            scrollbar-size-vertical: 1;
        }
        Input, Input:focus { border: round ansi_yellow; height: 3; background: ansi_default; padding: 0 1; }
        Checkbox, Checkbox:focus {
            border: none; height: 1; padding: 0; margin: 1 0 0 0; width: 1fr; background: ansi_default;
        }
        Checkbox > .toggle--button, Checkbox.-on > .toggle--button {
            color: ansi_default; background: ansi_default; text-style: bold;
        }
        Checkbox > .toggle--label { color: ansi_default; background: ansi_default; text-style: none; }
        Checkbox:focus > .toggle--label { text-style: reverse; }
    }
    """
    title_text = ""

    def compose(self) -> ComposeResult:
        """Lay it out."""
        with VerticalScroll() as frame:
            frame.border_title = self.title_text
            frame.border_subtitle = "esc closes"
            yield Lines("lines")

    def on_mount(self) -> None:
        """Show it."""
        self.paint()

    def on_resize(self) -> None:
        """Draw for another size, once the layout knows it."""
        self.call_after_refresh(self.paint)

    def paint(self) -> None:
        """Show what is known at this moment."""

    def action_close(self) -> None:
        """Close it."""
        self.dismiss()

    def _show(self, lines: list[Line]) -> None:
        self.query_one("#lines", Lines).show(lines)

    @property
    def _width(self) -> int:
        return self.query_one("#lines", Lines).size.width


class Keys(Dialog):
    """All keys, and what the signs mean.

    Args:
        may_command: whether the emergency stop is among them.
    """

    title_text = "keys"

    def __init__(self, *, may_command: bool) -> None:
        super().__init__()
        keys = (*_KEYS[:-2], *([_STOP_KEY] if may_command else []), *_KEYS[-2:])
        self._known: list[Line] = [((key.ljust(12), "key"), (what, "")) for key, what in keys]
        self._known += [(), *[((sign.ljust(12), "strong"), (what, "")) for sign, what in _SIGNS]]

    def paint(self) -> None:
        """Show them."""
        self._show(self._known)


class Detail(Dialog):
    """More of one row, at the right; it goes on living.

    Args:
        feed: the server.
        key: of the row.
    """

    DEFAULT_CSS = "Detail { align: right top; & > VerticalScroll { height: 100%; } }"

    def __init__(self, feed: Feed, key: str) -> None:
        super().__init__()
        self._feed = feed
        self._key = key


class ExpertDetail(Detail):
    """One expert."""

    def paint(self) -> None:
        """Show how it is now."""
        board = self._feed.board
        row = board.expert(self._key)
        if row is None:
            self._show([(("this expert is not there any more", "late"),)])
            return
        name = " ".join(text(row.get(field)) for field in ("ea_id", "name", "symbol"))
        self.query_one(VerticalScroll).border_title = name.replace("[", "(")
        account = next((one for one in board.accounts if one.get("account") == account_of(row)), None)
        self._show(detail.of_expert(row, board.age_ms(self._key), account, self._width))


class AlertDetail(Detail):
    """One alert."""

    def paint(self) -> None:
        """Show how it is now."""
        board = self._feed.board
        row = board.alert(int(self._key))
        self.query_one(VerticalScroll).border_title = f"alert {self._key}"
        self._show([(("cleared", "good"),)] if row is None else detail.of_alert(row, board.server_s(), self._width))


class Stop(Dialog):
    """The emergency stop: the second deliberate action is a typed word. Then what became of it.

    Args:
        feed: the server.
        request: what is sent; the same as long as it is not done, so that it counts once.
        experts: how many it stops, in words.
        positions: how many it closes, in words.
    """

    DEFAULT_CSS = "Stop { & > Vertical { border: heavy ansi_red; } }"
    title_text = "EMERGENCY STOP"

    def __init__(self, feed: Feed, request: stop.Request, experts: str, positions: str) -> None:
        super().__init__()
        self._feed = feed
        self._request = request
        self._experts = experts
        self._positions = positions
        self._said: tuple[str, Look] = ("", "")
        self._sending = False

    def compose(self) -> ComposeResult:
        """Lay it out."""
        with Vertical() as frame:
            frame.border_title = self.title_text
            frame.border_subtitle = "esc closes, and sends nothing"
            yield Lines("lines")
            yield Checkbox("close all positions, too (tab, space)", value=True, id="close")
            yield Input(id="word", placeholder=f"type {stop.WORD}, then press enter")
            yield Lines("said")

    def on_mount(self) -> None:
        """Wait for the word."""
        super().on_mount()
        self.query_one("#word").focus()

    def paint(self) -> None:
        """Show what it does, or what became of it."""
        sent = bool(self._request.command_id)
        self.query_one("#close").display = self.query_one("#word").display = not sent
        if sent:
            self.query_one(Vertical).border_subtitle = "esc closes"
            self._show(self._became())
            self.query_one("#said", Lines).show([])
            return
        close = self.query_one("#close", Checkbox).value
        more = f", cancels their orders and closes {self._positions}" if close else ", and leaves their positions open"
        what = f"Stops trading of {self._experts} at once{more}. No news blackout and no other command holds it back."
        self._show([((line, "strong"),) for line in wrapped(what, self._width)])
        words, look = self._said
        if not words and not self._feed.link.live:
            words, look = f"{self._feed.link.words}. The stop goes out by a request of its own", "late"
        said = self.query_one("#said", Lines)
        said.show([((line, look),) for line in wrapped(words, said.size.width)] if words else [])

    def on_checkbox_changed(self) -> None:
        """Say what it does now."""
        self.paint()

    def on_input_submitted(self, submitted: Input.Submitted) -> None:
        """Send it, if the word is there."""
        submitted.stop()
        if self._sending:
            return
        if submitted.value.strip().upper() != stop.WORD:
            self._say(f"Nothing was sent: type {stop.WORD} first", "late")
            return
        self._sending = True
        self._say("Sending", "faint")
        self.app.run_worker(self._send(close=self.query_one("#close", Checkbox).value))

    async def _send(self, *, close: bool) -> None:
        """Send it; closing the dialog meanwhile does not take it back."""
        board = self._feed.board
        board.expect_stop()
        try:
            asks = self._request.take(await self._feed.give(self._request.body(close=close)))
            if self._request.command_id:
                board.follow(self._request.command_id, self._request.parts)
            self._said = (f"The server asks once more: {asks}. Type {stop.WORD} again", "late") if asks else ("", "")
        except NotConnectedError:
            words = "Nobody answers: use the terminals themselves, or send it again: it counts once"
            self._said = (words, "alarm")
        except FleetwireError as error:
            self._request.begin_again()
            said = error.message if isinstance(error, RequestError) else error
            self._said = (f"Refused: {text(said)}", "alarm")
        self._sending = False
        if self.is_attached:
            self.query_one("#word", Input).value = ""
            self.paint()

    def _became(self) -> list[Line]:
        parts = self._feed.board.parts
        words, look, _ = stop.outcome(parts)
        lines: list[Line] = [((line, look),) for line in wrapped(words, self._width)]
        missing = stop.missing(parts)
        room = max(1, self.app.size.height - 10)
        lines += [((line, "late"),) for line in missing[:room]]
        if len(missing) > room:
            lines.append(((f"and {len(missing) - room} more", "late"),))
        if not self._feed.link.live:
            lines += [((line, "late"),) for line in wrapped(f"{self._feed.link.words}.", self._width)]
        return lines

    def _say(self, words: str, look: Look) -> None:
        self._said = (words, look)
        self.paint()
