"""What was refused is in the audit, and nobody can fill it by being refused."""

import json

from fleetwire.fleet.commands.refusals import Refusals
from fleetwire.wire.audit import AuditTrail, verify
from fleetwire.wire.errors import CommandError, ErrorCode
from tests.fleet.commands.support import at

ERROR = CommandError(ErrorCode.forbidden, "a viewer sends no commands")


def test_a_refusal_is_a_row_with_who_where_what_and_why() -> None:
    trail = AuditTrail()
    row = Refusals(trail).row(ERROR, who="viewer-1", address="10.0.0.1", at=at(), asked={"command": "close_all"})
    assert (row.who, row.address, row.action, row.after) == ("viewer-1", "10.0.0.1", "command_refused", "refused")
    assert row.why == "forbidden: a viewer sends no commands"
    assert json.loads(json.loads(row.details)["asked"]) == {"command": "close_all"}
    assert verify([row], end=trail.head) is None


def test_a_flood_of_refusals_is_counted_and_leaves_the_others_alone() -> None:
    trail = AuditTrail()
    refusals = Refusals(trail)
    made = [refusals.row(ERROR, who="viewer-1", address="", at=at()) for _ in range(1000)]
    rows = [row for row in made if row is not None]
    assert len(rows) == 30
    assert refusals.row(ERROR, who="viewer-2", address="", at=at()) is not None
    later = refusals.row(ERROR, who="viewer-1", address="", at=at(2))
    assert json.loads(later.details)["left_out_before"] == 970
    assert trail.head.number == 32


def test_names_are_bounded_and_so_is_what_was_asked() -> None:
    refusals = Refusals(AuditTrail())
    for number in range(10_001):
        refusals._left_out[f"viewer-{number}"] = 1
    for _ in range(31):
        refusals.row(ERROR, who="one more", address="", at=at())
    assert len(refusals._left_out) == 10_001, "one came, one went"
    assert "viewer-0" not in refusals._left_out
    row = Refusals(AuditTrail()).row(ERROR, who="v", address="", at=at(), asked={"x": "y" * 100_000})
    assert len(row.details) < 1100
