"""Who is in the simulated fleet: accounts at several trade servers, and the experts that trade on them."""

from random import Random
from typing import Final, NamedTuple

from fleetwire.sources.simulator.account import SimulatedAccount
from fleetwire.sources.simulator.brokers import BROKERS
from fleetwire.sources.simulator.experts import BOLD, STRATEGIES, SimulatedExpert
from fleetwire.sources.simulator.market import SYMBOLS, WAVE, Market, TradeServer

EXPERTS_MAX: Final = 2000
_SMALL_ACCOUNTS: Final = 3
_SMALL_FLEET: Final = 40  # so many experts share the accounts of a small fleet
_EXPERTS_AN_ACCOUNT: Final = 10
_FIRST_MAGIC: Final = 1001
_BOLD_EVERY: Final = 100
_BOLD: Final = 1  # the second expert, and each hundredth after it
_LOGIN_STEP: Final = 12


class _Kind(NamedTuple):
    """What an account may be: at which broker, in which money."""

    broker: int
    login: int
    currency: str
    leverage: int
    netting: bool
    balance: float


_KINDS: Final = (
    _Kind(0, 400_000_005, "USD", 100, False, 12_000.0),
    _Kind(0, 400_000_011, "USD", 200, False, 4_000.0),
    _Kind(2, 550_020_314, "EUR", 100, True, 10_000.0),
    _Kind(1, 700_123_456, "USD", 100, True, 25_000.0),
    _Kind(3, 810_000_042, "JPY", 500, False, 1_500_000.0),
    _Kind(2, 550_020_320, "GBP", 30, False, 8_000.0),
)


def accounts_for(experts: int) -> int:
    """Tell how many accounts so many experts trade on."""
    if experts <= _SMALL_FLEET:
        return min(experts, _SMALL_ACCOUNTS)
    return -(-experts // _EXPERTS_AN_ACCOUNT)


def make_accounts(count: int, market: Market, never_closes: bool, first_ticket: int) -> list[SimulatedAccount]:
    """Open accounts, one of each kind in turn."""
    servers: dict[int, TradeServer] = {}
    accounts = []
    for number in range(count):
        kind = _KINDS[number % len(_KINDS)]
        if kind.broker not in servers:
            servers[kind.broker] = TradeServer(BROKERS[kind.broker], market, never_closes)
        login = kind.login + number // len(_KINDS) * _LOGIN_STEP
        server = servers[kind.broker]
        accounts.append(
            SimulatedAccount(server, login, kind.currency, kind.leverage, kind.netting, kind.balance, first_ticket)
        )
    return accounts


def make_experts(
    count: int, accounts: list[SimulatedAccount], market: Market, random: Random, interval_s: float
) -> list[SimulatedExpert]:
    """Put experts on the accounts in turn: on a netting account only one for each symbol."""
    experts: list[SimulatedExpert] = []
    on_account = [0] * len(accounts)
    turn = 0
    for number in range(count):
        while accounts[turn % len(accounts)].netting and on_account[turn % len(accounts)] >= len(SYMBOLS):
            turn += 1
        place = turn % len(accounts)
        account, turn = accounts[place], turn + 1
        symbol = SYMBOLS[(on_account[place] + place) % len(SYMBOLS)]
        strategy = STRATEGIES[(number + number // len(STRATEGIES)) % len(STRATEGIES)]
        on_account[place] += 1
        if number % _BOLD_EVERY == _BOLD and not account.netting:
            symbol, strategy = WAVE, BOLD
        quote = account.server.quotes[symbol.name]
        experts.append(SimulatedExpert(account, _FIRST_MAGIC + number, quote, strategy, market, random, interval_s))
    return experts
