"""A symbol's name tells which currencies move it, however the broker writes it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetwire.fleet.symbols import CURRENCIES, currencies_of

MAJORS = ["AUD", "CAD", "CHF", "EUR", "GBP", "JPY", "NZD", "USD"]


@pytest.mark.parametrize(
    ("symbol", "currencies"),
    [
        ("EURUSD", "EUR USD"),
        ("EURUSD.a", "EUR USD"),
        ("mEURUSD", "EUR USD"),
        ("EURUSDm", "EUR USD"),
        ("#EURUSD_i", "EUR USD"),
        ("EUR/USD", "EUR USD"),
        ("usdjpy", "USD JPY"),
        ("USDCNH.pro", "USD CNH"),
        ("XAUUSD", "USD"),
        ("XAUEUR.r", "EUR"),
        ("GOLD", "USD"),
        ("GOLDm#", "USD"),
        ("XAGUSD", "USD"),
        ("US500", "USD"),
        ("#US500", "USD"),
        ("mUS500", "USD"),
        ("US30.cash", "USD"),
        ("NAS100ft", "USD"),
        ("SPX500", "USD"),
        ("US100", "USD"),
        ("GER40", "EUR"),
        ("DE40.c", "EUR"),
        ("EUSTX50", "EUR"),
        ("STOXX50", "EUR"),
        ("UK100", "GBP"),
        ("JP225", "JPY"),
        ("AUS200", "AUD"),
        ("BTCUSD", "USD"),
        ("BTCUSDT", "USD"),
        ("ETHEUR", "EUR"),
        ("USOIL", "USD"),
        ("XTIUSD", "USD"),
        ("AAPL", ""),
        ("US3000", ""),
        ("TSLA.NAS", ""),
        ("", ""),
    ],
)
def test_a_symbol_is_moved_by(symbol: str, currencies: str) -> None:
    assert currencies_of(symbol) == frozenset(currencies.split())


@given(
    st.sampled_from(MAJORS),
    st.sampled_from(MAJORS),
    st.sampled_from(["", "m", "#", "."]),
    st.sampled_from(["", "m", ".a", "_i", ".pro", "#", "-ECN", "z"]),
)
def test_every_pair_of_majors_is_known_with_whatever_around_it(base: str, quote: str, before: str, behind: str) -> None:
    if base != quote:
        assert currencies_of(f"{before}{base}{quote}{behind}") == {base, quote}


@given(st.text(max_size=64))
def test_any_name_is_read_and_gives_known_currencies(symbol: str) -> None:
    assert currencies_of(symbol) <= CURRENCIES
