"""`fleetwire db` as a user meets it."""

from pathlib import Path

import apsw
import pytest

from fleetwire.cli import main
from fleetwire.config import config_directory
from fleetwire.storage import SqliteStore
from tests.storage.support import newest_whole, unit


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The default database of a user who has nothing yet."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WEBSOCKET_DATABASE", raising=False)
    environment = {"XDG_CONFIG_HOME": str(tmp_path), "APPDATA": str(tmp_path)}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return config_directory(environment) / "fleetwire.db"


async def kept(path: Path) -> SqliteStore:
    store = SqliteStore(path)
    await store.open()
    store.keep(unit(1))
    await store.committed()
    return store


async def test_it_checks_and_copies_what_a_server_has_open(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = await kept(own)
    assert main(["db", "check"]) == 0
    assert capsys.readouterr().out == f"{own}: no damage found\n"
    assert main(["db", "backup", "copy.db"]) == 0
    assert capsys.readouterr().out.startswith(f"{own}: copied to copy.db (")
    assert main(["db", "backup", "copy.db"]) == 1
    assert "copy.db exists already" in capsys.readouterr().err
    await store.close()
    copy = SqliteStore("copy.db")
    assert await newest_whole(copy, await copy.open()) == 1
    await copy.close()


async def test_damage_is_told_line_by_line_with_what_to_do(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    await (await kept(own)).close()
    raw = apsw.Connection(str(own))
    raw.execute("UPDATE trades SET volume = 5")
    raw.close()
    assert main(["db", "check", "--database", str(own)]) == 1
    said = capsys.readouterr().out
    assert f"{own}: Alpha-Live/1: the trade of position 1 is not what its deals make\n" in said
    assert "put a backup in its place" in said


@pytest.mark.parametrize(
    ("arguments", "said", "code"),
    [
        ([], "there is no such file: give --database FILE", 2),
        (["--database", ":memory:"], "is kept in memory only: give --database FILE", 2),
        (["--database", "mysql://u:canary@h/d"], "database (mysql://...): give a file, or postgresql://...", 2),
        (["--database", "garbage.db"], "is no database, or is damaged", 1),
        (["--database", "empty.db"], "has schema 0, of an older fleetwire", 1),
        (["--database", "other.db"], "is a database of another program", 1),
        (
            ["--database", "postgresql://u:canary@127.0.0.1:1/d"],
            "postgresql://u:***@127.0.0.1:1/d: the server can't",
            1,
        ),
    ],
)
def test_what_can_not_be_checked_is_named(own: Path, capsys, arguments: list[str], said: str, code: int) -> None:
    Path("garbage.db").write_bytes(b"no database at all, " * 100)
    Path("empty.db").write_bytes(b"")
    raw = apsw.Connection("other.db")
    raw.execute("CREATE TABLE theirs (x)")
    raw.close()
    assert main(["db", "check", *arguments]) == code
    heard = capsys.readouterr()
    assert said in heard.out + heard.err
    assert "canary" not in heard.out + heard.err


def test_config_check_shows_where_the_fleet_is_kept(own: Path, capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["config", "check"]) == 0
    assert str(own) in capsys.readouterr().out
    monkeypatch.setenv("WEBSOCKET_DATABASE", "postgresql://u:canary@h/d")
    assert main(["config", "check"]) == 0
    assert "postgresql://u:***@h/d" in capsys.readouterr().out
