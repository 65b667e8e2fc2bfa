"""Files with a secret: whole or not at all, and their owner's alone."""

import os
import stat
from pathlib import Path

import pytest

from fleetwire.secretfile import read_secret, write_secret


def test_a_secret_is_found_again_and_replaces_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "secret"
    assert read_secret(path) is None
    write_secret(path, "one")
    write_secret(path, "two")
    assert read_secret(path) == "two"
    assert [each.name for each in path.parent.iterdir()] == ["secret"]


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_nobody_else_may_read_it_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write_secret(tmp_path / "secret", "one")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600


def test_what_was_there_is_still_there_when_it_can_not_be_written(tmp_path: Path) -> None:
    write_secret(tmp_path / "secret", "one")
    (tmp_path / "secret.new").mkdir()
    with pytest.raises(OSError, match=r"secret\.new"):
        write_secret(tmp_path / "secret", "two")
    assert read_secret(tmp_path / "secret") == "one"
