"""A line on the screen: parts, each with what it means; how that looks is decided elsewhere."""

from collections.abc import Iterable, Sequence
from typing import Literal

from fleetwire.cli.lines import cells, fitted

Look = Literal["", "strong", "faint", "old", "good", "late", "alarm", "gain", "loss", "key"]
"""What a part means. "old" overrules everything else: it is not to be trusted as it stands."""
Part = tuple[str, Look]
Line = tuple[Part, ...]

HATCH = "╱"
"""Fills the rules between panes while the numbers are old: it is seen without colours, and from afar."""


def width_of(line: Line) -> int:
    """Count the cells of a line."""
    return sum(cells(text) for text, _ in line)


def spread(left: Line, right: Line, width: int) -> Line:
    """Put one line at the left and one at the right; where both do not fit, the left one is cut."""
    room = width - width_of(right) - (1 if right else 0)
    kept = cut(left, room)
    return (*kept, (" " * (width - width_of(kept) - width_of(right)), ""), *right)


def cut(line: Line, width: int) -> Line:
    """Bring a line to at most so many cells; what is cut ends in an ellipsis."""
    kept: list[Part] = []
    room = width
    for text, look in line:
        if cells(text) > room:
            if room > 0:
                kept.append((fitted(text, room).rstrip() if text.strip() else " " * room, look))
            break
        kept.append((text, look))
        room -= cells(text)
    return tuple(kept)


def padded(line: Line, width: int) -> Line:
    """Bring a line to exactly so many cells."""
    kept = cut(line, width)
    return (*kept, (" " * (width - width_of(kept)), ""))


def rule(title: Sequence[Part], width: int, *, old: bool = False, strong: bool = False) -> Line:
    """Begin a pane: its title in a rule, which is hatched while the numbers are old, and heavy where the keys go."""
    stroke = HATCH if old else "━" if strong else "─"
    begin: Line = ((stroke * 2, "faint"), (" ", ""), *title, (" ", ""))
    kept = cut(begin, width)
    return (*kept, (stroke * (width - width_of(kept)), "faint"))


def aged(line: Line) -> Line:
    """Take every meaning from a line but that it is old."""
    return tuple((text, "old") for text, _ in line)


def joined(parts: Iterable[Line], between: str = "   ") -> Line:
    """Put lines beside one another."""
    whole: list[Part] = []
    for line in parts:
        if line:
            whole += [(between, ""), *line] if whole else line
    return tuple(whole)


def fitting(parts: Iterable[Line], width: int, between: str = "   ") -> Line:
    """Put lines beside one another, as many of the first as fit: none is cut."""
    kept: list[Line] = []
    for line in parts:
        if width_of(joined([*kept, line], between)) <= width:
            kept.append(line)
    return joined(kept, between)


def plain(line: Line) -> str:
    """Give the text alone."""
    return "".join(text for text, _ in line)


def wrapped(text: str, width: int) -> list[str]:
    """Break a text between words; a word that is longer than a line is broken, too."""
    width = max(2, width)  # a character may take two cells; and before its first layout a widget has none
    lines, current = [], ""
    for word in text.split():
        while cells(word) > width:
            head = word[:width]
            while cells(head) > width:
                head = head[:-1]
            lines += [current, head] if current else [head]
            current, word = "", word[len(head) :]
        joint = f"{current} {word}" if current else word
        if cells(joint) > width:
            lines.append(current)
            current = word
        else:
            current = joint
    return [*lines, current] if current or not lines else lines
