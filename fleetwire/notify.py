"""Delivers alerts beyond the socket: Telegram, e-mail, Discord, ..., through Apprise (the extra `notify`).

Each target has a worker thread and a bounded queue of its own: one that hangs holds up neither the server nor the other
targets. What comes faster than it may be sent is joined into one message. URLs of targets are secrets: they stand in
no log, error or repr.
"""

import logging
import threading
import time
import warnings
from collections import Counter, deque
from collections.abc import Callable
from typing import Annotated, Any, Final, Literal, NamedTuple, TypeVar

from msgspec import Meta, Struct

from fleetwire.wire.errors import ConfigError
from fleetwire.wire.rows import AlertRow

logger = logging.getLogger("fleetwire.notify")

_LEVELS: Final = {"info": 0, "warning": 1, "critical": 2}
_KINDS: Final = {"info": "info", "warning": "warning", "critical": "failure"}  # as Apprise calls them
_LINES_MAX: Final = 10
_REMEMBERED_MAX: Final = 10_000
_TALKATIVE: Final = ("apprise", "requests", "urllib3.connectionpool", "urllib3.util.retry", "urllib3", "asyncio")

Count = Annotated[int, Meta(ge=1, le=10_000)]
Seconds = Annotated[float, Meta(ge=0, le=86_400)]
TargetName = Annotated[str, Meta(pattern="^[a-z][a-z0-9_]{0,31}$")]


K = TypeVar("K")
V = TypeVar("V")


class NotifySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where alerts are delivered beyond the socket, and how many. Times in seconds.

    Args:
        urls: a name for each target, and its URL as Apprise has it.
        level_min: alerts below it are not delivered.
        cleared: whether it is delivered that an alert is over.
        per_minute_max: messages to one target in a minute; more are joined.
        queue_max: alerts that wait for one target; more are counted and named in the next message.
        quiet_repeat_s: the same alert (rule and subject) is delivered again at the earliest after this time.
        retry_for_s: how long one message is tried.
    """

    urls: Annotated[dict[TargetName, str], Meta(max_length=16)] = {}
    level_min: Literal["info", "warning", "critical"] = "warning"
    cleared: bool = True
    per_minute_max: Count = 10
    queue_max: Count = 1_000
    quiet_repeat_s: Seconds = 300.0
    retry_for_s: Seconds = 60.0

    def __repr__(self) -> str:
        """Show names, and no URL."""
        return f"NotifySettings(urls={sorted(self.urls)}, level_min={self.level_min!r}, ...)"


class Letter(NamedTuple):
    """One message to a target."""

    title: str
    body: str
    level: str


Send = Callable[[Letter], bool]
"""Sends one message; False where that failed."""
Wait = Callable[[float], bool]
"""Waits for some seconds; True where the end has come meanwhile."""


class Notifier:
    """Takes alerts from the server and delivers them, without ever holding it up.

    Args:
        settings: where to and how many.
        clock: gives monotonic seconds.
        wait: waits between two messages and two tries; the end of the service ends it, if left out.

    Raises:
        ConfigError: Apprise is missing, or a URL is none that it knows; names the target.
    """

    def __init__(
        self, settings: NotifySettings, *, clock: Callable[[], float] = time.monotonic, wait: Wait | None = None
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._told: dict[tuple[str, str], float] = {}
        self._delivered: dict[int, None] = {}  # ids that people were told of: their end is worth telling
        self._targets = {
            name: _Target(name, apprise_sender(name, url), settings, clock, wait) for name, url in settings.urls.items()
        }

    def __repr__(self) -> str:
        """Show the targets' names."""
        return f"<Notifier {', '.join(self._targets) or 'without targets'}>"

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """For each target: alerts `queued`, `dropped` for want of room, messages `sent` and `failed`."""
        return {name: dict(target.counts) for name, target in self._targets.items()}

    def check_targets(self, names: set[str]) -> None:
        """Check the targets that rules name.

        Raises:
            ConfigError: one of them does not exist.
        """
        for name in sorted(names - self._targets.keys()):
            there_are = ", ".join(self._targets) or "none"
            raise ConfigError(f"notify: a rule delivers to {name}, but urls has no target of that name: {there_are}")

    def remember(self, rows: list[AlertRow]) -> None:
        """Learn after a restart what was open: people have been told of it, and will be told when it is over."""
        for row in rows:
            if self._is_grave(row):
                _note(self._delivered, row.alert_id, None)

    def start(self) -> None:
        """Start a worker for each target."""
        for target in self._targets.values():
            target.start()

    def stop(self, timeout_s: float = 2.0) -> None:
        """Let the workers send what waits, for `timeout_s` at most; one that hangs is left behind.

        Blocks so long: an event loop calls it by `asyncio.to_thread`.
        """
        for target in self._targets.values():
            target.end()
        until = time.monotonic() + timeout_s
        for target in self._targets.values():
            target.join(max(0.0, until - time.monotonic()))

    def notify(self, row: AlertRow, targets: bool | list[str] = True) -> None:
        """Hand an alert over. Returns at once and never raises.

        Args:
            row: raised, told again, or cleared; that one was acknowledged is not delivered.
            targets: all of them, none, or those named (as the rule says it).
        """
        try:
            if targets is not False and self._is_wanted(row):
                for name in self._targets if targets is True else targets:
                    if name in self._targets:
                        self._targets[name].put(row)
        except Exception as error:  # the server's own work goes on, whatever is wrong here
            logger.error("alert %s was not handed over: %s", row.alert_id, type(error).__name__)

    def _is_wanted(self, row: AlertRow) -> bool:
        """Tell whether it is worth a message, and remember that it was."""
        if row.status == "cleared":
            was_told = row.alert_id in self._delivered
            self._delivered.pop(row.alert_id, None)
            return was_told and self._settings.cleared
        if row.status != "raised" or not self._is_grave(row):
            return False
        place, now = (row.rule, row.subject), self._clock()
        told = self._told.get(place)
        if told is not None and now - told < self._settings.quiet_repeat_s:
            return False
        _note(self._told, place, now)
        _note(self._delivered, row.alert_id, None)
        return True

    def _is_grave(self, row: AlertRow) -> bool:
        return _LEVELS.get(row.level, 0) >= _LEVELS[self._settings.level_min]


def _note(memory: dict[K, V], key: K, value: V) -> None:
    """Remember something as the newest, and forget the oldest where there is too much."""
    memory.pop(key, None)
    memory[key] = value
    if len(memory) > _REMEMBERED_MAX:
        del memory[next(iter(memory))]


class _Target:
    """One target: its queue, and the thread that empties it.

    Args:
        name: as the settings call it.
        send: sends one message; may take its time, may raise.
        settings: how many, and how long.
        clock: gives monotonic seconds.
        wait: waits, if not for the end.
    """

    def __init__(
        self, name: str, send: Send, settings: NotifySettings, clock: Callable[[], float], wait: Wait | None
    ) -> None:
        self._name = name
        self._send = send
        self._settings = settings
        self._clock = clock
        self._ended = threading.Event()
        self._wait = wait or self._ended.wait
        self._filled = threading.Condition()
        self._queue: deque[AlertRow] = deque()
        self._missed = 0  # since the last message
        self._sent_at: deque[float] = deque(maxlen=settings.per_minute_max)
        self._thread: threading.Thread | None = None
        self._is_down = False
        self.counts: Counter[str] = Counter(queued=0, dropped=0, sent=0, failed=0)

    def start(self) -> None:
        """Start the thread; after an end, a new one."""
        self._ended.clear()
        self._thread = threading.Thread(target=self._run, name=f"fleetwire-notify-{self._name}", daemon=True)
        self._thread.start()

    def put(self, row: AlertRow) -> None:
        """Let an alert wait; where there is no room any more it is counted."""
        with self._filled:
            if len(self._queue) >= self._settings.queue_max:
                self._miss()
                return
            self.counts["queued"] += 1
            self._queue.append(row)
            self._filled.notify()

    def _miss(self) -> None:
        self.counts["dropped"] += 1
        self._missed += 1
        if self._missed == 1:
            logger.warning("%d alerts wait for %s: more are only counted", len(self._queue), self._name)

    def end(self) -> None:
        """Send what waits, and end."""
        self._ended.set()
        with self._filled:
            self._filled.notify()

    def join(self, timeout_s: float) -> None:
        """Wait for the end of the thread."""
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        _speaking.here = True
        while self._await_one():
            self._await_turn()
            rows, missed = self._take()
            if rows or missed:
                self._deliver(letter(rows, missed))

    def _await_one(self) -> bool:
        """Wait for an alert; False when the end has come and none waits."""
        with self._filled:
            while not self._queue and not self._missed:
                if self._ended.is_set():
                    return False
                self._filled.wait()
            return True

    def _await_turn(self) -> None:
        """Wait until one more message in a minute is allowed; what comes meanwhile is joined."""
        sent = self._sent_at
        while len(sent) == sent.maxlen and (rest_s := sent[0] + 60.0 - self._clock()) > 0:
            if self._wait(rest_s):
                return
        sent.append(self._clock())

    def _take(self) -> tuple[list[AlertRow], int]:
        with self._filled:
            rows, missed = list(self._queue), self._missed
            self._queue.clear()
            self._missed = 0
            return rows, missed

    def _deliver(self, message: Letter) -> None:
        """Send one message, again and again for a while."""
        until = self._clock() + self._settings.retry_for_s
        pause_s = 1.0
        while not self._try(message):
            if self._clock() + pause_s > until or self._wait(pause_s):
                self._failed()
                return
            pause_s = min(2 * pause_s, 15.0)
        self.counts["sent"] += 1
        if self._is_down:
            self._is_down = False
            logger.info("alerts are delivered to %s again", self._name)

    def _try(self, message: Letter) -> bool:
        try:
            return self._send(message)
        except Exception:  # its text may hold the URL
            return False

    def _failed(self) -> None:
        self.counts["failed"] += 1
        if not self._is_down:
            self._is_down = True
            logger.warning("alerts can't be delivered to %s: is its URL right, and its service up?", self._name)


def letter(rows: list[AlertRow], missed: int) -> Letter:
    """Write alerts as one message: the gravest first, ten lines at most, and how many more there are."""
    ordered = sorted(rows, key=lambda row: (row.status == "cleared", -_LEVELS.get(row.level, 0), row.alert_id))
    level = ordered[0].level if ordered else "warning"
    if len(ordered) == 1 and not missed:
        return Letter(_title(ordered[0]), ordered[0].message, level)
    lines = [f"{_title(row)}: {row.message}" for row in ordered[:_LINES_MAX]]
    more = len(ordered) - len(lines) + missed
    if more:
        lines.append(f"and {more:,} more")
    return Letter(f"{len(ordered) + missed:,} alerts", "\n".join(lines), level)


def _title(row: AlertRow) -> str:
    return "over" if row.status == "cleared" else row.level


def apprise_sender(name: str, url: str) -> Send:
    """Make the function that sends to one URL by Apprise.

    Args:
        name: of the target, for errors.
        url: as Apprise has it.

    Raises:
        ConfigError: Apprise is missing, or it does not know such a URL.
    """
    try:
        import apprise
        from apprise.conversion import convert_between
    except ImportError:
        raise ConfigError('notify: Apprise is missing: pip install "fleetwire[notify]"') from None
    for talkative in _TALKATIVE:
        _hush(logging.getLogger(talkative))
    service = _instantiated(apprise, url)
    if service is None:
        raise ConfigError(f"notify: urls.{name}: is no URL that Apprise knows: see docs/alerts.md for examples")
    text = apprise.NotifyFormat.TEXT
    form = service.resolve_format(text)

    def send(message: Letter) -> bool:
        # Asked directly, a service sends in our own thread; through Apprise's pool, one that hangs holds up others,
        # and the end of the process. The text is put into the service's form here, as Apprise itself would do: the
        # name of an expert must not become a link in somebody's chat. Titles are words of our own.
        return bool(
            service.notify(
                title=f"fleetwire: {message.title}",
                body=convert_between(text, form, message.body),  # type: ignore[no-untyped-call]  # Apprise says no types
                notify_type=_KINDS.get(message.level, "info"),
                body_format=form,
            )
        )

    return send


def _instantiated(apprise: Any, url: str) -> Any:
    """Let Apprise make a service of a URL; None where it can't. What it says of a wrong one would show it."""
    _speaking.here = True
    try:
        with warnings.catch_warnings():  # the first call loads all of Apprise's services, old ones included
            warnings.simplefilter("ignore", DeprecationWarning)
            return apprise.Apprise.instantiate(url)
    except Exception:  # a hostile URL may be anything; its error may show it
        return None
    finally:
        _speaking.here = False


_speaking = threading.local()


def _is_foreign(_: logging.LogRecord) -> bool:
    """Tell whether a library speaks for somebody else: what it says on our behalf can hold a URL."""
    return not getattr(_speaking, "here", False)


def _hush(talkative: logging.Logger) -> None:
    if _is_foreign not in talkative.filters:
        talkative.addFilter(_is_foreign)
