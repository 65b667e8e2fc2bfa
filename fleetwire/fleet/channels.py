"""From what changed to what is told: change -> (message type, data)."""

from typing import Any, NamedTuple

import msgspec

from fleetwire.fleet.events import CommandReport, NewsEvent
from fleetwire.fleet.rows import deal_row, without_nothing
from fleetwire.fleet.state import (
    Announced,
    Change,
    ClaimRefused,
    CommandMoved,
    ExpertChanged,
    ExpertState,
    Fleet,
    Traded,
)


class Told(NamedTuple):
    """One message to publish."""

    type: str
    data: dict[str, Any]


def tell(fleet: Fleet, change: Change) -> Told | None:
    """Say a change as a message; None where the portfolio alone says it."""
    if isinstance(change, ExpertChanged):
        return Told("ea_update", expert_row(fleet, change.expert))
    if isinstance(change, Traded):
        return Told("trade_update", {**_who(change.expert), **deal_row(change.deal)})
    if isinstance(change, Announced):
        return Told("news_update", _fields(change.event))
    if isinstance(change, CommandMoved):
        return Told("command_update", _fields(change.report))
    if isinstance(change, ClaimRefused):
        return Told("alert", _refused_claim(change))
    return None


def expert_row(fleet: Fleet, expert: ExpertState) -> dict[str, Any]:
    """Build the row of an expert: the data of an `ea_update`. A figure that does not exist is left out."""
    report, identity = expert.report, expert.expert
    positions = report.positions or ()
    row: dict[str, Any] = {
        **_who(expert),
        "status": report.status,
        "current_profit": expert.current_profit,
        "currency": expert.currency,
        "drawdown_pct": fleet.drawdown_pct(expert),
        "magic": identity.magic,
        "server": identity.server,
        "login": identity.login,
        "strategy_tag": report.strategy_tag,
        "timeframe": report.timeframe,
        "open_positions": len(positions),
        "volume": round(sum((position.volume for position in positions), 0.0), 2),
        "trailing_active": report.trailing_active,
        "module_status": report.module_status,
        "performance_metrics": expert.known_metrics,
        "last_trades": list(expert.last_trades),
        "paused": report.paused,
        "last_report_utc": expert.last_report_utc,
    }
    if positions:
        row["sl_value"], row["tp_value"] = positions[-1].sl, positions[-1].tp
    return row


def _who(expert: ExpertState) -> dict[str, Any]:
    return {"ea_id": expert.ea_id, "symbol": expert.expert.symbol, "name": expert.expert.name}


def _refused_claim(change: ClaimRefused) -> dict[str, Any]:
    owner, claimant = change.owner.expert, change.claimant.expert
    return {
        "level": "warning",
        "message": (
            f"{claimant.name} on {claimant.server}/{claimant.login} claims to be EA {change.owner.ea_id}, which is "
            f"{owner.name} on {owner.server}/{owner.login}: it goes by {change.claimant.ea_id}"
        ),
        "ea_id": change.claimant.ea_id,
        "rule": "ea_id_claimed_twice",
    }


def _fields(fact: NewsEvent | CommandReport) -> dict[str, Any]:
    """Write a fact without the tag by which sources tell facts apart."""
    data = without_nothing(msgspec.to_builtins(fact))
    del data["type"]
    return data
