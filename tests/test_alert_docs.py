"""The page about alerts has every field of rules, limits, delivery and watchdog, with its default."""

import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import Struct

from fleetwire.fleet.figures import SUBJECTS
from fleetwire.fleet.lossrules import LossLimit
from fleetwire.fleet.rules import RuleForm
from fleetwire.notify import Notifier, NotifySettings
from fleetwire.watchdog import Watchdog, WatchdogSettings

PAGE = (Path(__file__).parents[1] / "docs" / "alerts.md").read_text("utf-8")


def rows_after(heading: str) -> list[list[str]]:
    """Read the first table below a heading."""
    text = PAGE.split(f"\n## {heading}\n")[1]
    found = re.search(r"(?:^\|.*\|\n)+", text, re.MULTILINE)
    assert found
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in found[0].splitlines()[2:]]


@pytest.mark.parametrize(
    ("heading", "struct"),
    [
        ("Writing a rule", RuleForm),
        ("Loss limits", LossLimit),
        ("Telling people", NotifySettings),
        ("Watching the server", WatchdogSettings),
    ],
)
def test_every_field_is_explained_and_no_other(heading: str, struct: type[Struct]) -> None:
    named = [name for row in rows_after(heading) for name in re.findall(r"`(\w+)`", row[0])]
    assert named == list(struct.__struct_fields__) or sorted(named) == sorted(struct.__struct_fields__)


@pytest.mark.parametrize(
    ("heading", "struct"), [("Telling people", NotifySettings), ("Watching the server", WatchdogSettings)]
)
def test_defaults_are_as_they_are(heading: str, struct: type[Struct]) -> None:
    told = {row[0].strip("`"): row[1].strip("`") for row in rows_after(heading)}
    for field in msgspec.structs.fields(struct):
        default: Any = field.default
        shown = "" if field.name in ("urls", "url") else str(default).lower() if default is True else str(default)
        assert told[field.name] == shown


def test_every_subject_is_explained_with_its_prefix() -> None:
    rows = rows_after("What a rule can see")
    assert [row[0].strip("`") for row in rows] == list(SUBJECTS)
    for row in rows:
        prefix = re.match(r"`(\w+)", row[1])
        assert prefix is None or prefix[1] == SUBJECTS[row[0].strip("`")].prefix


def test_the_settings_that_the_page_shows_are_taken() -> None:
    """The URLs, too: Apprise knows each of them."""
    blocks = [tomllib.loads(part.split("```")[0]) for part in PAGE.split("```toml\n")[1:]]
    settings = msgspec.convert(blocks[0]["notify"], NotifySettings)
    assert list(Notifier(settings).counts) == ["phone", "mail", "team"]
    watchdog = msgspec.convert(blocks[1]["watchdog"], WatchdogSettings)
    assert watchdog.url is not None
    Watchdog(watchdog.url, watchdog.every_s, lambda: None)
