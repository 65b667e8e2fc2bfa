"""`Fleetwire`: the whole thing, in anybody's event loop: server, fleet, store, alerts, calendars, delivery."""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Struct

from fleetwire.config import Settings, default_database, load, read_settings, server_key
from fleetwire.fleet.commands import EXPIRES_S, CommandRequest, Target
from fleetwire.fleet.events import CommandReport, Fact
from fleetwire.fleet.state import FleetSettings
from fleetwire.integration.handle import CommandHandle
from fleetwire.integration.orders import Asker
from fleetwire.integration.service import IntegrationService, IntegrationSettings
from fleetwire.jwt import JwtLogin
from fleetwire.notify import Notifier
from fleetwire.ports import Clock, Source
from fleetwire.rulefile import rule_book
from fleetwire.server.server import WebSocketServer
from fleetwire.sources.calendar import CalendarFeed
from fleetwire.sources.expert import fact_of, read_facts
from fleetwire.sources.files import DropFolder
from fleetwire.storage import open_store
from fleetwire.watchdog import Watchdog
from fleetwire.wire.errors import CommandError, DataError, ErrorCode
from fleetwire.wire.rows import AlertRow, PortfolioRow, Sums

Config = Settings | Mapping[str, Any] | str | os.PathLike[str] | None
"""Settings, a mapping of the same names, a TOML file; or None for what the command line would find."""


class PortfolioView(NamedTuple):
    """The portfolio as it was last told; `totals` are its sums by currency."""

    row: PortfolioRow
    totals: Mapping[str, Sums]


class Fleetwire:
    """A server with a fleet: takes reports, keeps them, and tells everybody who subscribed.

    Args:
        config: settings, a mapping of the same names, or a TOML file; if left out, as the command line finds them.
        sources: where facts come from, besides `report`, the socket, HTTP, and what the settings name.
        clock: the time; a test brings its own.

    Raises:
        ConfigError: a setting is wrong, or an extra that one of them needs is not installed.
    """

    def __init__(self, config: Config = None, *, sources: Sequence[Source] = (), clock: Clock | None = None) -> None:
        settings = _settings(config)
        self.settings = settings
        self.server = new_server(settings, clock)
        rules = rule_book(settings.rules)
        self._notifier = Notifier(settings.notify)
        self._notifier.check_targets(rules.targets())
        database = settings.database or str(default_database(os.environ))
        self.service = IntegrationService(
            self.server,
            [*sources, *_sources(settings, self._refuse)],
            clock,
            store=open_store(database, settings.retention),
            server_key=server_key(settings, os.environ),
            rules=rules,
            settings=_service_settings(settings),
            on_alert=self._deliver,
        )
        watchdog = settings.watchdog
        self._login = JwtLogin(settings.jwt) if settings.jwt.algorithm else None
        self._watchdog = Watchdog(watchdog.url, watchdog.every_s, self._trouble) if watchdog.url else None

    def __repr__(self) -> str:
        """Show where it listens."""
        return f"<Fleetwire {self.server.url} {'running' if self.server.running else 'stopped'}>"

    # ------------------------------------------------------------------------------------------------------ start, stop

    async def start(self) -> None:
        """Bring everything back that was kept, and listen; returns once clients can connect.

        Raises:
            StoreError: what was kept can't be read, or another server has it open.
            ListenError: the address is taken, not ours, or not allowed.
        """
        await self.service.start()
        try:
            self._notifier.remember(self.service.alerts.open())
            if self._login is not None:
                await self._login.start(self.server.access)
            await self.server.start_server()
        except BaseException:
            if self._login is not None:
                await self._login.stop()
            await self.service.stop()
            raise
        self._notifier.start()
        if self._watchdog is not None:
            self._watchdog.start()

    async def stop(self) -> None:
        """Keep what is left, and stop; every client is told to come back.

        Raises:
            StoreError: it can't be kept.
        """
        if self._watchdog is not None:
            await self._watchdog.stop()
        if self._login is not None:
            await self._login.stop()
        try:
            await self.service.stop()
        finally:
            await self.server.stop_server()
            await asyncio.to_thread(self._notifier.stop)  # it lets what waits go out, for a moment

    async def __aenter__(self) -> "Fleetwire":
        """Start."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        await self.stop()

    # ----------------------------------------------------------------------------------------------------- what it does

    async def report(self, *reports: Fact | Mapping[str, Any]) -> None:
        """Report facts; returns once they are kept and told.

        Args:
            reports: of `fleetwire.fleet.events`, or mappings of the same shape: with the `type` of their message, or
                else known by their fields. Those of one call are told together.

        Raises:
            DataError: one of them is wrong; none was taken. Or one can't be true; those before it were taken.
            StoreError: they can't be kept now: report them again.
        """
        await self.service.report(*[checked(report) for report in reports])

    async def command(
        self,
        command: str,
        params: Mapping[str, Any] | None = None,
        *,
        ea_id: int | None = None,
        account: str | None = None,
        group: str | None = None,
        strategy: str | None = None,
        everybody: bool = False,
        reason: str = "",
        idempotency_key: str | None = None,
        expires_in_s: float = EXPIRES_S,
        confirm: str | None = None,
    ) -> CommandHandle:
        """Give a command to experts; returns once it is on disk. Name exactly one target.

        Args:
            command: like "pause"; docs/commands.md has all of them.
            params: what it has to say.
            ea_id: for this expert.
            account: for all experts of this account, as "Server/login".
            group: for all experts of this group.
            strategy: for all experts of this strategy.
            everybody: for all experts.
            reason: why; it goes into the audit.
            idempotency_key: given again, the same command is given back, and none is made.
            expires_in_s: seconds after which no expert may begin with it.
            confirm: what a `ConfirmationError` gave, where a command has to be given twice.

        Raises:
            CommandError: it is refused, and nothing changed.
            StoreError: it can't be kept now.
        """
        try:
            target = Target(ea_id=ea_id, account=account, group=group, strategy=strategy, all=everybody)
        except ValueError as error:
            raise CommandError(ErrorCode.invalid_data, f"target: {error}") from None
        request = CommandRequest(
            command=command,
            target=target,
            params=dict(params or {}),
            reason=reason,
            idempotency_key=idempotency_key,
            expires_in_s=expires_in_s,
            confirm=confirm,
        )
        submission = await self.service.orders.command(request, Asker())
        return CommandHandle(self.service.orders, submission.command, repeated=submission.repeated)

    async def run(self, source: Source) -> None:
        """Take everything that a source has to report; returns when it has no more."""
        await source.run(self.service.report)

    @property
    def portfolio(self) -> PortfolioView:
        """The portfolio as it was last told."""
        row = self.service.portfolio
        return PortfolioView(row, row.by_currency)

    @property
    def alerts(self) -> list[AlertRow]:
        """What is raised or acknowledged, and not cleared."""
        return self.service.alerts.open()

    def acknowledge(self, alert_id: int, by: str) -> AlertRow:
        """Note that somebody has seen an alert.

        Raises:
            NotFoundError: there is no open alert of this id.
        """
        return self.service.acknowledge(alert_id, by)

    def _refuse(self, error: str) -> None:
        self.service.refuse("file", error)

    def _deliver(self, row: AlertRow) -> None:
        self._notifier.notify(row, self.service.alerts.notify(row))

    def _trouble(self) -> str | None:
        """Say what is wrong with the server itself; None while all is well."""
        if not self.server.running:
            return "the server does not listen"
        return self.service.trouble()


def new_server(settings: Settings, clock: Clock | None = None) -> WebSocketServer:
    """Make the server that settings describe.

    Raises:
        ConfigError: they do not go together.
    """
    return WebSocketServer(
        settings.host,
        settings.port,
        settings.auth_token,
        settings.heartbeat_interval,
        settings.heartbeat_timeout,
        expert_token=settings.expert_token,
        limits=settings.limits,
        allowed_hosts=settings.allowed_hosts,
        allowed_origins=settings.allowed_origins,
        base_path=settings.base_path,
        compression=settings.compression,
        trusted_proxies=settings.trusted_proxies,
        tls_cert=settings.tls_cert,
        tls_key=settings.tls_key,
        clock=clock,
    )


def _settings(config: Config) -> Settings:
    if config is None:
        return load({}, os.environ).settings
    if isinstance(config, Settings):
        return config
    if isinstance(config, Mapping):
        return read_settings(config, "config")
    return load({}, {}, Path(config)).settings


def _service_settings(settings: Settings) -> IntegrationSettings:
    fleet = FleetSettings(
        silences=settings.silences, server_times=settings.server_times, accounts=frozenset(settings.accounts)
    )
    return IntegrationSettings(
        fleet=fleet,
        news=settings.news,
        commands=settings.commands,
        convert_to=settings.convert_to,
        sample_every_s=settings.sample_every,
        next_report_s=settings.report_every,
    )


def _sources(settings: Settings, on_refused: Callable[[str], None]) -> list[Source]:
    folder = [DropFolder(settings.drop_folder, read_facts, on_refused=on_refused)] if settings.drop_folder else []
    return [*folder, *(CalendarFeed(where) for where in settings.calendars)]


_KINDS: Final[tuple[tuple[str, str], ...]] = (
    ("deal", "deal"),
    ("expert", "ea_report"),
    ("bid", "price_report"),
    ("importance", "news_report"),
    ("positions", "positions_report"),
    ("currency", "account_report"),
)
"""By which field a mapping without a `type` is known, and as what."""


def checked(report: Fact | Mapping[str, Any]) -> Fact:
    """Check a report as if it had come over the wire.

    Raises:
        DataError: says what is wrong, and where.
    """
    if isinstance(report, CommandReport):
        return report  # the command centre's own word
    if isinstance(report, Struct):
        report = msgspec.to_builtins(report)
    if not isinstance(report, Mapping):
        raise DataError(f"a report is a Struct of fleetwire.fleet.events or a mapping, not {type(report).__name__}")
    data = {name: msgspec.to_builtins(value) for name, value in report.items()}
    kind = data.pop("type", None) or next((kind for field, kind in _KINDS if field in data), None)
    if not isinstance(kind, str):
        raise DataError("the report has no type, and no field that tells it: expert, deal, bid, importance or currency")
    return fact_of(kind, data)
