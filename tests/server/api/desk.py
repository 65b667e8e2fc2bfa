"""A desk with a small fleet in memory: it gives real rows, and takes real reports."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from fleetwire.fleet.events import ExpertId
from fleetwire.hub.tokens import Tokens as Book
from fleetwire.hub.tokens import token_row
from fleetwire.ports import AuditQuery, CommandQuery, ExpertQuery, Readiness, Receipt, ReportBody, Speaker, TradeQuery
from fleetwire.wire.errors import CommandError, ConflictError, DataError, ErrorCode, NotFoundError, StoreError
from fleetwire.wire.labels import Labels
from fleetwire.wire.messages import Command, CommandCancel, CommandData, CommandResponseData
from fleetwire.wire.rows import (
    AccountRow,
    AlertRow,
    AuditedRow,
    CommandRow,
    DealRow,
    EquityPoint,
    ExpertRow,
    FleetRow,
    NewsRow,
    Page,
    PortfolioRow,
    PositionRow,
    PriceRow,
    SparklinesRow,
    TerminalRow,
    TradeRow,
)
from fleetwire.wire.signature import hash_token
from fleetwire.wire.tokens import ANYBODY, Commander, IssuedToken, Reporter, TokenRequest, TokenRow

UTC = "2026-11-24T12:00:00.000Z"
ACCOUNTS = (("Broker-Demo", 5), ("Broker-Live", 6))
_decoder = msgspec.json.Decoder(ReportBody)


def expert_row(ea_id: int, symbol: str = "EURUSD", **more: Any) -> ExpertRow:
    server, login = ACCOUNTS[ea_id % 2]
    row: dict[str, Any] = {
        "ea_id": ea_id,
        "symbol": symbol,
        "status": "active",
        "current_profit": 12.5,
        "name": f"Expert {ea_id}",
        "currency": "USD",
        "drawdown_pct": 1.5,
        "magic": ea_id,
        "server": server,
        "login": login,
        "strategy_tag": "breakout",
        "group": "",
        "timeframe": "M15",
        "open_positions": 1,
        "volume": 0.1,
        "trailing_active": False,
        "module_status": {"news": "ok"},
        "performance_metrics": {"trades": 3, "profit_factor": 1.4},
        "net_profit": 80.25,
        "profit_today": -3.0,
        "last_trades": [deal_row(ea_id)],
        "paused": False,
        "link": "fresh",
        "trading_blocked": False,
        "last_report_utc": UTC,
    }
    return ExpertRow(**(row | more))


def deal_row(ticket: int, ea_id: int | None = None) -> DealRow:
    return DealRow(
        ea_id=ea_id,
        symbol="EURUSD",
        ticket=ticket,
        order=ticket,
        time_msc=1_764_000_000_000 + ticket,
        type="sell",
        entry="out",
        magic=ea_id or 0,
        position_id=ticket,
        reason="sl",
        volume=0.1,
        price=1.0865,
        commission=-0.35,
        swap=0.0,
        fee=0.0,
        profit=15.0,
        comment="",
        time_server="2026-11-24T14:00:00.000",
        time_utc=UTC,
    )


def position_row(ticket: int, ea_id: int | None = None) -> PositionRow:
    server, login = ACCOUNTS[ticket % 2]
    return PositionRow(
        ea_id=ea_id,
        account=f"{server}/{login}",
        currency="USD",
        ticket=ticket,
        position_id=ticket,
        symbol="EURUSD",
        type="buy",
        volume=0.1,
        price_open=1.085,
        price_current=1.0865,
        sl=1.08,
        tp=1.09,
        swap=0.0,
        profit=15.0,
        magic=1,
        comment="",
        time_msc=1_764_000_000_000,
        time_server="2026-11-24T14:00:00.000",
        as_of=UTC,
    )


def trade_row(position_id: int) -> TradeRow:
    return TradeRow(
        account="Broker-Demo/5",
        ea_id=1,
        position_id=position_id,
        symbol="EURUSD",
        type="buy",
        status="closed",
        volume=0.1,
        volume_closed=0.1,
        price_open=1.08,
        price_close=1.09,
        profit=100.0,
        commission=-0.7,
        swap=-0.1,
        fee=0.0,
        result=99.2,
        deals=2,
        magic=1,
        time_open_msc=1_764_000_000_000,
        time_open_utc=UTC,
        time_last_utc=UTC,
    )


def account_row(server: str, login: int) -> AccountRow:
    money = dict.fromkeys(
        (
            "balance",
            "credit",
            "profit",
            "equity",
            "margin",
            "margin_free",
            "profit_today",
            "daily_result",
            "day_open_balance",
            "day_open_equity",
            "drawdown_pct",
            "peak_equity",
            "deposits",
        ),
        1.5,
    )
    return AccountRow(
        account=f"{server}/{login}",
        server=server,
        login=login,
        name="",
        company="",
        currency="USD",
        leverage=100,
        trade_allowed=True,
        trade_expert=True,
        link="fresh",
        experts=2,
        open_positions=1,
        as_of=UTC,
        **money,
    )


def command_row(status: str = "queued", by: str = "admin") -> CommandRow:
    return CommandRow(
        command_id="c1",
        ea_id=1,
        command="pause",
        status=status,
        params={},
        reason="news",
        target="EA 1",
        priority="normal",
        by=by,
        issued_at=UTC,
        expires_at=UTC,
        changed_at=UTC,
    )


def alert_row(alert_id: int, status: str = "raised") -> AlertRow:
    return AlertRow(
        level="warning",
        message=f"alert {alert_id}",
        alert_id=alert_id,
        rule="expert_drawdown",
        subject="EA 1",
        status=status,
        raised_at=UTC,
    )


NEWS = NewsRow(id=7, status="announced", name="CPI", currency="USD", importance="high", time_utc=UTC, source="calendar")


class Desk:
    """`fleetwire.ports.FleetDesk`. What it was asked is in `asked`; `failing` is raised instead of an answer."""

    def __init__(self, experts: int = 10) -> None:
        self.rows = [expert_row(number) for number in range(1, experts + 1)]
        self.position_rows = [position_row(number, number) for number in range(1, experts + 1)]
        self.alert_rows = {number: alert_row(number) for number in (1, 2, 3)}
        self.refused: list[tuple[str, str, str, str]] = []
        self.taken: list[tuple[str, dict[str, Any]]] = []
        self.reports: list[ReportBody] = []
        self.asked: list[Any] = []
        self.changes = 1
        self.checks = {"store": "ok"}
        self.failing: Exception | None = None
        self.acknowledged: Callable[[AlertRow], None] = lambda row: None

    def ready(self) -> Readiness:
        return Readiness(ready=all(check == "ok" for check in self.checks.values()), checks=self.checks)

    def version(self) -> int:
        return self.changes

    def take(
        self, kind: str, data: dict[str, Any], reporter: Reporter = ANYBODY, speaker: Speaker | None = None
    ) -> None:
        if "wrong" in data:
            raise DataError(f"{kind}: wrong")
        self.taken.append((kind, data))

    def order(self, message: Command | CommandCancel, speaker: Speaker) -> None:
        self.taken.append((str(message.__struct_config__.tag), {"by": speaker.by}))

    def refuse(self, what: str, by: str, address: str, why: str) -> None:
        self.refused.append((what, by, address, why))

    async def command(self, asked: CommandData, by: Commander, address: str) -> CommandResponseData:
        self._fail()
        if asked.command != "pause":
            raise CommandError(ErrorCode.invalid_data, f"there is no command {asked.command}")
        return CommandResponseData(status="accepted", command_id="c1", command=command_row(by=by.by))

    async def cancel(self, command_id: str, reason: str, by: Commander, address: str) -> CommandResponseData:
        if command_id != "c1":
            raise ConflictError(f"{command_id} is delivered already")
        return CommandResponseData(status="cancelled", command_id=command_id, command=command_row(status="cancelled"))

    async def commands(self, query: CommandQuery, asks: Commander) -> Page:
        self._fail()
        return Page(items=[command_row()])

    async def find_command(self, command_id: str, asks: Commander) -> CommandRow | None:
        return command_row() if command_id == "c1" else None

    async def audit(self, query: AuditQuery) -> Page:
        self._fail()
        self.asked.append(query)
        row = AuditedRow(number=1, time_utc=UTC, who="admin", action="command_queued", subject="c1", hash="0" * 64)
        return Page(items=[row])

    async def report(self, body: bytes, by: str, reporter: Reporter = ANYBODY) -> Receipt:
        self._fail()
        try:
            found = _decoder.decode(body)
        except (ValueError, RecursionError) as error:
            raise DataError(f"the report is refused: {error}") from None
        self.reports.append(found)
        self.changes += 1
        return Receipt(
            accepted=len(found.experts) + len(found.deals),
            refused=[],
            commands=[],
            ea_ids=[expert.ea_id or 0 for expert in found.experts],
            next_report_s=1.0,
            server_time=UTC,
        )

    def fleet(self) -> FleetRow:
        terminal = TerminalRow(
            terminal="t1",
            account="Broker-Demo/5",
            name="MetaTrader 5",
            build=5400,
            connected=True,
            trade_allowed=True,
            link="fresh",
            as_of=UTC,
        )
        portfolio = PortfolioRow(
            active_eas=2,
            portfolio="total",
            total_eas=len(self.rows),
            total_positions=len(self.position_rows),
            links={"fresh": len(self.rows)},
            exposure_by_symbol={"EURUSD": 0.2},
            exposure_by_currency={"EUR": 20_000.0},
            breakdown={},
            by_currency={},
            trading_blocked=[],
        )
        return FleetRow(
            portfolio=portfolio,
            accounts=[account_row(*account) for account in ACCOUNTS],
            terminals=[terminal],
            alerts_open=3,
            as_of=UTC,
            server_time=UTC,
        )

    def experts(self, query: ExpertQuery, scope: Labels = None) -> Page:
        self.asked.append(query)
        found = [row for row in self.rows if query.symbol in (None, row.symbol)]
        return _part(found, query.after, query.limit)

    def sparklines(self, scope: Labels = None) -> SparklinesRow:
        return SparklinesRow(as_of=UTC, step_ms=5000, experts={str(row.ea_id): [1.5, None] for row in self.rows})

    def expert(self, ea_id: int, scope: Labels = None) -> ExpertRow | None:
        return next((row for row in self.rows if row.ea_id == ea_id), None)

    def positions(
        self, ea_id: int | None, account: tuple[str, int] | None, symbol: str | None, scope: Labels = None
    ) -> Page:
        self.asked.append((ea_id, account, symbol))
        return Page(items=[row for row in self.position_rows if ea_id in (None, row.ea_id)])

    def prices(self, symbol: str | None) -> Page:
        row = PriceRow(server="Broker-Demo", symbol="EURUSD", bid=1.08, ask=1.09, as_of=UTC)
        return Page(items=[row] if symbol in (None, "EURUSD") else [])

    async def trades(self, query: TradeQuery, scope: Labels = None, strategy: str | None = None) -> Page:
        self._fail()
        self.asked += [query] if strategy is None else [query, strategy]
        return Page(items=[trade_row(77)], next="older" if query.before is None else None)

    async def deals(self, query: TradeQuery, scope: Labels = None) -> Page:
        self._fail()
        self.asked.append(query)
        return Page(items=[deal_row(78, 1)])

    async def equity(
        self, subject: str, from_ms: int, until_ms: int, points: int, scope: Labels = None
    ) -> list[EquityPoint]:
        self._fail()
        self.asked.append((subject, from_ms, until_ms, points))
        return [EquityPoint(utc=UTC, balance=100.0, equity=99.0, equity_min=98.0, equity_max=101.0)]

    def statistics(self, subject: str, scope: Labels = None) -> dict[str, Any] | None:
        return {"trades": 3, "profit_factor": 1.4} if subject in ("ea:1", "currency:USD") else None

    async def alerts(self, status: str | None, before: int | None, limit: int, scope: Labels = None) -> Page:
        self._fail()
        self.asked.append((status, before, limit))
        found = sorted(self.alert_rows.values(), key=lambda row: -row.alert_id)
        return Page(items=[row for row in found if before is None or row.alert_id < before][:limit])

    def acknowledge_now(self, alert_id: int, by: str, scope: Labels = None) -> None:
        row = self.alert_rows.get(alert_id)
        if row is None:
            raise NotFoundError(f"there is no open alert {alert_id}: GET /api/v1/alerts?status=open lists them")
        changed = msgspec.structs.replace(row, status="acknowledged", acknowledged_by=by, acknowledged_at=UTC)
        self.alert_rows[alert_id] = changed
        self.acknowledged(changed)

    async def acknowledge(self, alert_id: int, by: str, scope: Labels = None) -> AlertRow:
        self._fail()
        self.acknowledge_now(alert_id, by)
        return self.alert_rows[alert_id]

    async def news(self, from_ms: int, until_ms: int, limit: int) -> Page:
        self._fail()
        self.asked.append((from_ms, until_ms, limit))
        return Page(items=[NEWS])

    def _fail(self) -> None:
        if self.failing is not None:
            raise self.failing


class Tokens:
    """`fleetwire.ports.TokenDesk`, with the book of the server and without a store."""

    def __init__(self, book: Book, take_utc_ms: Callable[[], int], changed: Callable[[], None]) -> None:
        self.book, self.take_utc_ms, self.changed = book, take_utc_ms, changed
        book.put(book.draft(TokenRequest(role="viewer"), "tok_1", hash_token("the first"), "a test", take_utc_ms()))

    async def create(self, request: TokenRequest, by: str, address: str = "") -> IssuedToken:
        token = self.book.draft(request, f"tok_{len(self.book) + 1}", hash_token("s3cr3t"), by, self.take_utc_ms())
        self.book.put(token)
        return IssuedToken(token="s3cr3t", about=token_row(token, self.take_utc_ms()))

    def listed(self) -> list[TokenRow]:
        return [token_row(token, self.take_utc_ms()) for token in self.book.all()]

    async def revoke(self, token_id: str, by: str, address: str = "") -> TokenRow:
        token = self.book.revoked(token_id, self.take_utc_ms())
        self.book.put(token)
        self.changed()
        return token_row(token, self.take_utc_ms())

    async def rotate(self, token_id: str, overlap_s: float, by: str, address: str = "") -> IssuedToken:
        token = self.book.rotated(token_id, hash_token("another"), overlap_s, self.take_utc_ms())
        self.book.put(token)
        self.changed()
        return IssuedToken(token="another", about=token_row(token, self.take_utc_ms()))


def _part(found: Sequence[Any], after: int | None, limit: int) -> Page:
    left = [row for row in found if after is None or row.ea_id > after]
    return Page(items=left[:limit], total=len(found), next=str(left[limit - 1].ea_id) if len(left) > limit else None)


FULL_DISK = StoreError("the disk is full: free some space")


def report_of(experts: int) -> bytes:
    """A full report of one terminal with so many experts, as an EA writes it."""
    body = {
        "account": {"server": "Broker-Demo", "login": 5, "currency": "USD", "balance": 10_000.0, "equity": 10_015.0},
        "terminal": {"id": "t1", "name": "MetaTrader 5", "build": 5400, "time_msc": 1_764_000_000_000},
        "experts": [
            {
                "expert": ExpertId("Broker-Demo", 5, number, "EURUSD", f"Expert {number}"),
                "ea_id": number,
                "strategy_tag": "breakout",
                "timeframe": "M15",
                "positions": [
                    {
                        "ticket": 1000 + number,
                        "time_msc": 1_764_000_000_000,
                        "type": "buy",
                        "volume": 0.1,
                        "price_open": 1.085,
                        "price_current": 1.0865,
                        "sl": 1.08,
                        "tp": 1.09,
                        "profit": 15.0,
                        "symbol": "EURUSD",
                        "magic": number,
                    }
                ],
            }
            for number in range(1, experts + 1)
        ],
        "deals": [],
    }
    return msgspec.json.encode(body)
