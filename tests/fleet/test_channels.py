"""What is told of a change."""

from fleetwire.fleet.changes import AccountChanged, ClaimRefused, Traded
from fleetwire.fleet.channels import refused_claim, tell
from fleetwire.fleet.events import CommandReport
from fleetwire.fleet.state import Fleet
from fleetwire.wire.rows import DealRow
from tests.fleet.support import GRID, account, at, fleet_of, report, traded


def test_a_trade_is_told_with_its_expert() -> None:
    fleet = fleet_of(account(), report(ea_id=12345))
    change = fleet.apply(traded(2, 9.0), at())[0]
    assert isinstance(change, Traded)
    told = tell(change)
    assert told is not None
    assert told.type == "trade_update"
    assert isinstance(told.data, DealRow)
    assert (told.data.ea_id, told.data.profit, told.data.name) == (12345, 9.0, "London Breakout")


def test_a_command_is_told_without_the_tag_by_which_sources_tell_facts_apart() -> None:
    (moved,) = Fleet().apply(CommandReport(command_id=1, ea_id=5, command="pause", status="queued"), at())
    told = tell(moved)
    assert told is not None
    assert (told.type, told.data["status"], "type" in told.data) == ("command_update", "queued", False)


def test_what_a_row_says_is_not_told_twice() -> None:
    fleet = fleet_of(account())
    assert tell(AccountChanged(fleet.accounts["Broker-Demo", 5])) is None


def test_an_id_that_is_claimed_twice_names_both() -> None:
    fleet = fleet_of(report(ea_id=12345))
    refused = fleet.apply(report(GRID, ea_id=12345), at())[0]
    assert isinstance(refused, ClaimRefused)
    assert refused_claim(refused) == (
        "Grid on Broker-Demo/6 claims to be EA 12345, which is London Breakout on Broker-Demo/5: it goes by 1001"
    )
