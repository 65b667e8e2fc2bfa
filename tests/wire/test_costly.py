"""JSON that is short and takes long is known before it is read; what is genuine passes."""

import contextlib
import json
import math
import time
import uuid

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetwire.wire.costly import EXTREMES_MAX, SMALL_BYTES, VALUES_MAX, why_costly


@pytest.mark.parametrize(
    "number", ["1e308", "-1e308", "1E+308", "1.7976931348623157e308", "5e-324", "1.e0308", "0.1e-0307"]
)
@pytest.mark.parametrize("between", [",", ", ", ",\n"])
def test_many_numbers_that_need_exact_arithmetic_are_refused(number: str, between: str) -> None:
    text = f"[{between.join([number] * 2_000)}]".encode()
    assert "exponents" in str(why_costly(text))


def test_so_are_many_values_and_many_digits() -> None:
    assert "values" in str(why_costly(b"[" + b"[]," * VALUES_MAX + b"1]"))
    assert "values" in str(why_costly(b"[" * (VALUES_MAX + 1)))
    assert "digits" in str(why_costly(b"[" + b",".join([b"9" * 4300] * 100) + b"]"))


def test_what_is_short_and_what_is_just_allowed_is_not() -> None:
    assert why_costly(b"[" + b",".join([b"1e308"] * (SMALL_BYTES // 6 - 1)) + b"]") is None
    padded = b" " * SMALL_BYTES
    assert why_costly(padded + b"[" + b",".join([b"1e308"] * EXTREMES_MAX) + b"]") is None
    assert why_costly(padded + b"[" + b",".join([b"1e308"] * (EXTREMES_MAX + 1)) + b"]") is not None


@given(st.lists(st.floats(-1e15, 1e15).filter(lambda x: x == 0 or abs(x) > 1e-90), min_size=300, max_size=600))
def test_genuine_numbers_pass(numbers: list[float]) -> None:
    assert why_costly(json.dumps({"values": numbers}).encode()) is None


def test_identifiers_that_look_like_numbers_pass() -> None:
    """A UUID like 1b5e1234-... is no number, however many there are."""
    names = [str(uuid.UUID(int=(0x1B5E1234 << 96) + number)) for number in range(5_000)]
    assert why_costly(json.dumps(names).encode()) is None
    assert why_costly(json.dumps([f"-5e{name}" for name in names]).encode()) is None


@pytest.mark.parametrize(
    "piece", ["1e308", "-5e-324", "1.7E+308", "[]", "{}", "9" * 4300, '"1e308"', "0", "1e99", "x5e300"]
)
def test_nothing_that_passes_holds_anybody_up(piece: str) -> None:
    """64 KiB, which a stranger may send: looked at, and read if that may be, in less than 20 ms."""
    text = f"[{','.join([piece] * (65_536 // (len(piece) + 1)))}]".encode()
    took = math.inf
    for _ in range(7):  # other programs may hold the machine for a moment
        began = time.perf_counter()
        if why_costly(text) is None:
            with contextlib.suppress(msgspec.DecodeError):
                msgspec.json.decode(text)
        took = min(took, time.perf_counter() - began)
    assert took < 0.020, f"{took * 1000:.0f} ms"
