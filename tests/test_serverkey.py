"""The server's key: made when it is needed, kept for its owner alone, and the only one that opens what it sealed."""

import logging
import os
import stat
from pathlib import Path

import pytest

from fleetwire.serverkey import ServerKey
from fleetwire.wire.errors import ConfigError, DataError
from fleetwire.wire.signature import derive_key


def test_what_is_sealed_is_opened_after_a_restart_and_the_file_is_its_owners(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "new" / "server.key"
    with caplog.at_level(logging.INFO):
        sealed = ServerKey(path).seal("tok_1", "a-secret")
    assert ServerKey(path).open("tok_1", sealed) == derive_key("a-secret")
    assert ServerKey(path).seal("tok_1", "a-secret") == sealed, "the key that is there is used"
    assert (path.read_text().strip() in caplog.text, str(path) in caplog.text) == (False, True)
    assert path.read_text().strip() not in repr(ServerKey(path))
    if os.name != "nt":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_another_key_opens_nothing(tmp_path: Path) -> None:
    sealed = ServerKey(tmp_path / "one").seal("tok_1", "a-secret")
    ServerKey(tmp_path / "two").seal("tok_1", "a-secret")
    for key, token_id in (
        (ServerKey(tmp_path / "two"), "tok_1"),
        (ServerKey(), "tok_1"),
        (ServerKey(tmp_path / "one"), "tok_2"),
    ):
        with pytest.raises(DataError, match="can't be opened"):
            key.open(token_id, sealed)


def test_a_key_in_memory_is_like_no_other() -> None:
    one, other = ServerKey(), ServerKey()
    assert one.open("tok_1", one.seal("tok_1", "a-secret")) == derive_key("a-secret")
    assert one.seal("tok_1", "a-secret") != other.seal("tok_1", "a-secret")


def test_a_file_that_is_missing_damaged_or_can_not_be_made_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such file: put it back, or rotate"):
        ServerKey(tmp_path / "gone").open("tok_1", bytes(64))
    for text in ("", "abc", "00" * 31, "zz" * 32):
        (tmp_path / "damaged").write_text(text)
        with pytest.raises(ConfigError, match="is no server's key"):
            ServerKey(tmp_path / "damaged").seal("tok_1", "a-secret")
        assert (tmp_path / "damaged").read_text() == text, "it is never written over"
    (tmp_path / "folder").mkdir()
    with pytest.raises(ConfigError, match="can't be read"):
        ServerKey(tmp_path / "folder").seal("tok_1", "a-secret")
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"can't be (kept|read)"):
        ServerKey(tmp_path / "file" / "key").seal("tok_1", "a-secret")
