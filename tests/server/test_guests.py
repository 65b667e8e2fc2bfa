"""Who is connected, counted in all and by address; and waiting for all to be gone."""

import asyncio
from types import SimpleNamespace
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from fleetwire.hub.limits import Limits
from fleetwire.server.guests import Guest, Guests


def guest(address: str = "a") -> Guest:
    return cast(Guest, SimpleNamespace(transport=object(), address=address))


@given(st.lists(st.tuples(st.booleans(), st.sampled_from("abc")), max_size=60))
def test_the_counts_are_those_of_who_is_here(moves: list[tuple[bool, str]]) -> None:
    guests = Guests(Limits(connections_max=6, connections_per_address_max=3))
    here: list[Guest] = []
    for comes, address in moves:
        if comes:
            newcomer = guest(address)
            status = guests.enter(newcomer)
            expected = "503" if len(here) >= 6 else "429" if [g.address for g in here].count(address) >= 3 else None
            assert (status or "")[:3] == (expected or "")
            if status is None:
                here.append(newcomer)
            else:
                guests.leave(newcomer)  # as the door does for whom it did not let in
        elif here:
            guests.leave(here.pop(0))
        assert guests.all() == here
        assert len(guests) == len(here)
    for left in here:
        guests.leave(left)
        guests.leave(left)
    assert not guests._counts
    assert not guests._places


def test_a_connection_that_is_handed_over_keeps_its_place() -> None:
    guests = Guests(Limits())
    door, other = guest(), guest()
    guests.enter(door)
    guests.enter(other)
    websocket = cast(Guest, SimpleNamespace(transport=door.transport, address="a"))
    guests.hand_over(websocket)
    assert guests.all() == [websocket, other]


async def test_nobody_here_is_nothing_to_wait_for() -> None:
    async with asyncio.timeout(1):
        await Guests(Limits()).gone(60.0)


async def test_waiting_ends_when_the_last_one_goes() -> None:
    guests = Guests(Limits())
    here = [guest(), guest()]
    for one in here:
        guests.enter(one)
    waiting = asyncio.create_task(guests.gone(60.0))
    await asyncio.sleep(0)
    guests.leave(here[0])
    await asyncio.sleep(0)
    assert not waiting.done()
    guests.leave(here[1])
    async with asyncio.timeout(1):
        await waiting


async def test_waiting_ends_after_its_time_although_somebody_stays() -> None:
    guests = Guests(Limits())
    stays = guest()
    guests.enter(stays)
    async with asyncio.timeout(1):
        await guests.gone(0.001)
    guests.leave(stays)  # after nobody waits any more
    async with asyncio.timeout(1):
        await guests.gone(60.0)
