"""What tests of tokens for a part of the fleet share: a small fleet, tokens for parts of it, and who asks with them."""

from typing import Any

import aiohttp

from fleetwire import Fleetwire
from fleetwire.fleet.events import Account, Deal, DealReport, ExpertId, ExpertReport, Position
from fleetwire.ports import TokenDesk
from fleetwire.wire.tokens import Binding, Scopes, TokenRequest
from tests.integration.support import MSC

# Two experts on the first account, the second of them in the group gold; one on the second account, in gold as well.
LONDON = ExpertId("Broker-Demo", 5, 1, "EURUSD", "London")
PARIS = ExpertId("Broker-Demo", 5, 2, "GBPUSD", "Paris")
TOKYO = ExpertId("Broker-Live", 6, 3, "USDJPY", "Tokyo")
IDS = {LONDON: 101, PARIS: 102, TOKYO: 103}
GROUPS = {LONDON: "", PARIS: "gold", TOKYO: "gold"}


def report(expert: ExpertId, profit: float = 1.0) -> ExpertReport:
    position = Position(
        ticket=IDS[expert], time_msc=MSC, type="buy", volume=0.1, price_open=1.0, symbol=expert.symbol, profit=profit
    )
    return ExpertReport(expert=expert, ea_id=IDS[expert], group=GROUPS[expert], positions=(position,))


def deal(expert: ExpertId, ticket: int, **fields: Any) -> DealReport:
    known = {"time_msc": MSC + ticket, "type": "buy", "entry": "in", "volume": 0.1, "symbol": expert.symbol}
    made = Deal(**{"ticket": ticket, "magic": expert.magic, "position_id": 1000 + ticket, **known, **fields})
    return DealReport(expert=expert, ea_id=IDS[expert], deal=made)


def account(of: ExpertId) -> Account:
    return Account(server=of.server, login=of.login, currency="USD", balance=100.0, equity=100.0)


def desk(fleet: Fleetwire) -> TokenDesk:
    return fleet.server._office.token_desk


async def token_for(fleet: Fleetwire, role: str = "viewer", expert: Binding | None = None, **scopes: Any) -> str:
    request = TokenRequest(role=role, scopes=Scopes(**scopes), expert=expert)
    return (await desk(fleet).create(request, "a test")).token


class Asker:
    """Asks the API with a token."""

    def __init__(self, fleet: Fleetwire, token: str, session: aiohttp.ClientSession) -> None:
        self.url = fleet.server.url.replace("ws", "http", 1) + "/api/v1/"
        self.token, self.session = token, session

    async def __call__(self, path: str, method: str = "GET", body: Any = None) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self.token}"}
        async with self.session.request(method, self.url + path, headers=headers, json=body) as answer:
            return answer.status, await answer.json(content_type=None)
