"""The kept token: made once, read by its owner alone."""

import os
import stat
from pathlib import Path

import pytest

from fleetwire.tokenfile import TokenFile
from fleetwire.wire.errors import ConfigError


def test_a_token_is_kept_and_found_again(tmp_path: Path) -> None:
    kept = TokenFile(tmp_path / "new" / "folder")
    assert kept.read() is None
    token = kept.make()
    assert len(token) >= 20
    assert TokenFile(tmp_path / "new" / "folder").read() == token


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_nobody_else_may_read_it_not_even_while_it_replaces_one_that_everybody_could(tmp_path: Path) -> None:
    kept = TokenFile(tmp_path)
    kept.path.write_text("old\n")
    kept.path.chmod(0o644)
    kept.make()
    assert stat.S_IMODE(kept.path.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["token"]


def test_a_new_one_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    kept = TokenFile(tmp_path)
    assert kept.make() != kept.make()


def test_what_can_not_be_read_or_written_is_said_in_one_line(tmp_path: Path) -> None:
    empty = TokenFile(tmp_path)
    empty.path.write_text("\n")
    with pytest.raises(ConfigError, match="holds no token"):
        empty.read()
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="can't be kept"):
        TokenFile(tmp_path / "file").make()
