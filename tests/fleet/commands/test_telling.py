"""How commands are told: rows, what is signed, and the audit."""

import json

import msgspec
import pytest

from fleetwire.fleet.commands import Target, audit_row, command_row, signed
from fleetwire.wire.audit import AuditTrail, verify
from tests.fleet.commands.support import Desk, at, request


def test_a_row_says_what_people_ask_and_leaves_out_what_is_not() -> None:
    command = Desk().queued("close_position", params={"ticket": 5}, reason="too hot", by="ann")
    assert msgspec.to_builtins(command_row(command)) == {
        "command_id": "c1",
        "ea_id": 7,
        "command": "close_position",
        "status": "queued",
        "params": {"ticket": 5},
        "reason": "too hot",
        "target": "EA 7",
        "priority": "closing",
        "by": "ann",
        "issued_at": "2026-11-23T13:30:00.000Z",
        "expires_at": "2026-11-23T13:31:00.000Z",
        "changed_at": "2026-11-23T13:30:00.000Z",
    }


def test_what_is_signed_is_what_the_expert_must_not_doubt() -> None:
    command = Desk().delivered("close_position", boot="run 3", params={"ticket": 5})
    told = signed(command)
    assert (told.command_id, told.ea_id, told.command, told.params) == ("c1", 7, "close_position", {"ticket": 5})
    assert (told.issued_ms, told.expires_ms) == (command.issued_ms, command.expires_ms)
    assert (told.nonce, told.boot_id) == ("n1", "run 3")


def test_a_parent_is_never_signed() -> None:
    with pytest.raises(ValueError, match="several experts"):
        signed(Desk().submit(request(target=Target(all=True)), (7, 8)).command)


def test_every_step_is_a_row_of_the_audit() -> None:
    desk, trail = Desk(), AuditTrail()
    steps = desk.submit(request("pause", by="ann", address="10.0.0.1", reason="news")).steps
    steps += desk.commands.delivered("c1", "a", at(1))
    steps += desk.ack("c1", "executed", 2, done=True)
    rows = [audit_row(trail, step) for step in steps]
    assert [(row.who, row.action, row.before, row.after) for row in rows] == [
        ("ann", "command_queued", "", "queued"),
        ("server", "command_delivered", "queued", "delivered"),
        ("EA 7", "command_executed", "delivered", "executed"),
    ]
    assert (rows[0].address, rows[0].why, rows[0].subject) == ("10.0.0.1", "news", "c1")
    assert json.loads(rows[0].details) == {"ea_id": 7, "command": "pause", "target": "EA 7", "params": {}}
    assert json.loads(rows[2].details) == {"ea_id": 7, "boot_id": "a", "results": {"done": True}}
    assert verify(rows, end=trail.head) is None
