"""What `fleetwire tail` asks of the server: people read once a second, programs hear everything."""

import argparse

import pytest

from fleetwire.cli import tail


def asked(*arguments: str) -> dict[str, float] | None:
    parser = argparse.ArgumentParser()
    tail.add_arguments(parser)
    return tail._Tail(parser.parse_args(arguments))._max_hz


@pytest.mark.parametrize(
    ("arguments", "rates"),
    [
        ((), {"portfolio_updates": 1.0, "price_updates": 1.0}),
        (("ea_updates", "price_updates:EURUSD"), {"price_updates": 1.0}),
        (("ea_updates", "alerts"), None),
        (("--json",), None),
    ],
)
def test_people_are_told_sums_and_prices_once_a_second(
    arguments: tuple[str, ...], rates: dict[str, float] | None
) -> None:
    assert asked(*arguments) == rates
