"""What was heard: rows as they stand, their age by the server's clock, and alerts that nobody can lose."""

from fleetwire.cli.top.board import Board
from tests.cli.top.rows import Clock, alert, expert, told


def test_rows_are_as_they_were_told_last_and_end_when_they_end() -> None:
    board, clock = Board(), Clock()
    assert not board.complete
    board.take(clock.row(expert(1)))
    board.take(clock.row(expert(2)))
    board.take(clock.message("snapshot_end", {"channels": ["ea_updates"]}))
    assert board.complete
    board.take(clock.row(expert(1, current_profit=9.0)))
    board.take(clock.row({"ea_id": 2, "status": "removed"}))
    assert {key: row["current_profit"] for key, row in board.experts.items()} == {"1": 9.0}
    board.take(clock.row({"total_eas": 1}, "portfolio_updates"))
    assert board.portfolio == {"total_eas": 1}


def test_ages_grow_by_the_servers_clock() -> None:
    board, clock = Board(), Clock()
    board.take(clock.row(expert(1), as_of="2026-11-24T11:59:59.000Z"))
    clock.now += 4
    assert board.age_ms("1") == 5000
    server_s = board.server_s()
    assert server_s is not None
    clock.now += 1
    assert board.server_s() == server_s + 1
    assert board.age_ms("2") is None


def test_what_a_new_server_does_not_tell_does_not_exist() -> None:
    board, clock = told(expert(1), expert(2)), Clock()
    board.take(clock.message("subscription_response", {"channels": ["ea_updates"], "recovered": {"ea_updates": False}}))
    board.take(clock.row(expert(2)))
    assert set(board.experts) == {"1", "2"}, "until the end of the snapshot nobody knows"
    board.take(clock.message("snapshot_end", {"channels": ["ea_updates"]}))
    assert set(board.experts) == {"2"}


def test_what_goes_on_keeps_its_rows_and_a_gap_renews_them() -> None:
    board, clock = told(expert(1), expert(2)), Clock()
    board.take(clock.message("subscription_response", {"channels": ["ea_updates"], "recovered": {"ea_updates": True}}))
    board.take(clock.message("snapshot_end", {"channels": ["ea_updates"]}))
    assert set(board.experts) == {"1", "2"}
    board.take(clock.message("gap", {"channel": "ea_updates"}))
    board.take(clock.row(expert(1)))
    board.take(clock.message("snapshot_end", {"channels": ["ea_updates"]}))
    assert set(board.experts) == {"1"}


def test_a_list_of_alerts_does_not_overrule_what_was_told_since_it_was_asked_for() -> None:
    board, clock = Board(), Clock()
    board.list_alerts([alert(1), alert(2), alert(3)])
    board.ask_for_alerts()
    board.take(clock.message("alert", alert(1, status="cleared")))
    board.take(clock.message("alert", alert(2, status="acknowledged")))
    board.take(clock.message("alert", alert(4)))
    board.list_alerts([alert(1), alert(2)])
    assert {row["alert_id"]: row["status"] for row in board.alerts} == {2: "acknowledged", 4: "raised"}
    board.take(clock.message("alert", {"level": "info", "message": "a program's own word"}))
    assert len(board.alerts) == 2


def test_the_parts_of_a_stop_are_followed_also_those_that_came_before_its_answer() -> None:
    board, clock = Board(), Clock()

    def part(command_id: str, status: str) -> None:
        parent = command_id.partition(".")[0]
        row = {"command_id": command_id, "parent_id": parent, "command": "emergency_stop", "status": status}
        board.take(clock.message("command_update", row))

    part("a.1", "queued")
    assert board.parts == [], "nobody has sent one here"
    board.expect_stop()
    part("a.1", "executed")
    part("b.1", "executed")
    board.follow("a", [{"command_id": "a.1", "status": "queued"}, {"command_id": "a.2", "status": "queued"}])
    part("a.2", "executed")
    part("b.2", "executed")
    assert {row["command_id"]: row["status"] for row in board.parts} == {"a.1": "executed", "a.2": "executed"}
