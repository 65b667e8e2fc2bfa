"""Runs of experts: the newest has the say."""

import pytest

from fleetwire.fleet.commands.runs import Runs
from fleetwire.wire.errors import ConflictError


def test_an_older_run_has_no_say() -> None:
    runs = Runs()
    assert runs.start(7, "a")
    assert runs.start(7, "b")
    assert runs.start(7, "b"), "it came back"
    with pytest.raises(ConflictError, match="EA 7 was started again since its run 'a'"):
        runs.start(7, "a")
    with pytest.raises(ConflictError):
        runs.check(7, "a")
    runs.check(7, "c")
    runs.check(8, "a")
    assert (runs.current(7), runs.current(8)) == ("b", "")


def test_who_tells_no_run_is_not_fenced() -> None:
    runs = Runs()
    assert not runs.start(7, "")
    runs.check(7, "")
    assert runs.start(7, "a")
    assert not runs.start(7, "")
    assert runs.current(7) == "a"


def test_runs_are_bounded() -> None:
    runs = Runs()
    for number in range(100):
        runs.start(7, f"run {number}")
    assert len(runs._runs[7]) == 8
    for ea_id in range(100_005):
        runs.start(ea_id, "a")
    assert len(runs._runs) == 100_000
    assert runs.current(0) == "", "who has not been seen for longest is forgotten first"
    assert runs.current(100_004) == "a"
