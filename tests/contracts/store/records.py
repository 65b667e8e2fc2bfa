"""Records as hypothesis makes them: few names and numbers, so that they meet; and some made by hand."""

from hypothesis import strategies as st

from fleetwire.fleet.events import Deal, ExpertId
from fleetwire.ports import KeptAccount, KeptAlert, KeptDeal, KeptEvent, KeptExpert, KeptNote
from fleetwire.wire.rows import AlertRow

T0 = 1_780_000_000_000
"""A moment in UTC milliseconds."""
DAY_MS = 86_400_000

accounts = st.sampled_from([("Alpha-Live", 1), ("Alpha-Live", 2), ("Zeta-Demo", 1)])
symbols = st.sampled_from(["EURUSD", "XAUUSD"])
cents = st.integers(-10_000, 10_000).map(lambda number: number / 100)


@st.composite
def kept_deals(draw: st.DrawFn) -> KeptDeal:
    server, login = draw(accounts)
    trades = draw(st.integers(0, 5)) > 0
    time_msc = T0 + draw(st.integers(0, 8)) * 1000
    deal = Deal(
        ticket=draw(st.integers(1, 30)),
        time_msc=time_msc,
        type=draw(st.sampled_from(["buy", "sell"])) if trades else draw(st.sampled_from(["balance", "commission"])),
        entry=draw(st.sampled_from(["in", "in", "out", "in/out", "out by"])) if trades else "",
        magic=draw(st.sampled_from([0, 7, 8])),
        position_id=draw(st.integers(0, 4)),
        volume=draw(st.integers(0, 30)) / 10,
        price=draw(st.integers(1, 20)) / 4,
        commission=draw(cents),
        swap=draw(cents),
        fee=draw(cents),
        profit=draw(cents),
        symbol=draw(symbols),
        comment=draw(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=3)),
    )
    return KeptDeal(server, login, draw(st.sampled_from([None, 7, 8])), time_msc - 7_200_000, deal)


blobs = st.binary(max_size=4)
records = st.one_of(
    kept_deals(),
    kept_deals(),
    st.builds(lambda account, memory: KeptAccount(*account, memory), accounts, blobs),
    st.builds(
        lambda ea_id, account, symbol, memory: KeptExpert(ea_id, ExpertId(*account, 7, symbol, "Grid"), memory),
        st.integers(1, 5),
        accounts,
        symbols,
        blobs,
    ),
    st.builds(KeptNote, st.sampled_from(["epoch", "peaks"]), blobs),
    st.builds(
        lambda channel, position, payload: KeptEvent(channel, position, position, None, T0, payload),
        st.sampled_from(["alerts", "trades"]),
        st.integers(1, 9),
        blobs,
    ),
)
units = st.lists(st.lists(records, max_size=6), max_size=12)


def deal(ticket: int, entry: str = "in", **more: object) -> Deal:
    """A deal of position 100: a buy that enters, or a sell that closes."""
    fields = {
        "time_msc": T0 + ticket * 1000,
        "type": "buy" if entry == "in" else "sell",
        "position_id": 100,
        "magic": 7,
        "volume": 1.0,
        "price": 1.5,
        "symbol": "EURUSD",
    }
    return Deal(ticket=ticket, entry=entry, **(fields | more))


def kept(made: Deal, ea_id: int | None = 7, login: int = 1, server: str = "Alpha-Live") -> KeptDeal:
    return KeptDeal(server, login, ea_id, made.time_msc, made)


def alert(number: int, status: str = "raised", cleared_at: str | None = None) -> KeptAlert:
    row = AlertRow(
        level="warning",
        message=f"alert {number}",
        alert_id=number,
        rule="drawdown",
        subject="ea:7",
        status=status,
        raised_at="2026-05-28T20:26:40.000Z",
        cleared_at=cleared_at,
    )
    return KeptAlert(row)
