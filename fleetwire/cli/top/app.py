"""The Textual application: sixteen colours, a timer that paints, a way out."""

from typing import ClassVar, Final

from textual.app import App
from textual.binding import Binding, BindingType

from fleetwire.cli.top.dialogs import Dialog
from fleetwire.cli.top.feed import Feed
from fleetwire.cli.top.overview import Overview

PAINT_EVERY_S: Final = 0.25
"""Four times a second, whatever the messages: figures that change faster can't be read."""
INTERRUPTED: Final = 130


class Top(App[int]):
    """Shows one server.

    Args:
        feed: the server, heard already.
    """

    TITLE = "fleetwire top"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "leave(0)", "quit"),
        Binding("ctrl+c", f"leave({INTERRUPTED})", show=False, priority=True),
    ]

    def __init__(self, feed: Feed) -> None:
        super().__init__(ansi_color=True)  # the terminal's own colours, and none at all where NO_COLOR is set
        self._feed = feed

    def on_mount(self) -> None:
        """Begin to paint."""
        self.theme = "ansi-dark"
        self.painting = self.set_interval(PAINT_EVERY_S, self.paint)

    def get_default_screen(self) -> Overview:
        """Begin with the overview."""
        return Overview(self._feed)

    def paint(self) -> None:
        """Paint the overview, and what is open over it."""
        for screen in self.screen_stack:
            if isinstance(screen, Overview | Dialog):
                screen.paint()

    def action_leave(self, code: int) -> None:
        """Quit."""
        self.exit(code)
