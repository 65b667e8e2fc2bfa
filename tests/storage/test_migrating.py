"""Migrations are numbered without a gap, and the same in number for every database."""

from fleetwire.storage.migrating import migrations


def test_they_are_numbered_from_one_without_a_gap() -> None:
    for kind in ("sqlite", "postgres"):
        assert [step.number for step in migrations(kind)] == list(range(1, len(migrations(kind)) + 1))
    assert [step.name for step in migrations("sqlite")] == [step.name for step in migrations("postgres")]
