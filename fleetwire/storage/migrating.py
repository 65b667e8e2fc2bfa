"""Numbered migrations: SQL files of the package, each applied once, in a transaction of its own."""

from collections.abc import Iterator
from importlib import resources
from typing import NamedTuple


class Migration(NamedTuple):
    """One step of a schema: its number, and the SQL."""

    number: int
    name: str
    sql: str


def migrations(kind: str) -> list[Migration]:
    """Read the migrations of a kind of database (`sqlite`, `postgres`), in order of their numbers."""
    return sorted(_found(kind))


def _found(kind: str) -> Iterator[Migration]:
    for file in resources.files("fleetwire.storage").joinpath("migrations", kind).iterdir():
        if file.name.endswith(".sql"):
            yield Migration(int(file.name.split("_")[0]), file.name, file.read_text("utf-8"))
