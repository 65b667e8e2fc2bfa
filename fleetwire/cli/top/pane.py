"""Textual widgets that show lines, and repaint only those that have changed: a slow link carries no more than that."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.events import Click, Focus, MouseScrollDown, MouseScrollUp, Resize
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from fleetwire.cli.top.line import Line, Look, padded

# The sixteen colours of the terminal itself: they suit its ground, and each stands for one meaning. What has no colour
# to be seen in has a word, a sign or a shape beside it.
STYLES: dict[Look, Style] = {
    "": Style(),
    "strong": Style(bold=True),
    "faint": Style(dim=True),
    "old": Style(dim=True, italic=True),
    "good": Style(color="green"),
    "late": Style(color="yellow", bold=True),
    "alarm": Style(color="red", bold=True, reverse=True),
    "gain": Style(color="cyan"),
    "loss": Style(color="magenta"),
    "key": Style(color="blue", bold=True),
}
_CURSOR = Style(reverse=True)
_CHOSEN: dict[Look, Style] = {look: STYLES[look] + _CURSOR for look in ("strong", "old")}


class Lines(Widget):
    """Shows lines as they are."""

    DEFAULT_CSS = "Lines { height: auto; width: 1fr; }"

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._strips: list[Strip] = []

    def show(self, lines: Sequence[Line], chosen: int | None = None) -> None:
        """Show lines.

        Args:
            lines: from the top.
            chosen: which of them the cursor is on.
        """
        width = self.size.width
        strips = [_strip(line, width, is_chosen=number == chosen) for number, line in enumerate(lines)]
        before, self._strips = self._strips, strips
        if len(before) != len(strips) and self.styles.height is not None and self.styles.height.is_auto:
            self.refresh(layout=True)
            return
        for number in range(max(len(before), len(strips))):
            if before[number : number + 1] != strips[number : number + 1]:
                self.refresh(Region(0, number, width, 1))

    def render_line(self, y: int) -> Strip:
        """Give one line to Textual."""
        strip = self._strips[y] if y < len(self._strips) else Strip.blank(self.size.width)
        return strip.adjust_cell_length(self.size.width)

    def get_content_height(self, *_: object) -> int:
        """Take as many lines as there are."""
        return len(self._strips)

    def text(self) -> str:
        """Give what is shown, without looks."""
        return "\n".join(strip.text.rstrip() for strip in self._strips)


class Pane(Lines, can_focus=True):
    """A list under a title, with a cursor that stays on its row when rows change places."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown,space", "page(1)", show=False),
        Binding("home,g", "move(-1000000)", show=False),
        Binding("end,G", "move(1000000)", show=False),
        Binding("enter", "choose", show=False),
    ]
    DEFAULT_CSS = "Pane { height: 1fr; }"

    class Moved(Message):
        """The pane has to be drawn anew: its cursor, its focus or its size has changed."""

    class Chosen(Message):
        """Enter was pressed on a row."""

        def __init__(self, pane: "Pane", key: str) -> None:
            super().__init__()
            self.pane = pane
            self.key = key

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self._keys: list[str] = []
        self._first = 0
        self._head = 0
        self.key: str | None = None
        """The row that the cursor is on."""

    @property
    def room(self) -> int:
        """How many rows fit."""
        return max(0, self.size.height - self._head)

    def list(
        self, head: Sequence[Line], keys: Sequence[str], line: Callable[[str], Line], empty: Sequence[Line]
    ) -> None:
        """Show a list.

        Args:
            head: the title, and what else stands above the rows.
            keys: of all rows, in order; only those in view are drawn.
            line: draws one.
            empty: what stands there instead of no rows.
        """
        place = self._place()
        self._keys, self._head = [*keys], len(head)
        if self.key not in self._keys:
            self.key = self._keys[min(place, len(self._keys) - 1)] if self._keys else None
        place = self._place()
        self._first = max(0, min(self._first, place, len(self._keys) - self.room))
        self._first = max(self._first, place - self.room + 1)
        shown = self._keys[self._first : self._first + self.room]
        lines = [*head, *map(line, shown)] if self._keys else [*head, *empty]
        self.show(lines[: self.size.height], len(head) + place - self._first if self._keys and self.has_focus else None)

    def _place(self) -> int:
        return self._keys.index(self.key) if self.key in self._keys else 0

    def action_move(self, by: int) -> None:
        """Move the cursor by so many rows."""
        if self._keys:
            self.key = self._keys[max(0, min(len(self._keys) - 1, self._place() + by))]
            self.post_message(self.Moved())

    def action_page(self, by: int) -> None:
        """Move the cursor by so many screens."""
        self.action_move(by * max(1, self.room - 1))

    def action_choose(self) -> None:
        """Ask for more of the row under the cursor."""
        if self.key is not None:
            self.post_message(self.Chosen(self, self.key))

    def on_click(self, event: Click) -> None:
        """Put the cursor where it was clicked; a second click on the same row asks for more."""
        place = self._first + event.y - self._head
        if event.y < self._head or place >= len(self._keys):
            return
        again = self.key == self._keys[place] and event.chain > 1
        self.key = self._keys[place]
        self.post_message(self.Moved())
        if again:
            self.action_choose()

    def on_mouse_scroll_down(self, _: MouseScrollDown) -> None:
        """Move with the wheel."""
        self.action_move(3)

    def on_mouse_scroll_up(self, _: MouseScrollUp) -> None:
        """Move with the wheel."""
        self.action_move(-3)

    def on_focus(self, _: Focus) -> None:
        """Show the cursor."""
        self.post_message(self.Moved())

    def on_resize(self, _: Resize) -> None:
        """Draw for another size."""
        self.post_message(self.Moved())


def _strip(line: Line, width: int, *, is_chosen: bool) -> Strip:
    parts = padded(line, width)
    if is_chosen:  # one bar from side to side: colours would make patches in it
        return Strip([Segment(text, _CHOSEN.get(look, _CURSOR)) for text, look in parts if text], width)
    return Strip([Segment(text, STYLES[look]) for text, look in parts if text], width)
