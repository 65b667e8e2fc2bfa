"""Parts of rows."""

from fleetwire.fleet.events import Deal
from fleetwire.fleet.rows import deal_row, without_nothing


def test_a_deal_is_shown_in_metatraders_names_with_the_servers_time_in_both_forms() -> None:
    row = deal_row(Deal(ticket=2, time_msc=1_753_441_858_000, type="sell", entry="out", profit=9.0))
    assert (row["ticket"], row["profit"], row["time_msc"]) == (2, 9.0, 1_753_441_858_000)
    assert row["time_server"] == "2025.07.25 11:10:58"


def test_what_does_not_exist_is_left_out_and_nothing_else() -> None:
    assert without_nothing({"a": None, "b": 0, "c": "", "d": False}) == {"b": 0, "c": "", "d": False}
