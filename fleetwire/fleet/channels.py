"""From what happened once to what is told of it: change -> (message type, data)."""

from typing import Any, NamedTuple

import msgspec

from fleetwire.fleet.account import account_name
from fleetwire.fleet.changes import Change, ClaimRefused, CommandMoved, Traded
from fleetwire.fleet.rows import deal_row, without_nothing
from fleetwire.wire.rows import Row


class Told(NamedTuple):
    """One message to publish. `as_of` is when its source said it (UTC); empty for now."""

    type: str
    data: Row | dict[str, Any]
    as_of: str = ""


def tell(change: Change) -> Told | None:
    """Say a change as a message; None where a row or nobody says it."""
    if isinstance(change, Traded):
        return Told("trade_update", deal_row(change.account, change.expert, change.deal))
    if isinstance(change, CommandMoved):
        data = without_nothing(msgspec.to_builtins(change.report))
        del data["type"]  # the tag by which sources tell facts apart
        return Told("command_update", data)
    return None


def refused_claim(change: ClaimRefused) -> str:
    """Say for people that an expert wants an id that another one owns."""
    owner, claimant = change.owner.expert, change.claimant.expert
    return (
        f"{claimant.name} on {account_name((claimant.server, claimant.login))} claims to be EA {change.owner.ea_id}, "
        f"which is {owner.name} on {account_name((owner.server, owner.login))}: it goes by {change.claimant.ea_id}"
    )
