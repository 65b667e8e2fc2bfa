"""Every attack of the table, against a real server in a process of its own; and that the table is whole."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from fleetwire import Fleetwire, WebSocketServer
from fleetwire.config import Settings
from tests.attacks.__main__ import alive
from tests.attacks.own import TOKEN, OwnServer
from tests.attacks.peer import Target
from tests.attacks.table import ATTACKS, Attack, NotHere

PAGE = Path(__file__).parents[2] / "docs" / "security.md"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def target() -> AsyncIterator[Target]:
    async with OwnServer() as own:
        yield own.target


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("attack", [ATTACKS[number] for number in sorted(ATTACKS)], ids=lambda one: one.run.__name__)
async def test_it_is_answered_as_demanded_and_others_are_served(attack: Attack, target: Target) -> None:
    try:
        await attack.run(target)
    except NotHere as reason:
        if sys.platform == "linux":  # there all of them can be run
            raise
        pytest.skip(str(reason))
    await alive(target)


@pytest.mark.parametrize("number", [35, 40])
async def test_what_a_server_does_not_have_is_left_open(number: int) -> None:
    """Here nobody keeps a fleet: there is neither a token to be made nor a command to be given."""
    async with WebSocketServer(port=0, auth_token=TOKEN) as server:
        with pytest.raises(NotHere):
            await ATTACKS[number].run(Target("127.0.0.1", server.port, TOKEN))


async def test_nobody_elses_experts_are_commanded() -> None:
    async with Fleetwire(Settings(port=0, auth_token=TOKEN, database=":memory:")) as fleet:
        with pytest.raises(NotHere, match="a server that is not ours"):
            await ATTACKS[40].run(Target("127.0.0.1", fleet.server.port, TOKEN))
        assert len(fleet.service.orders.commands) == 0


def test_there_are_forty_two_of_them() -> None:
    assert sorted(ATTACKS) == list(range(1, 43))


def rows() -> dict[int, list[str]]:
    lines = [
        line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| ") and line[2:4].strip().isdigit()
    ]
    return {int(cells[0]): cells[1:] for cells in ([cell.strip() for cell in line[1:-1].split("|")] for line in lines)}


def test_the_page_names_each_attack_with_its_answer_and_the_function_that_proves_it() -> None:
    told = {number: (cells[1], cells[2].strip("`")) for number, cells in rows().items()}
    assert told == {number: (attack.answer, attack.run.__name__) for number, attack in ATTACKS.items()}
