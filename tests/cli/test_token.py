"""`fleetwire token` as an administrator meets it: made, listed, rotated, revoked, with a server and without."""

import asyncio
import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from fleetwire.cli import main
from fleetwire.hub.access import RIGHTS, Role
from tests.integration.support import TOKEN, whole


@pytest.fixture(autouse=True)
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user who has nothing yet, in a folder of their own."""
    for name in [name for name in os.environ if name.startswith("WEBSOCKET_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("APPDATA", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)


class Said:
    """What a command said, and its exit code."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


def token(capsys: pytest.CaptureFixture[str], *arguments: str) -> Said:
    capsys.readouterr()
    code = main(["token", *arguments])
    return Said(code, *capsys.readouterr())


async def token_at(capsys: pytest.CaptureFixture[str], *arguments: str) -> Said:
    """Run it beside the event loop of a server."""
    return await asyncio.to_thread(token, capsys, *arguments)


async def say(link: ClientConnection, kind: str, **data: Any) -> None:
    await link.send(json.dumps({"type": kind, "data": data, "id": 1}))


async def heard(link: ClientConnection, kind: str) -> dict[str, Any]:
    async with asyncio.timeout(5):
        while (message := json.loads(await link.recv()))["type"] != kind:
            pass
    data: dict[str, Any] = message["data"]
    return data


async def test_a_viewers_token_is_made_used_and_revoked_while_a_server_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with whole(tmp_path / "kept.db") as fleet:
        at = ("--url", fleet.server.url, "--auth-token", TOKEN)
        made = await token_at(capsys, "create", "viewer", "--name", "wall", "--to", "wall.token", *at)
        assert (made.code, made.err) == (0, f"(through the server at {fleet.server.url.replace('ws', 'http', 1)})\n")
        secret = (tmp_path / "wall.token").read_text().strip()
        assert secret not in made.out
        assert os.name == "nt" or stat.S_IMODE((tmp_path / "wall.token").stat().st_mode) == 0o600
        token_id = made.out.split()[0]

        async with connect(fleet.server.url) as link:
            await say(link, "auth", token=secret)
            assert (await heard(link, "auth_response"))["role"] == "viewer"
            await say(link, "subscribe", channels=["alerts"])
            assert (await heard(link, "subscription_response"))["channels"] == ["alerts"]
            await say(link, "publish", channel="alerts", data={"level": "info", "message": "hello"})
            assert (await heard(link, "error"))["code"] == "forbidden"

            listed = await token_at(capsys, "list", *at)
            assert re.fullmatch(rf"{token_id}  viewer    active   until revoked +everything +wall\n", listed.out)
            revoked = await token_at(capsys, "revoke", token_id, *at)
            assert revoked.out.startswith(f"{token_id} is revoked since ")
            with pytest.raises(ConnectionClosed):
                async with asyncio.timeout(1):
                    await link.recv()
            assert link.close_code == 4001

        async with connect(fleet.server.url) as link:
            await say(link, "auth", token=secret)
            assert (await heard(link, "auth_response"))["status"] == "failed"
    for kept in tmp_path.glob("kept.db*"):
        assert secret.encode() not in kept.read_bytes()


def test_without_a_server_the_database_is_opened_and_a_server_knows_the_token_then(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database = str(tmp_path / "kept.db")
    made = token(capsys, "create", "operator", "--account", "Broker-Demo/5", "--to", "a", "--database", database)
    assert made.code == 0
    assert made.err == f"(in the database {database})\n"
    secret = (tmp_path / "a").read_text().strip()

    async def used(secret: str) -> str:
        async with whole(database) as fleet, connect(fleet.server.url) as link:
            await say(link, "auth", token=secret)
            answer = await heard(link, "auth_response")
            return str(answer.get("role", answer["status"]))

    assert asyncio.run(used(secret)) == "operator"
    token_id = made.out.split()[0]
    rotated = token(capsys, "rotate", token_id, "--overlap", "0s", "--to", "b", "--database", database)
    assert rotated.code == 0
    assert asyncio.run(used(secret)) == "failed"
    assert asyncio.run(used((tmp_path / "b").read_text().strip())) == "operator"
    assert "accounts=Broker-Demo/5" in token(capsys, "list", "--database", database).out
    assert token(capsys, "revoke", token_id, "--database", database).code == 0
    assert "revoked  since" in token(capsys, "list", "--database", database).out
    assert asyncio.run(used((tmp_path / "b").read_text().strip())) == "failed"


def test_a_server_that_is_not_there_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "fleetwire.toml").write_text(f'port = 1\nauth_token = "{TOKEN}"\ndatabase = "kept.db"\n')
    assert "(no server answers: in the database" in token(capsys, "list").err
    said = token(capsys, "list", "--url", "ws://127.0.0.1:1")
    assert (said.code, said.out) == (1, "")
    assert "is the server running there" in said.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("create", "viewer"), "a token is shown on a terminal only, and this is none: give --to FILE"),
        (("create", "viewer", "--to", "fleetwire.toml"), "fleetwire.toml exists already: give a new file"),
        (("create", "king", "--to", "a"), "invalid choice: 'king'"),
        (("create", "viewer", "--to", "a", "--account", "5"), "Expected `str` matching regex"),
        (("create", "viewer", "--to", "a", "--channel", "rumours"), "no channel 'rumours'"),
        (("create", "admin", "--to", "a", "--group", "gold"), "an admin may everything"),
        (("create", "expert", "--to", "a"), "a token of the role expert is bound to its expert"),
        (("create", "expert", "--to", "a", "--of", "Broker-Demo:7"), "argument --of"),
        (("create", "viewer", "--to", "a", "--expires", "soon"), "expires_at: 'soon' is no time"),
        (("create", "viewer", "--to", "a", "--expires", "2020-01-01"), "expires_at: 2020-01-01 is over already"),
        (("rotate", "tok_1", "--to", "a", "--overlap", "long"), "is no stretch of time: give 0s, 30m, 1h or 2d"),
        (("revoke", "tok_1"), "there is no token 'tok_1'"),
        (("revoke", "../experts"), "that is no id of a token"),
    ],
)
def test_what_can_not_be_is_said_in_one_line_and_nothing_is_made(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    (tmp_path / "fleetwire.toml").write_text("")
    found = token(capsys, *arguments, "--database", "kept.db")
    assert found.code in (1, 2)
    assert found.err.startswith("error: ")
    assert found.err.count("\n") == 1
    assert said.replace("`", "") in found.err
    assert not (tmp_path / "a").exists()
    assert token(capsys, "list", "--database", "kept.db").out.startswith("there are no tokens")


def test_the_roles_that_can_be_asked_for_are_all_there_are() -> None:
    usage = subprocess.run(
        [sys.executable, "-m", "fleetwire", "token", "create", "--help"], capture_output=True, text=True, check=True
    ).stdout
    found = re.search(r"\{([a-z,]+)\}", usage)
    assert found is not None
    assert set(found[1].split(",")) == {role.value for role in Role} == {role.value for role in RIGHTS}


def test_an_expert_token_is_bound_to_the_expert_that_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    of = "Broker-Demo/5:-7:EURUSD:London Breakout: fast"
    assert token(capsys, "create", "expert", "--of", of, "--to", "a", "--database", "kept.db").code == 0
    assert of in token(capsys, "list", "--database", "kept.db").out
