"""Rows leave out what does not exist, and nothing else."""

import msgspec

from fleetwire.wire.rows import EquityPoint, Manual, Page


def test_what_is_none_is_left_out_and_a_zero_is_not() -> None:
    assert msgspec.json.encode(Page(items=[])) == b'{"items":[]}'
    assert msgspec.json.encode(Manual(positions=0, profit={})) == b'{"positions":0,"profit":{}}'
    point = EquityPoint(utc="2026-11-23T13:30:00.000Z", balance=0.0, equity=0.0, equity_min=0.0, equity_max=0.0)
    assert msgspec.json.decode(msgspec.json.encode(point))["equity_min"] == 0.0
