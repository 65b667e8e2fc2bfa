"""`fleetwire send` and `fleetwire audit` against a server of ours: commands arrive, and what was done can be proven."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from fleetwire import Fleetwire
from fleetwire.cli import main
from fleetwire.config import Settings
from fleetwire.sources.simulator import Simulator

TOKEN = "canary-91f3"


@contextlib.contextmanager
def demo(database: Path) -> Iterator[str]:
    """Serve a simulated fleet in a thread of its own."""
    ready, loop = threading.Event(), asyncio.new_event_loop()
    ends, url = asyncio.Event(), [""]

    async def serve() -> None:
        settings = Settings(port=0, auth_token=TOKEN, database=str(database))
        async with Fleetwire(settings, sources=[Simulator(seed=7, experts=3, speed=10)]) as fw:
            while len(fw.service.orders.places) < 3:
                await asyncio.sleep(0.005)
            url[0] = fw.server.url
            ready.set()
            await ends.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert ready.wait(10)
        yield url[0]
    finally:
        loop.call_soon_threadsafe(ends.set)
        thread.join(10)
        loop.close()


def test_a_command_is_sent_waited_for_and_stands_in_an_audit_that_shows_tampering(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database = tmp_path / "fleet.db"
    with demo(database) as url:
        there = ["--url", url, "--auth-token", TOKEN]
        assert main(["send", "pause", "--ea", "1001", "--reason", "news", "--wait", *there]) == 0
        assert "pause  EA 1001  executed" in capsys.readouterr().out
        assert main(["send", "close_positions", "--all", "--param", "type=buy", "--wait", *there]) in (0, 1)
        assert capsys.readouterr().out.count("close_positions") == 4, "the command, and its part for each expert"
        assert main(["send", "pause", "--ea", "4", *there]) == 2
        assert main(["send", "pausse", "--ea", "1001", *there]) == 2
        errors = capsys.readouterr().err
        assert "EA 4 is not known here" in errors
        assert "did you mean pause?" in errors
        assert TOKEN not in errors
    assert main(["audit", "verify", "--database", str(database)]) == 0
    said = capsys.readouterr().out
    assert "the audit is whole" in said
    end = said.split()[-1]
    assert main(["audit", "export", "--database", str(database)]) == 0
    assert '"who":"admin"' in capsys.readouterr().out
    connection = apsw.Connection(str(database))
    connection.execute("DROP TRIGGER IF EXISTS audit_stays")
    with contextlib.suppress(apsw.ConstraintError):
        for name in [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")]:
            connection.execute(f"DROP TRIGGER {name}")
    connection.execute("UPDATE audit SET entry = replace(entry, '\"news\"', '\"none\"') WHERE number = 1")
    connection.close()
    assert main(["audit", "verify", "--database", str(database), "--end", end]) == 1
    assert "broken at row 1" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["pause"], "one of the arguments --ea --account --group --strategy --all is required"),
        (["pause", "--ea", "1", "--all"], "not allowed with argument"),
        (["pause", "--ea", "1", "--param", "volume"], "write NAME=VALUE"),
        (["pause", "--ea", "1", "--expires", "never"], "no number of seconds"),
    ],
)
def test_a_wrong_use_is_one_line(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEBSOCKET_AUTH_TOKEN", TOKEN)
    assert main(["send", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_a_row_of_the_audit_that_can_not_be_read_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    database = tmp_path / "fleet.db"
    with demo(database) as url:
        for _ in range(3):
            assert main(["send", "pausse", "--ea", "1001", "--url", url, "--auth-token", TOKEN]) == 2
    connection = apsw.Connection(str(database))
    connection.execute("DROP TRIGGER audit_is_not_changed")
    connection.execute("UPDATE audit SET entry = substr(entry, 2) WHERE number = 2")
    connection.close()
    assert main(["audit", "verify", "--database", str(database)]) == 1
    assert capsys.readouterr().out == "the audit is broken at row 2: row 2 is no row that fleetwire writes\n"
    assert main(["audit", "export", "--database", str(database)]) == 1
    said = capsys.readouterr()
    assert said.out.count("\n") == 1, "what stands before it is written"
    assert "row 2 is no row that fleetwire writes" in said.err


@pytest.mark.parametrize("action", ["verify", "export"])
def test_an_audit_that_is_not_there_is_not_whole(
    action: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", action, "--database", str(tmp_path / "none.db")]) == 2
    assert "there is no such file" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
