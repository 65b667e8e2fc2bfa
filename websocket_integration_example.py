"""How a backend joins in: what it learns of experts is reported, and everybody who subscribed hears what is true now.

Run it, and listen in another terminal with `fleetwire tail`.
"""

import asyncio

from fleetwire import WebSocketServer
from fleetwire.fleet.events import Account, ExpertId, ExpertReport, Position
from fleetwire.integration import IntegrationService

__all__ = ["IntegrationService"]

LONDON = ExpertId(server="Broker-Demo", login=400000005, magic=12345, symbol="EURUSD", name="London Breakout")


async def main(port: int = 8765, seconds: int = 3600) -> None:
    """Serve one expert whose only position gains a little every second."""
    async with WebSocketServer(port=port, auth_token="your_auth_token") as server:
        service = IntegrationService(server)
        await service.start()
        print(f"on {server.url}; listen with: fleetwire tail --url {server.url} --auth-token your_auth_token")
        for second in range(seconds):
            profit = 150.75 + second
            position = Position(
                ticket=1, time_msc=0, type="buy", volume=0.1, price_open=1.085, symbol="EURUSD", profit=profit
            )
            account = Account(
                server=LONDON.server, login=LONDON.login, currency="USD", balance=10_000, equity=10_000 + profit
            )
            await service.report(account, ExpertReport(expert=LONDON, ea_id=12345, positions=(position,)))
            await asyncio.sleep(1)
        await service.stop()


if __name__ == "__main__":
    asyncio.run(main())
