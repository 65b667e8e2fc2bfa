"""The lock: one at a time, and who has it is told."""

import os
from pathlib import Path

from fleetwire.storage.filelock import FileLock


def test_one_has_it_at_a_time_and_the_file_tells_who(tmp_path: Path) -> None:
    first, second = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    assert first.take()
    assert not second.take()
    assert second.owner() == str(os.getpid())
    first.give_back()
    assert second.take()
    second.give_back()
    assert FileLock(tmp_path / "none").owner() == "unknown"
