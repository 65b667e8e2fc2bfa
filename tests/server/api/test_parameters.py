"""Parameters: what is read of a query string, and what is refused with a word on what is meant."""

from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetwire.server.api.parameters import Kind, Parameter, read_parameters, read_query
from fleetwire.server.api.problem import Problem

LIMIT = Parameter(name="limit", kind=Kind.whole, description="", high=1000, default=100)
DECLARED = (
    LIMIT,
    Parameter(name="symbol", kind=Kind.text, description="", high=8),
    Parameter(name="status", kind=Kind.text, description="", choices=("open", "closed")),
    Parameter(name="from", kind=Kind.time, description=""),
    Parameter(name="account", kind=Kind.account, description=""),
    Parameter(name="ea_id", kind=Kind.whole, description="", in_path=True),
)


def read(query: str, **in_path: str) -> dict[str, Any]:
    return read_parameters(DECLARED, in_path, read_query(query))


@pytest.mark.parametrize(
    ("query", "name", "value"),
    [
        ("", "limit", 100),
        ("", "symbol", None),
        ("limit=1000", "limit", 1000),
        ("symbol=US%23500", "symbol", "US#500"),
        ("status=open", "status", "open"),
        ("from=1764000000000", "from", 1_764_000_000_000),
        ("from=2025-11-24T16:00:00Z", "from", 1_764_000_000_000),
        ("from=2025-11-24T17:00:00%2B01:00", "from", 1_764_000_000_000),
        ("from=2025-11-24T17:00:00+01:00", "from", 1_764_000_000_000),
        ("from=2025-11-24", "from", 1_763_942_400_000),
        ("account=Broker-Demo/5", "account", ("Broker-Demo", 5)),
        ("account=A%2FB/5", "account", ("A/B", 5)),
    ],
)
def test_values_are_read(query: str, name: str, value: Any) -> None:
    assert read(query)[name] == value


@pytest.mark.parametrize(
    ("query", "code", "said"),
    [
        ("limt=1", "unknown_parameter", "did you mean limit?"),
        ("zzz=1", "unknown_parameter", "there are limit, symbol, status, from, account"),
        ("ea_id=1", "unknown_parameter", "unknown parameter 'ea_id'"),
        ("limit=0", "wrong_parameter", "limit: a whole number from 1 to 1000 is meant, not '0'"),
        ("limit=1001", "wrong_parameter", "1000"),
        ("limit=1e3", "wrong_parameter", "limit"),
        ("limit=%D9%A1", "wrong_parameter", "limit"),
        ("limit=" + "9" * 5000, "wrong_parameter", "limit"),
        ("limit=", "wrong_parameter", "limit"),
        ("limit=1&limit=2", "wrong_parameter", "given twice"),
        ("symbol=", "wrong_parameter", "symbol: 1 to 8 characters"),
        ("symbol=123456789", "wrong_parameter", "not 9"),
        ("status=opened", "wrong_parameter", "one of open, closed is meant"),
        ("from=yesterday", "wrong_parameter", "2026-11-22T17:31:00Z"),
        ("from=-1", "wrong_parameter", "from"),
        ("from=253402300800000", "wrong_parameter", "from"),
        ("from=0001-01-01T00:00:00%2B23:59", "wrong_parameter", "from"),
        ("account=5", "wrong_parameter", "Server/login"),
        ("account=Broker/five", "wrong_parameter", "Server/login"),
        ("account=/5", "wrong_parameter", "Server/login"),
        ("symbol=%zz", "bad_request", "%25"),
        ("symbol=%ff", "bad_request", "UTF-8"),
        ("&".join(f"a{n}=1" for n in range(40)), "bad_request", "32"),
        ("token=abc", "token_in_url", "Authorization: Bearer"),
        ("Access_Token=abc", "token_in_url", "Authorization: Bearer"),
    ],
)
def test_what_is_wrong_is_named(query: str, code: str, said: str) -> None:
    with pytest.raises(Problem) as refused:
        read(query)
    assert refused.value.kind.name == code
    assert said in refused.value.detail
    assert "abc" not in refused.value.detail
    assert len(refused.value.detail) < 300


def test_what_stands_in_the_path_is_read_by_the_same_rules() -> None:
    assert read("", ea_id="7")["ea_id"] == 7
    with pytest.raises(Problem):
        read("", ea_id="seven")


@given(st.text(max_size=60))
def test_any_query_is_read_or_refused(text: str) -> None:
    for query in (text, quote(text), f"from={quote(text)}", f"account={quote(text)}", f"limit={quote(text)}"):
        try:
            found = read(query)
        except Problem:
            continue
        assert set(found) == {parameter.name for parameter in DECLARED}
