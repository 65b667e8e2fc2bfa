"""What is told of a change."""

from fleetwire.fleet.channels import expert_row, tell
from fleetwire.fleet.events import Account, Deal, DealReport, ExpertId, ExpertReport, NewsEvent, Position
from fleetwire.fleet.state import AccountChanged, Fleet, Traded

UTC = "2026-11-22T17:31:00.123Z"
LONDON = ExpertId("Broker-Demo", 5, 12345, "EURUSD", "London Breakout")


def fleet_with_a_position() -> Fleet:
    fleet = Fleet()
    fleet.apply(Account(server="Broker-Demo", login=5, currency="USD", equity=1000.0), UTC)
    position = Position(
        ticket=1, time_msc=0, type="buy", volume=0.1, price_open=1.08, sl=1.07, tp=1.1, symbol="EURUSD", profit=150.75
    )
    fleet.apply(ExpertReport(expert=LONDON, ea_id=12345, positions=(position,)), UTC)
    return fleet


def test_an_experts_row_begins_with_what_everybody_looks_for() -> None:
    fleet = fleet_with_a_position()
    row = expert_row(fleet, fleet.experts[12345])
    first = {name: row[name] for name in ("ea_id", "symbol", "status", "current_profit")}
    assert first == {"ea_id": 12345, "symbol": "EURUSD", "status": "active", "current_profit": 150.75}
    assert (row["open_positions"], row["volume"], row["sl_value"], row["tp_value"]) == (1, 0.1, 1.07, 1.1)
    assert row["last_report_utc"] == UTC


def test_a_figure_that_does_not_exist_is_left_out() -> None:
    fleet = fleet_with_a_position()
    metrics = expert_row(fleet, fleet.experts[12345])["performance_metrics"]
    assert metrics["total_trades"] == 0
    assert "profit_factor" not in metrics
    assert None not in metrics.values()


def test_a_trade_is_told_with_the_expert_and_the_time_of_the_trade_server() -> None:
    fleet = fleet_with_a_position()
    deal = Deal(ticket=2, time_msc=1_753_441_858_000, type="sell", entry="out", volume=0.1, symbol="EURUSD", profit=9.0)
    traded = fleet.apply(DealReport(expert=LONDON, deal=deal), UTC)[0]
    assert isinstance(traded, Traded)
    told = tell(fleet, traded)
    assert told is not None
    assert told.type == "trade_update"
    assert (told.data["ea_id"], told.data["profit"]) == (12345, 9.0)
    assert told.data["time_server"] == "2025.07.25 11:10:58"


def test_an_event_without_a_forecast_says_none() -> None:
    fleet = Fleet()
    (announced,) = fleet.apply(NewsEvent(id=1, time_utc=UTC, currency="USD", importance="high", name="NFP"), UTC)
    told = tell(fleet, announced)
    assert told is not None
    assert (told.type, told.data["name"]) == ("news_update", "NFP")
    assert "forecast" not in told.data
    assert "type" not in told.data, "the tag by which sources tell facts apart is theirs"


def test_an_account_is_told_by_the_portfolio_alone() -> None:
    fleet = fleet_with_a_position()
    assert tell(fleet, AccountChanged(fleet.accounts["Broker-Demo", 5])) is None


def test_an_id_that_is_claimed_twice_is_an_alert_that_names_both() -> None:
    fleet = fleet_with_a_position()
    other = ExpertId("Broker-Demo", 6, 12345, "EURUSD", "Grid")
    told = tell(fleet, fleet.apply(ExpertReport(expert=other, ea_id=12345), UTC)[0])
    assert told is not None
    assert (told.type, told.data["level"], told.data["ea_id"]) == ("alert", "warning", 1001)
    assert told.data["message"] == (
        "Grid on Broker-Demo/6 claims to be EA 12345, which is London Breakout on Broker-Demo/5: it goes by 1001"
    )
