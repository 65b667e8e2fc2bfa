"""Retention: wrong bounds are refused, and the docs have each with its default."""

import re
from pathlib import Path

import msgspec
import pytest

from fleetwire.storage import Retention
from fleetwire.wire.errors import ConfigError

PAGE = Path(__file__).parents[2] / "docs" / "storage.md"


@pytest.mark.parametrize(
    "wrong",
    [
        {"events_max": 0},
        {"events_max": 1.5},
        {"news_days": -1},
        {"samples_raw_days": float("nan")},
        {"alerts_days": True},
    ],
)
def test_a_bound_that_keeps_nothing_or_everything_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=f"retention: {next(iter(wrong))} must be a"):
        Retention(**wrong)


def test_the_docs_have_every_bound_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| ([\d.]+) \|", PAGE.read_text("utf-8"), re.MULTILINE))
    assert rows == {field.name: str(field.default) for field in msgspec.structs.fields(Retention)}
