"""The one table of attacks: each declares its number, what it does, and the answer that is demanded."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from tests.attacks.peer import Target

Run = Callable[[Target], Awaitable[None]]


class NotHere(Exception):
    """This server can't be attacked so: it is not ours to look into, or it does not speak what is attacked."""


class Attack(NamedTuple):
    """One attack. `run` raises an AssertionError where the answer is another than the one demanded."""

    number: int
    name: str
    answer: str
    run: Run


ATTACKS: dict[int, Attack] = {}


def attack(number: int, answer: str) -> Callable[[Run], Run]:
    """Declare a function as an attack; the first line of its docstring is its name."""

    def declare(run: Run) -> Run:
        assert number not in ATTACKS, f"attack {number} is declared twice"
        name = (run.__doc__ or "").splitlines()[0].rstrip(".")
        ATTACKS[number] = Attack(number, name, answer, run)
        return run

    return declare
