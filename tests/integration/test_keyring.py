"""Commands are signed with the expert's own key, whichever way it speaks, over rotations and restarts."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from fleetwire import Fleetwire
from fleetwire.client.orders import Verdict
from fleetwire.fleet.events import Account, ExpertId, ExpertReport
from fleetwire.wire.errors import DataError
from fleetwire.wire.signature import SignedCommand, derive_key, read_signed
from fleetwire.wire.tokens import Binding, TokenRequest
from tests.integration.commanding import EA, EXPERT, Hands, expert_client, living, own_token, token_desk
from tests.integration.support import TOKEN, whole
from tests.integration.test_orders import BODY, Web

LONDON = ExpertId(**EXPERT)


def read(token: str, order: dict[str, Any]) -> SignedCommand:
    """Read a command as the expert whose token this is would."""
    return read_signed(derive_key(token), order["signed"].encode(), order["signature"])


async def fetched(fw: Fleetwire, token: str) -> dict[str, Any]:
    """Report over HTTP, and give the command that waits."""
    (order,) = (await Web(fw, token).post("ea/report", BODY))["commands"]
    return dict(order)


async def rotated(fw: Fleetwire, overlap_s: float) -> str:
    (row,) = [row for row in token_desk(fw).listed() if row.role == "expert"]
    return (await token_desk(fw).rotate(row.token_id, overlap_s, "a test")).token


async def test_the_key_follows_from_the_token_that_was_shown_once(tmp_path: Path) -> None:
    hands = Hands()
    async with whole(tmp_path / "fleet.db") as fw:
        token = await own_token(fw)
        async with living(expert_client(fw.server.url, tmp_path, hands, token), fw) as client:
            command = await fw.command("pause", ea_id=EA)
            assert (await command.finished(timeout_s=10)).status == "executed"
        assert client.refused == dict.fromkeys(Verdict, 0)
    assert hands.done == ["pause"]


async def test_while_two_secrets_count_each_is_answered_in_its_own_key(tmp_path: Path) -> None:
    async with whole(tmp_path / "fleet.db") as fw:
        first = await own_token(fw)
        await Web(fw, first).post("ea/report", BODY)
        await fw.command("pause", ea_id=EA)
        second = await rotated(fw, 3600.0)
        old, new = await fetched(fw, first), await fetched(fw, second)
        assert read(first, old) == read(second, new)
        for token, order in ((second, old), (first, new), (TOKEN, new)):
            with pytest.raises(DataError, match="is not signed with this expert's key"):
                read(token, order)
        third = await rotated(fw, 0.0)
        await Web(fw, second).post("ea/report", BODY, 401)
        assert read(third, await fetched(fw, third)).command == "pause"


async def test_who_relays_with_another_token_can_pass_a_command_on_and_not_make_one(tmp_path: Path) -> None:
    """The relay is an admin here: what it passes on is signed in a key that it does not have."""
    async with whole(tmp_path / "fleet.db") as fw:
        await Web(fw).post("ea/report", BODY)
        await fw.command("pause", ea_id=EA)
        unsigned = await fetched(fw, TOKEN)
        assert unsigned["signature"] == "", "nobody has a token for this expert: nothing can sign for it"
        token = await own_token(fw)
        order = await fetched(fw, TOKEN)
        assert (read(token, order).command, read(token, order).ea_id) == ("pause", EA)
        with pytest.raises(DataError, match="is not signed with this expert's key"):
            read(TOKEN, order)


async def test_a_folder_gets_signed_commands_too(tmp_path: Path) -> None:
    folder = tmp_path / "drop"
    folder.mkdir()
    async with whole(tmp_path / "fleet.db", drop_folder=str(folder)) as fw:
        token = await own_token(fw)
        (folder / "new.tmp").write_text(json.dumps(BODY))
        (folder / "new.tmp").rename(folder / "new.json")
        async with asyncio.timeout(10):
            while EA not in fw.service.orders.places:
                await asyncio.sleep(0.01)
        await fw.command("pause", ea_id=EA)
        async with asyncio.timeout(10):
            while not (found := list(folder.glob("commands/*.json"))):
                await asyncio.sleep(0.01)
        order = json.loads(found[0].read_text())
        assert read(token, order).command == "pause"


async def test_a_token_for_another_expert_or_one_that_is_over_signs_nothing(tmp_path: Path) -> None:
    async with whole(tmp_path / "fleet.db") as fw:
        await fw.report(Account(server="Broker-Demo", login=5, currency="USD", equity=1.0, balance=1.0))
        await fw.report(ExpertReport(expert=LONDON, ea_id=EA))
        keys, desk = fw.service.orders.keys, token_desk(fw)

        async def made(**words: Any) -> Any:
            binding = Binding(**{"server": "Broker-Demo", "login": 5, "magic": 12345, **words})
            return await desk.create(TokenRequest(role="expert", expert=binding), "a test")

        nobody = fw.server.access.identify(TOKEN, fw.service.clock.moment())
        assert nobody is not None
        for other in ({"magic": 1}, {"login": 6}, {"server": "Else"}, {"symbol": "XAUUSD"}, {"name": "Grid"}):
            await made(**other)
        assert keys(LONDON, nobody.holder) is None
        first, second = await made(), await made(symbol="EURUSD", name="London Breakout")
        assert keys(LONDON, nobody.holder) == derive_key(second.token), "the newest one"
        await desk.revoke(second.about.token_id, "a test")
        assert keys(LONDON, nobody.holder) == derive_key(first.token)
        await desk.revoke(first.about.token_id, "a test")
        assert keys(LONDON, nobody.holder) is None


async def test_a_restart_goes_on_signing_and_a_lost_key_is_an_alert_at_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with whole(tmp_path / "fleet.db") as fw:
        token = await own_token(fw)
        assert (tmp_path / "fleet.key").exists()
    async with whole(tmp_path / "fleet.db") as fw:
        assert fw.alerts == []
        await Web(fw).post("ea/report", BODY)
        await fw.command("pause", ea_id=EA)
        assert read(token, await fetched(fw, token)).command == "pause"
    async with whole(tmp_path / "fleet.db", server_key=str(tmp_path / "lost.key")) as fw:
        (alert,) = [alert for alert in fw.alerts if alert.rule == "keys_lost"]
        (row,) = token_desk(fw).listed()
        assert alert.level == "critical"
        assert "lost.key" in alert.message
        assert row.token_id in alert.message
        for _ in range(3):
            assert (await fetched(fw, token))["signature"] == "", "an expert of its own token refuses that"
        assert caplog.text.count("commands go out unsigned") == 1
        after = await rotated(fw, 0.0)
        assert read(after, await fetched(fw, after)).command == "pause"
    async with whole(tmp_path / "fleet.db", server_key=str(tmp_path / "lost.key")) as fw:
        assert read(after, await fetched(fw, after)).command == "pause"


async def test_neither_the_database_nor_the_servers_key_alone_has_the_signing_key(tmp_path: Path) -> None:
    async with whole(tmp_path / "fleet.db") as fw:
        token = await own_token(fw)
    key = derive_key(token)
    for path in tmp_path.iterdir():
        held = path.read_bytes()
        assert key not in held
        assert key.hex().encode() not in held
        assert token.encode() not in held
