"""The tree of errors and the two tables: complete, and each range says what it means."""

import pytest

from fleetwire.wire import errors
from fleetwire.wire.errors import CloseCode, ErrorCode, FleetwireError, MessageError, Return, comes_back

RANGES = {40: Return.never, 41: Return.later, 42: Return.at_once}


@pytest.mark.parametrize("row", CloseCode, ids=lambda row: row.name)
def test_a_close_code_says_by_its_range_whether_to_come_back(row: CloseCode) -> None:
    assert comes_back(row.code) is row.value.comes_back
    if row.code >= 4000:
        assert row.value.comes_back is RANGES[row.code // 100]


@pytest.mark.parametrize(
    ("code", "expected"),
    [(4099, Return.never), (4150, Return.later), (4299, Return.at_once), (1006, Return.later), (4999, Return.later)],
)
def test_a_code_that_is_not_listed_is_understood_by_its_range(code: int, expected: Return) -> None:
    assert comes_back(code) is expected


def test_the_table_of_close_codes_is_that_of_the_protocol() -> None:
    rfc = {1000, 1002, 1003, 1007, 1008, 1009, 1011, 1012}
    ours = {4001, 4002, 4003, 4005, 4100, 4101, 4102, 4103, 4200, 4201}
    assert {row.code for row in CloseCode} == rfc | ours
    assert len(CloseCode) == len(rfc | ours), "two names share a number and a text, so one hides the other"


def test_every_code_has_a_meaning_that_fits_a_close_frame() -> None:
    for row in CloseCode:
        assert 0 < len(row.meaning.encode()) <= 123
    for code in ErrorCode:
        assert code.meaning
        assert isinstance(code.temporary, bool)


def test_no_two_error_codes_are_one() -> None:
    names = {"malformed_json", "invalid_message", "unknown_type", "too_deep", "not_authenticated"}
    names |= {
        "token_invalid",
        "rate_limited",
        "token_expiring",
        "unknown_channel",
        "too_many_channels",
        "invalid_data",
        "no_reports_taken",
        "not_kept",
        "forbidden",
        "not_found",
        "conflict",
        "confirmation_needed",
        "store_unavailable",
        "internal_error",
    }
    assert {code.name for code in ErrorCode} == names, "codes with an equal meaning would be aliases of one another"


def test_everything_raised_on_purpose_has_one_root_and_stands_in_the_drawn_tree() -> None:
    classes = [thing for thing in vars(errors).values() if isinstance(thing, type) and issubclass(thing, Exception)]
    assert len(classes) > 10
    for error in classes:
        assert issubclass(error, FleetwireError)
        assert error.__name__ in (errors.__doc__ or "")


def test_errors_are_also_what_python_calls_them() -> None:
    assert issubclass(errors.ConfigError, ValueError)
    assert issubclass(errors.DataError, ValueError)
    assert issubclass(errors.ListenError, OSError)
    assert issubclass(errors.RequestTimeoutError, TimeoutError)
    assert issubclass(errors.NotConnectedError, ConnectionError)


def test_a_message_error_carries_what_its_answer_needs() -> None:
    error = MessageError(ErrorCode.unknown_type, "no such type", 7)
    assert (error.code, error.message, error.request_id, str(error)) == (
        ErrorCode.unknown_type,
        "no such type",
        7,
        "no such type",
    )


def test_a_request_error_reads_as_code_and_sentence() -> None:
    assert str(errors.RequestError("too_many_channels", "too many", temporary=False)) == "too_many_channels: too many"
