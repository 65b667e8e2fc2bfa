"""Who speaks for an expert: the connection that reported it, as long as that is by the same token."""

from pathlib import Path

import pytest
from websockets import connect

from fleetwire import Fleetwire
from fleetwire.wire.tokens import Binding, TokenRequest
from tests.integration.commanding import EA, EXPERT, own_token, token_desk
from tests.integration.support import whole
from tests.integration.test_orders import socket
from tests.support import until

OTHER = EXPERT | {"magic": 9, "name": "Other"}
BINDING = Binding(server="Broker-Demo", login=5, magic=9)
SOMEBODY_ELSE = (TokenRequest(role="viewer"), TokenRequest(role="expert", expert=BINDING))


async def known(fw: Fleetwire) -> None:
    await until(lambda: EA in fw.service.orders.places)


@pytest.mark.parametrize("request_", SOMEBODY_ELSE, ids=("a viewer", "another expert"))
async def test_who_has_become_somebody_else_has_no_say_and_is_handed_nothing(
    tmp_path: Path, request_: TokenRequest
) -> None:
    async with whole(tmp_path / "fleet.db") as fw, connect(fw.server.url) as raw:
        client = await socket(raw, await own_token(fw))
        await client.say("ea_report", {"expert": EXPERT, "ea_id": EA, "boot_id": "one"})
        await known(fw)
        first = await fw.command("pause", ea_id=EA)
        await client.hear("command", id=first.command_id)
        other = (await token_desk(fw).create(request_, "a test")).token
        await client.say("auth", {"token": other})
        await client.hear("auth_response", success=True)
        second = await fw.command("resume", ea_id=EA)
        for command in (first, second):
            await client.say("command_ack", {"command_id": command.command_id, "status": "executed"}, id=2)
            assert (await client.hear("error"))["code"] == "forbidden"
        assert (first.row.status, second.row.status) == ("delivered", "queued")
        assert [each["data"]["id"] for each in client.heard if each["type"] == "command"] == [first.command_id]


async def test_the_same_token_said_again_or_with_its_new_secret_goes_on(tmp_path: Path) -> None:
    async with whole(tmp_path / "fleet.db") as fw, connect(fw.server.url) as raw:
        client = await socket(raw, await own_token(fw))
        await client.say("ea_report", {"expert": EXPERT, "ea_id": EA, "boot_id": "one"})
        await known(fw)
        (row,) = token_desk(fw).listed()
        rotated = await token_desk(fw).rotate(row.token_id, 60.0, "a test")
        await client.say("auth", {"token": rotated.token})
        await client.hear("auth_response", success=True)
        command = await fw.command("pause", ea_id=EA)
        await client.hear("command", id=command.command_id)
        await client.say("command_ack", {"command_id": command.command_id, "status": "executed"})
        assert (await command.finished(timeout_s=10)).status == "executed"
