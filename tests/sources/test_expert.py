"""What experts say becomes facts, or is refused with a sentence that names the place."""

import contextlib
import json
import math
import time
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fleetwire.fleet.events import (
    Account,
    AccountPositions,
    DealReport,
    ExpertId,
    ExpertReport,
    Fact,
    NewsEvent,
    PriceReport,
)
from fleetwire.sources.expert import BODY_BYTES_MAX, REFUSED_MAX, fact_of, facts_of, read_report
from fleetwire.wire.errors import DataError

ACCOUNT = {"server": "Broker-Live", "login": 5, "currency": "EUR"}
POSITION = {"ticket": 7, "time_msc": 1, "type": "buy", "volume": 0.1, "price_open": 1.1, "symbol": "EURUSD"}
DEAL = {"ticket": 9, "time_msc": 1, "type": "buy", "entry": "in", "volume": 0.1, "symbol": "EURUSD"}
WHO = {"magic": 12345, "symbol": "EURUSD", "name": "London Breakout"}
EVENT = {"id": 1, "time_utc": "2026-12-04T13:30:00Z", "currency": "USD", "importance": "high", "name": "Payrolls"}
PRICE = {"symbol": "EURUSD", "bid": 1.1, "ask": 1.2}
IDENTITY = ExpertId("Broker-Live", 5, 12345, "EURUSD", "London Breakout")


def read(**body: Any) -> list[Fact]:
    report = read_report(json.dumps(body).encode())
    assert report.refused == []
    return facts_of(report)


def refused(body: Any) -> str:
    """What a body is refused with, as a whole."""
    with pytest.raises(DataError) as caught:
        read_report(body if isinstance(body, bytes) else json.dumps(body).encode())
    return str(caught.value)


def refusals(**body: Any) -> dict[str, str]:
    return {entry["where"]: entry["error"] for entry in read_report(json.dumps(body).encode()).refused}


# ----------------------------------------------------------------------------------------------------- what is taken


def test_facts_come_in_the_order_in_which_they_have_to_be_taken() -> None:
    everything = {"events": [EVENT], "experts": [{"expert": WHO}], "positions": [POSITION], "deals": [DEAL]}
    facts = read(**everything, prices=[PRICE], account=ACCOUNT)
    order = [Account, PriceReport, DealReport, AccountPositions, ExpertReport, NewsEvent]
    assert [type(fact) for fact in facts] == order


def test_an_expert_may_leave_out_the_account_that_the_body_names() -> None:
    (_, expert) = read(account=ACCOUNT, experts=[{"expert": WHO}])
    assert expert == ExpertReport(expert=IDENTITY)
    assert type(expert.expert) is ExpertId


def test_an_expert_of_another_account_keeps_its_own() -> None:
    other = {**WHO, "server": "Elsewhere", "login": 6}
    (_, positions, expert) = read(account=ACCOUNT, positions=[], experts=[{"expert": other}])
    assert (expert.expert.server, expert.expert.login) == ("Elsewhere", 6)
    assert expert.positions == (), "the account's list is not of its account"
    assert positions.positions == ()


def test_where_the_account_lists_its_positions_an_expert_need_not() -> None:
    experts = [{"expert": WHO}, {"expert": WHO, "positions": []}, {"expert": WHO, "positions": [POSITION]}]
    (_, full, *told) = read(account=ACCOUNT, positions=[POSITION], experts=experts)
    assert [len(expert.positions) if expert.positions is not None else None for expert in told] == [None, 0, 1]
    assert (full.server, full.login, len(full.positions)) == ("Broker-Live", 5, 1)


def test_an_expert_alone_without_positions_has_none_open() -> None:
    (_, expert) = read(account=ACCOUNT, experts=[{"expert": WHO}])
    assert expert.positions == ()
    (_, expert) = read(account=ACCOUNT, experts=[{"expert": WHO, "positions": None}])
    assert expert.positions is None


def test_a_deal_is_the_accounts_or_an_experts() -> None:
    (_, plain, owned) = read(account=ACCOUNT, deals=[DEAL, {"expert": WHO, "ea_id": 3, "deal": DEAL}])
    assert (plain.expert, plain.account) == (None, ("Broker-Live", 5))
    assert (owned.expert, owned.ea_id, owned.account) == (IDENTITY, 3, ("Broker-Live", 5))
    assert plain.deal == owned.deal
    (other,) = read(deals=[{"server": "Elsewhere", "login": 6, "deal": DEAL}])
    assert other.account == ("Elsewhere", 6)


def test_what_the_body_says_once_stands_in_every_part() -> None:
    event = {key: value for key, value in EVENT.items() if key != "time_utc"} | {"time_msc": 1_000}
    facts = read(account=ACCOUNT, terminal={"id": "t1"}, experts=[{"expert": WHO}], events=[event], prices=[PRICE])
    account, price, expert, news = facts
    assert account.terminal.id == expert.terminal.id == "t1"
    assert (price.server, news.server, news.login) == ("Broker-Live", "Broker-Live", 5)


def test_what_metatrader_puts_around_a_body_does_not_matter() -> None:
    body = b"\xef\xbb\xbf" + json.dumps({"account": ACCOUNT}).encode() + b"\0\0"
    assert facts_of(read_report(body)) == read(account=ACCOUNT)


# --------------------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "the report is empty"),
        (b"\0", "the report is empty"),
        ({}, "the report has none of account, terminal, experts, positions, deals, events, prices, acks"),
        ([], "the report: must be an object, not a list"),
        (b'{"account"', "the report: is no JSON: Input data was truncated"),
        ({"account": {"server": "S", "login": 5}}, "account.currency: is missing"),
        ({"account": {**ACCOUNT, "login": "5"}}, "account.login: must be a whole number, not text"),
        ({"account": {**ACCOUNT, "server": ""}}, "account.server: must not be empty"),
        ({"account": {**ACCOUNT, "balance": 1e300}}, "account.balance: must be <= 1000000000000000"),
        ({"terminal": {"connected": 1}}, "terminal.connected: must be true or false, not a whole number"),
        ({"deals": {}}, "deals: must be a list, not an object"),
        (b'{"account": {"server": "\xff"}}', "the report: is not UTF-8"),
        (b'{"x":' + b"[" * 100_000, "the report: is nested too deeply"),
        (b" " * (BODY_BYTES_MAX + 1), "the report is longer than 1,024 KiB: send it in parts"),
        (b"[" + b"1," * 200_000 + b"1]", "the report has more than 131,072 values: send it in parts"),
    ],
)
def test_a_body_that_is_no_report_is_refused_whole_and_told_why(body: Any, said: str) -> None:
    assert refused(body) == said


def test_one_wrong_element_is_refused_by_itself() -> None:
    deals = [DEAL, {**DEAL, "volume": -1}, {**DEAL, "ticket": 10}, {"deal": {**DEAL, "entry": "up"}}, 3]
    report = read_report(json.dumps({"account": ACCOUNT, "deals": deals}).encode())
    assert [deal.deal.ticket for deal in report.deals] == [9, 10]
    assert report.refused == [
        {"where": "deals[1]", "error": "deals[1].volume: must be >= 0"},
        {"where": "deals[3]", "error": "deals[3].deal.entry: must be in, out, in/out, out by or empty"},
        {"where": "deals[4]", "error": "deals[4]: must be an object, not a whole number"},
    ]


def test_a_wrong_position_refuses_the_expert_that_tells_it() -> None:
    wrong = {"expert": WHO, "positions": [POSITION, {**POSITION, "volume": -1}]}
    assert refusals(account=ACCOUNT, experts=[{"expert": WHO}, wrong]) == {
        "experts[1]": "experts[1].positions[1].volume: must be >= 0"
    }


def test_of_an_accounts_positions_all_are_taken_or_none() -> None:
    """What the rest of the list leaves out would count as closed; and the experts know no more than before."""
    body = {"account": ACCOUNT, "positions": [POSITION, {**POSITION, "symbol": ""}], "experts": [{"expert": WHO}]}
    report = read_report(json.dumps(body).encode())
    assert report.positions is None
    assert report.experts[0].positions is None
    assert report.refused == [{"where": "positions", "error": "positions[1].symbol: must not be empty"}]


def test_what_has_no_account_anywhere_is_refused() -> None:
    no_time = {key: value for key, value in EVENT.items() if key != "time_utc"}
    assert refusals(
        deals=[DEAL],
        positions=[POSITION],
        experts=[{"expert": WHO}],
        prices=[PRICE],
        events=[{**no_time, "time_msc": 1}, no_time, {**EVENT, "time_utc": "tomorrow"}],
    ) == {
        "prices[0]": "prices[0].server: is missing, and the report has no account that tells it",
        "deals[0]": "deals[0].server: is missing: whose deal is it?",
        "positions": "positions: the report has no account that they are of",
        "experts[0]": "experts[0].expert.server: is missing, and the report has no account that tells it",
        "events[0]": "events[0].server: is missing: whose clock is time_msc by?",
        "events[1]": "events[1]: has no time: give time_utc, or time_msc by the trade server's clock",
        "events[2]": "events[2].time_utc: is no ISO 8601 time, like 2026-12-04T13:30:00Z",
    }


def test_a_body_with_too_much_wrong_in_it_is_refused_whole() -> None:
    assert len(refusals(account=ACCOUNT, deals=[{}] * REFUSED_MAX)) == REFUSED_MAX
    said = refused({"account": ACCOUNT, "deals": [{}] * (REFUSED_MAX + 1)})
    assert said == "more than 100 elements are wrong, nothing was taken; the last was deals[100].ticket: is missing"


# --------------------------------------------------------------------------------------------------- over the socket


def test_a_message_of_the_socket_becomes_a_fact() -> None:
    assert fact_of("account_report", ACCOUNT) == Account(**ACCOUNT)
    expert = {**WHO, "server": "Broker-Live", "login": 5}
    assert fact_of("ea_report", {"expert": expert}) == ExpertReport(expert=IDENTITY)
    assert isinstance(fact_of("positions_report", {"server": "S", "login": 5, "positions": []}), AccountPositions)
    assert isinstance(fact_of("deal", {"expert": expert, "deal": DEAL}), DealReport)
    assert isinstance(fact_of("news_report", EVENT), NewsEvent)
    assert isinstance(fact_of("price_report", {**PRICE, "server": "S"}), PriceReport)


@pytest.mark.parametrize(
    ("kind", "data", "said"),
    [
        ("ea_report", {}, "ea_report: expert: is missing"),
        ("account_report", {**ACCOUNT, "balance": math.nan}, "account_report: balance: must be >= -1000000000000000"),
        ("deal", {"deal": DEAL}, "deal.server: is missing: whose deal is it?"),
        ("deal", {"deal": {**DEAL, "volume": -1}}, "deal: deal.volume: must be >= 0"),
        ("news_report", {**EVENT, "time_utc": ""}, "news_report: has no time: give time_utc, or time_msc by the trade "
         "server's clock"),
        ("command_report", {}, "command_report: type: is not known here"),
    ],
)  # fmt: skip
def test_a_wrong_message_is_told_what_is_wrong(kind: str, data: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError) as caught:
        fact_of(kind, data)
    assert str(caught.value) == said


# ------------------------------------------------------------------------------------------------------------ hostile

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["buy", "in"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
GENUINE: tuple[dict[str, Any], ...] = (ACCOUNT, POSITION, DEAL, WHO, EVENT, PRICE, {"id": "t", "connected": True})


@st.composite
def nearly(draw: st.DrawFn, genuine: dict[str, Any]) -> Any:
    """A genuine object, of which some fields are missing or hold anything."""
    fields = {key: value for key, value in genuine.items() if draw(st.integers(0, 9))}
    for key in draw(st.lists(st.sampled_from(sorted(genuine)), max_size=2)):
        fields[key] = draw(VALUES)
    return fields


EXPERTS = st.fixed_dictionaries(
    {"expert": nearly(WHO)}, optional={"positions": st.lists(nearly(POSITION), max_size=2), "ea_id": VALUES}
)
BODIES = st.fixed_dictionaries(
    {},
    optional={
        "account": nearly(ACCOUNT),
        "terminal": nearly(GENUINE[-1]),
        "experts": st.lists(EXPERTS, max_size=3),
        "positions": st.lists(nearly(POSITION), max_size=3),
        "deals": st.lists(nearly(DEAL) | st.fixed_dictionaries({"deal": nearly(DEAL), "expert": nearly(WHO)})),
        "events": st.lists(nearly(EVENT), max_size=3),
        "prices": st.lists(nearly(PRICE) | VALUES, max_size=3),
    },
)


@given(BODIES | VALUES)
def test_whatever_is_reported_is_refused_or_survives_being_written_and_read(body: Any) -> None:
    try:
        report = read_report(json.dumps(body).encode())
    except DataError as error:
        said = [str(error)]
        facts: list[Fact] = []
    else:
        said = [str(entry["error"]) for entry in report.refused]
        facts = facts_of(report)
    assert all(sentence.isprintable() for sentence in said)
    for fact in facts:
        assert msgspec.json.decode(msgspec.json.encode(fact), type=type(fact)) == fact
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(fact), type=type(fact)) == fact


@given(st.binary() | st.text().map(lambda text: b'{"account": ' + text.encode("utf-8", "surrogatepass")))
@example(b'{"account": {"server": "\\ud800"}}')
@example(b'{"events": [{"id": ' + b"9" * 5000 + b"}]}")
@example(b'{"\xff": 1}')
def test_whatever_bytes_come_nothing_but_a_data_error_is_raised(body: bytes) -> None:
    with contextlib.suppress(DataError):
        read_report(body)


@given(st.sampled_from(["ea_report", "account_report", "deal", "news_report", "price_report"]), VALUES | BODIES)
def test_whatever_comes_over_the_socket_nothing_but_a_data_error_is_raised(kind: str, data: Any) -> None:
    with contextlib.suppress(DataError):
        fact_of(kind, data if isinstance(data, dict) else {"expert": data, "id": data})


@pytest.mark.parametrize(
    "body",
    [
        b'{"experts": [{"module_status": ' + b'{"a":' * 100_000,
        b"{" + b",".join(b'"%d":1' % number for number in range(90_000)) + b"}",
        b'{"deals": [' + b"{}," * 130_000 + b"{}]}",
        b'{"deals": [' + b"[]," * 300_000 + b"[]]}",
        b'{"positions": [' + b'{"ticket":1},' * 75_000 + b"{}]}",
        b'{"deals": [{"comment": "' + b"\\u0041" * 170_000 + b'"}]}',
    ],
    ids=["deep", "keys", "empty objects", "empty lists", "positions", "escapes"],
)
def test_a_hostile_body_costs_less_than_a_fifth_of_a_second(body: bytes) -> None:
    """It costs some 10 ms; the bound leaves room for a busy machine."""
    assert len(body) <= BODY_BYTES_MAX

    def once() -> float:
        began = time.process_time()
        try:
            report = read_report(body)
        except DataError:
            pass
        else:
            assert report.refused
        return time.process_time() - began

    assert min(once() for _ in range(3)) < 0.2
