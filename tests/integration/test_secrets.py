"""A canary in every place where a token that is made can go: it sings in the one answer, and nowhere else."""

import json
import logging
import traceback
from pathlib import Path

import aiohttp
import jwt
import pytest

from fleetwire.cli import main
from fleetwire.config import Settings
from fleetwire.integration import tokens as issuing
from fleetwire.jwt import JwtSettings
from fleetwire.wire.tokens import TokenRequest
from tests.integration.support import TOKEN, whole

CANARY = "c4n4ry"


async def test_a_made_token_appears_in_its_answer_only(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    secrets = iter(f"{CANARY}-{number}" for number in range(100))
    monkeypatch.setattr(issuing, "new_token", lambda: next(secrets))
    (tmp_path / "secret").write_text(f"{CANARY}-of-the-login-with-many-bytes")
    login = JwtSettings(algorithm="HS256", secret_file=str(tmp_path / "secret"), audience="a", issuer="i")
    said: list[str] = []
    async with whole(tmp_path / "kept.db", jwt=login) as fleet, aiohttp.ClientSession() as session:
        url = fleet.server.url.replace("ws", "http", 1) + "/api/v1/"

        async def ask(method: str, path: str, token: str, body: object = None) -> dict[str, object]:
            headers = {"Authorization": f"Bearer {token}"}
            async with session.request(method, url + path, headers=headers, json=body) as answer:
                text = await answer.text()
                said.append(str(answer.headers))
                if CANARY in text:
                    assert path.split("/")[-1] in ("tokens", "rotate"), path
                    assert answer.headers["Cache-Control"] == "no-store"
                    assert text.count(CANARY) == 1
                else:
                    said.append(text)
                return dict(json.loads(text))

        issued = await ask("POST", "tokens", TOKEN, {"role": "viewer", "name": "wall"})
        secret, token_id = str(issued["token"]), issued["about"]["token_id"]  # type: ignore[index]
        await ask("POST", "tokens", TOKEN, {"role": CANARY.upper(), "token": "x"})
        again = await ask("POST", f"tokens/{token_id}/rotate", TOKEN, {"overlap_s": 9})
        for token in (secret, str(again["token"]), f"{CANARY}-wrong", f"ey.{CANARY}.x"):
            for path in ("experts", "tokens", "fleet"):
                await ask("GET", path, token)
        good = {"aud": "a", "iss": "i", "exp": 2**32, "role": "viewer", "sub": "anna"}
        web = jwt.encode(good, f"{CANARY}-of-the-login-with-many-bytes", "HS256")
        assert "items" in await ask("GET", "experts", web)
        await ask("GET", "tokens", TOKEN)
        await ask("POST", f"tokens/{token_id}/revoke", TOKEN)

        made = await fleet.server._office.token_desk.create(TokenRequest(role="viewer"), "a test")
        access = fleet.server.access
        said += [repr(made), repr(access), repr(vars(access)), repr(vars(access.tokens)), repr(access.tokens.all())]
        said += [repr(access.verifier), repr(fleet), repr(fleet.settings), str(fleet.server.get_connected_clients())]
        with pytest.raises(Exception) as error:
            access.tokens.rotated(made.about.token_id + CANARY[:0] + "x", b"", 0.0, 0)
        said += traceback.format_exception(error.value)
    assert any("was made by admin" in record.getMessage() for record in caplog.records)
    said += [record.getMessage() for record in caplog.records]
    assert [text for text in said if CANARY in text or web in text] == []
    kept = b"".join(file.read_bytes() for file in tmp_path.glob("kept.db*"))
    assert CANARY.encode() not in kept
    assert web.encode() not in kept


def test_no_command_line_shows_a_token_where_others_read(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuing, "new_token", lambda: CANARY)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("APPDATA", str(tmp_path))
    database = ("--database", str(tmp_path / "kept.db"))
    assert main(["token", "create", "viewer", *database]) == 2, "this is no terminal"
    assert main(["token", "create", "viewer", "--to", str(tmp_path / "none" / "a"), *database]) == 2
    assert main(["token", "create", "viewer", "--to", str(tmp_path / "a"), *database]) == 0
    assert main(["token", "list", *database]) == 0
    assert main(["token", "list", "--url", "ws://127.0.0.1:1", "--auth-token", CANARY]) == 1
    assert main(["token", "list", "--url", f"ws://127.0.0.1:1/?token={CANARY}", "--auth-token", "x"]) == 2
    out, err = capfd.readouterr()
    assert CANARY not in out + err
    assert (tmp_path / "a").read_text().strip() == CANARY
    assert Settings(auth_token=CANARY).__repr__().count(CANARY) == 0
