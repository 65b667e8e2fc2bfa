"""The audit's chain: any tampering is found, and located."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fleetwire.wire.audit import GENESIS, AuditHead, AuditRow, AuditTrail, chain, verify

FIELDS = ["utc_ms", "who", "address", "action", "subject", "before", "after", "why", "details"]
KEY = b"k" * 32


def a_chain(count: int, key: bytes = b"") -> tuple[list[AuditRow], AuditHead]:
    trail = AuditTrail(key=key)
    rows = [
        trail.row(utc_ms=1000 + number % 3, who=f"op {number % 2}", action="command_queued", subject=f"c{number % 4}")
        for number in range(count)
    ]
    return rows, trail.head


def test_a_chain_that_nobody_touched_holds() -> None:
    rows, head = a_chain(5)
    assert verify(rows, end=head) is None
    assert verify(rows, anchors=[AuditHead(3, rows[2].hash), head]) is None
    assert verify(rows[2:], begin=AuditHead(2, rows[1].hash), end=head) is None, "from a row whose hash is known"
    assert verify([], end=GENESIS) is None
    assert [row.number for row in rows] == [1, 2, 3, 4, 5]


def test_a_trail_goes_on_where_the_one_before_ended() -> None:
    rows, head = a_chain(3)
    trail = AuditTrail(head)
    rows.append(trail.row(utc_ms=5, who="server", action="restarted"))
    assert verify(rows, end=trail.head) is None


@given(st.integers(2, 9), st.data())
def test_editing_any_field_of_any_row_is_found_at_that_row(count: int, data: st.DataObject) -> None:
    rows, head = a_chain(count)
    place = data.draw(st.integers(0, count - 1))
    field = data.draw(st.sampled_from(FIELDS))
    was = getattr(rows[place], field)
    rows[place] = replace(rows[place], **{field: was + 1 if isinstance(was, int) else was + "x"})
    wrong = verify(rows, end=head)
    assert wrong is not None
    assert wrong.number == place + 1
    assert "was changed after it was written" in wrong.why


@given(st.integers(2, 9), st.data())
def test_moving_a_field_s_end_into_the_next_is_found(count: int, data: st.DataObject) -> None:
    """Fields are told apart: "ab", "c" is not "a", "bc"."""
    rows, _ = a_chain(count)
    row = rows[data.draw(st.integers(0, count - 1))]
    shifted = replace(row, who=row.who[:-1], address=row.who[-1:] + row.address)
    assert chain(AuditHead(row.number - 1, row.previous), shifted) != row.hash


@given(st.integers(2, 9), st.data())
def test_cutting_rows_out_is_found_where_the_first_is_missing(count: int, data: st.DataObject) -> None:
    rows, head = a_chain(count)
    begin = data.draw(st.integers(0, count - 1))
    end = data.draw(st.integers(begin + 1, count))
    wrong = verify(rows[:begin] + rows[end:], end=head)
    assert wrong is not None
    assert wrong.number == begin + 1
    assert "missing" in wrong.why


@given(st.integers(2, 9), st.data())
def test_reordering_rows_is_found_at_the_first_that_is_out_of_place(count: int, data: st.DataObject) -> None:
    rows, head = a_chain(count)
    mixed = data.draw(st.permutations(rows).filter(lambda found: found != rows))
    first = next(place for place, row in enumerate(mixed) if row.number != place + 1)
    wrong = verify(mixed, end=head)
    assert wrong is not None
    assert wrong.number == first + 1


@given(st.integers(1, 9), st.data())
def test_inserting_a_row_is_found(count: int, data: st.DataObject) -> None:
    """A copy of any row, renumbered or not, linked or not."""
    rows, head = a_chain(count)
    place = data.draw(st.integers(0, count))
    row = data.draw(st.sampled_from(rows))
    if data.draw(st.booleans()):
        before = AuditHead(place, rows[place - 1].hash) if place else GENESIS
        row = replace(row, number=place + 1, previous=before.hash)
        row = replace(row, hash=chain(before, row))
    tampered = [*rows[:place], row, *rows[place:]]
    wrong = verify(tampered, end=head)
    assert wrong is not None
    assert wrong.number in (place + 1, place + 2)


@given(st.integers(2, 9), st.data())
def test_rewriting_a_row_with_a_hash_that_fits_is_found_at_the_next(count: int, data: st.DataObject) -> None:
    rows, head = a_chain(count)
    place = data.draw(st.integers(0, count - 1))
    before = AuditHead(place, rows[place].previous)
    forged = replace(rows[place], who="nobody")
    rows[place] = replace(forged, hash=chain(before, forged))
    wrong = verify(rows, end=head)
    assert wrong is not None
    assert wrong.number in (place + 1, place + 2)


def test_with_a_key_nobody_else_can_make_a_chain_that_holds() -> None:
    rows, _ = a_chain(4, KEY)
    forged = a_chain(4)[0]
    head = AuditHead(4, forged[-1].hash)
    assert verify(forged, end=head) is None, "without a key anybody can"
    wrong = verify(forged, end=head, key=KEY)
    assert wrong is not None
    assert wrong.number == 1
    assert verify(rows, key=KEY) is None


def test_links_can_be_looked_at_without_the_key() -> None:
    rows, head = a_chain(4, KEY)
    assert verify(rows, end=head, key=None) is None
    wrong = verify([rows[0], rows[2], rows[3]], end=head, key=None)
    assert wrong is not None
    assert wrong.number == 2


def test_a_row_appended_behind_the_end_that_was_written_down_is_found() -> None:
    rows, _ = a_chain(4)
    wrong = verify(rows, end=AuditHead(3, rows[2].hash))
    assert wrong is not None
    assert wrong.number == 4


def test_a_chain_that_was_made_anew_is_found_by_what_somebody_wrote_down() -> None:
    """Whoever can write everything can make everything anew, but not what stands elsewhere."""
    rows, _ = a_chain(4)
    trail = AuditTrail()
    forged = [trail.row(utc_ms=1, who="nobody", action="nothing") for _ in rows]
    assert verify(forged, end=trail.head) is None
    wrong = verify(forged, end=trail.head, anchors=[AuditHead(3, rows[2].hash)])
    assert wrong is not None
    assert wrong.number == 3
    wrong = verify(rows[:2], anchors=[AuditHead(3, rows[2].hash)])
    assert wrong is not None
    assert wrong.why == "the rows from 3 to 3 are missing at the end"


@pytest.mark.parametrize("text", ["x" * 10_000, "\ud800", "\0", "\x1b[31m\r\n"])
def test_whatever_somebody_says_is_a_row_that_holds(text: str) -> None:
    trail = AuditTrail()
    row = trail.row(utc_ms=1, who=text, action="refused", why=text)
    assert verify([row], end=trail.head) is None
    assert len(row.why) <= 4096
    row.why.encode()


def test_a_trail_does_not_show_its_key() -> None:
    assert repr(AuditTrail(key=b"secret")) == "<AuditTrail at row 0>"
