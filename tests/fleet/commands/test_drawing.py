"""docs/commands.md has the tables of the code. `python -m tests.fleet.commands.test_drawing` writes them anew."""

import re
from pathlib import Path

import pytest

from fleetwire.fleet.commands import COMMANDS, TRANSITIONS, CommandLimits, Status, drawing

PAGE = Path(__file__).parents[3] / "docs" / "commands.md"
PARTS = {
    "commands": drawing.commands(),
    "life_cycle": f"```mermaid\n{drawing.life_cycle()}\n```",
    "statuses": drawing.statuses(),
}


def part(name: str) -> re.Pattern[str]:
    return re.compile(rf"(<!-- {name}: .*? -->\n)(.*?)(\n?<!-- end -->)", re.DOTALL)


@pytest.mark.parametrize("name", PARTS)
def test_the_page_has_what_the_code_has(name: str) -> None:
    found = part(name).search(PAGE.read_text("utf-8"))
    assert found is not None
    assert found[2] == PARTS[name]


def test_the_diagram_has_every_step_and_no_other() -> None:
    steps = set(re.findall(r"^    (\w+) --> (\w+)$", drawing.life_cycle(), re.MULTILINE))
    assert steps == {(was.value, becomes.value) for was in Status for becomes in TRANSITIONS[was]}
    ends = set(re.findall(r"^    (\w+) --> \[\*\]$", drawing.life_cycle(), re.MULTILINE))
    assert ends == {status.value for status in Status if status.is_end}


def test_the_table_has_every_command_with_every_parameter() -> None:
    rows = {line.split("`")[1]: line for line in drawing.commands().splitlines()[2:]}
    assert set(rows) == set(COMMANDS)
    for name, kind in COMMANDS.items():
        assert all(f"`{field}`" in rows[name] for field in kind.params.__struct_fields__)


def test_every_limit_is_in_its_table_with_its_default() -> None:
    rows = dict(
        re.findall(r"^\| `(\w+)` \| ([^|]+) \|", PAGE.read_text("utf-8").partition("## Limits")[2], re.MULTILINE)
    )
    limits = CommandLimits()
    defaults = {name: str(getattr(limits, name)) for name in CommandLimits.__struct_fields__}
    assert rows == defaults | {"confirm": "none"}


if __name__ == "__main__":
    page = PAGE.read_text("utf-8")
    for name, text in PARTS.items():
        page = part(name).sub(lambda found, text=text: f"{found[1]}{text}\n<!-- end -->", page)
    PAGE.write_text(page, "utf-8")
