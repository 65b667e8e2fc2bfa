"""Commands from the one who gives them to the expert that carries them out, over real sockets and on a real disk."""

from pathlib import Path

from tests.integration.commanding import EA, Hands, expert_client, living, sign_with
from tests.integration.support import whole


async def test_a_command_is_carried_out_by_its_expert_and_its_end_is_told(tmp_path: Path) -> None:
    hands = Hands()
    async with whole(tmp_path / "fleet.db") as fw:
        sign_with(fw)
        async with living(expert_client(fw.server.url, tmp_path, hands), fw):
            command = await fw.command("pause", ea_id=EA, reason="news")
            row = await command.finished(timeout_s=10)
        assert (row.status, row.results) == ("executed", {"retcode": 10009})
        assert hands.done == ["pause"]
