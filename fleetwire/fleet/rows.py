"""Parts of rows that are worked out once, when something happens, and shown many times."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from fleetwire.fleet.events import Deal


def deal_row(deal: Deal) -> dict[str, Any]:
    """Write a deal in MetaTrader's names; its time stays the trade server's, in both forms."""
    server_time = datetime.fromtimestamp(deal.time_msc / 1000, UTC).strftime("%Y.%m.%d %H:%M:%S")
    return {**msgspec.to_builtins(deal), "time_server": server_time}


def without_nothing(data: dict[str, Any]) -> dict[str, Any]:
    """Leave out what does not exist."""
    return {name: value for name, value in data.items() if value is not None}
