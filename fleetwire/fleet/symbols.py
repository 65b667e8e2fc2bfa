"""Which currencies move a symbol: from its name, as brokers write it."""

import re
from collections.abc import Iterator
from typing import Final

EVERY: Final = "ALL"
"""The currency of calendar events that concern every symbol."""

_LISTED: Final = (
    "AED|ARS|AUD|BRL|CAD|CHF|CLP|CNH|CNY|COP|CZK|DKK|EUR|GBP|HKD|HUF|IDR|ILS|INR|JPY|KRW|MXN|MYR|NOK|NZD|PEN|PHP|PLN|"
    "RON|RUB|SAR|SEK|SGD|THB|TRY|TWD|USD|ZAR"
)
CURRENCIES: Final = frozenset(_LISTED.split("|"))
"""Currencies that symbols are made of."""

# What is priced in the currency that follows it (XAUUSD, BTCEUR), and moves by that currency's news.
_PRICED: Final = (
    "XAU|XAG|XPT|XPD|XCU|XNG|XTI|XBR|GOLD|SILVER|OIL|BTC|ETH|LTC|XRP|BCH|ADA|SOL|DOT|DOGE|BNB|LINK|AVAX|XLM|EOS|UNI|"
    "MATIC|TRX|SHIB|ATOM"
)

# What its name alone tells; the longest name that fits is taken.
_NAMED: Final = {
    "USD": "US500 SPX500 SP500 SPX US30 DJ30 DJI30 DJI WS30 DOW30 NAS100 NASDAQ100 NASDAQ US100 USTEC NDX US2000 "
    "RUSS2000 RUT2000 VIX USDX DXY GOLD SILVER USOIL UKOIL WTI BRENT XTI XBR NGAS NATGAS XNG COPPER",
    "EUR": "GER40 GER30 DE40 DE30 DAX40 DAX30 DAX STOXX50 STOXX EUSTX50 ESTX50 EU50 EURO50 FRA40 F40 CAC40 ESP35 SPA35 "
    "ES35 ITA40 IT40 NETH25 NL25 AEX",
    "GBP": "UK100 FTSE100 FTSE",
    "JPY": "JP225 JPN225 NI225 NIKKEI225 NIKKEI N225",
    "AUD": "AUS200 AU200 ASX200",
    "HKD": "HK50 HSI50 HSI",
    "CNH": "CHINA50 CHINAH CHN50 CN50",
    "CHF": "SUI20 SWI20 SMI20 CH20",
    "CAD": "CAN60 CA60",
    "SGD": "SING30 SG30",
}
_CURRENCY_OF: Final = {name: currency for currency, names in _NAMED.items() for name in names.split()}

_pair: Final = re.compile(rf"(?=({_LISTED})({_LISTED}))")
_priced: Final = re.compile(rf"(?:{_PRICED})({_LISTED})")
# An index may have signs and one letter before it (#US30, mUS500), and no further digit behind its own.
_named: Final = re.compile(rf"[^A-Z0-9]*[A-Z]?({'|'.join(sorted(_CURRENCY_OF, key=len, reverse=True))})(?![0-9])")


def currencies_of(symbol: str) -> frozenset[str]:
    """Tell which currencies' news concern a symbol; none where its name tells nothing.

    Args:
        symbol: like `EURUSD`, `mEURUSD`, `EURUSD.a`, `EUR/USD`, `XAUUSD`, `#US500`, `GER40.cash`.
    """
    return frozenset(_currencies_of(symbol.upper()))


def _currencies_of(name: str) -> Iterator[str]:
    plain = re.sub(r"[/\-_ ]", "", name)
    pair = _pair.search(plain)
    if pair is not None and pair[1] != pair[2]:
        yield from pair.groups()
        return
    priced = _priced.search(plain)
    if priced is not None:
        yield priced[1]
        return
    named = _named.match(plain)
    if named is not None:
        yield _CURRENCY_OF[named[1]]
