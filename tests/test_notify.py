"""Alerts are delivered by a real Apprise to a real HTTP server; a dead or hanging one holds up nobody."""

import json
import logging
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from fleetwire.notify import Letter, Notifier, NotifySettings, apprise_sender, letter
from fleetwire.wire.errors import ConfigError
from fleetwire.wire.rows import AlertRow

CANARY = "canary-7f3a"


class Service(ThreadingHTTPServer):
    """What a target's service would be: keeps what it is told, or answers with an error."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.letters: list[dict[str, Any]] = []
        self.status = 200
        self.heard = threading.Condition()

    @property
    def url(self) -> str:
        return f"json://127.0.0.1:{self.server_address[1]}/{CANARY}"

    def wait_for(self, is_so: Callable[[], bool]) -> None:
        with self.heard:
            assert self.heard.wait_for(is_so, timeout=10)


class _Handler(BaseHTTPRequestHandler):
    server: Service

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(self.server.status)
        self.end_headers()
        with self.server.heard:
            self.server.letters.append(body)
            self.server.heard.notify_all()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def notifier() -> Iterator[Callable[..., Notifier]]:
    made: list[Notifier] = []

    def make(urls: dict[str, str], **settings: Any) -> Notifier:
        tools = {name: settings.pop(name) for name in ("clock", "wait") if name in settings}
        made.append(Notifier(NotifySettings(urls=urls, **settings), **tools))
        made[-1].start()
        return made[-1]

    yield make
    for one in made:
        one.stop()


def alert(alert_id: int = 1, level: str = "critical", status: str = "raised", **more: Any) -> AlertRow:
    return AlertRow(
        level=level,
        message=more.pop("message", f"alert {alert_id}"),
        alert_id=alert_id,
        rule="ea_drawdown",
        subject=f"ea:{alert_id}",
        status=status,
        raised_at="2026-11-22T08:00:00.000Z",
        **more,
    )


def test_an_alert_and_its_end_are_delivered(service: Service, notifier: Callable[..., Notifier]) -> None:
    one = notifier({"phone": service.url})
    one.notify(alert(message="EA 1 drawdown exceeds 10%"))
    service.wait_for(lambda: len(service.letters) == 1)
    one.notify(alert(status="cleared", level="info", message="EA 1 drawdown is back"))
    service.wait_for(lambda: len(service.letters) == 2)
    assert [(told["title"], told["message"], told["type"]) for told in service.letters] == [
        ("fleetwire: critical", "EA 1 drawdown exceeds 10%", "failure"),
        ("fleetwire: over", "EA 1 drawdown is back", "info"),
    ]


def test_only_what_is_grave_enough_new_and_meant_for_a_target_is_delivered(
    service: Service, notifier: Callable[..., Notifier]
) -> None:
    now = [0.0]
    one = notifier({"phone": service.url}, level_min="warning", clock=lambda: now[0])
    for row, targets in [
        (alert(1, "info"), True),
        (alert(1, "info", "cleared"), True),
        (alert(2, status="acknowledged"), True),
        (alert(3), False),
        (alert(4), ["mail"]),
        (alert(5), ["phone", "mail"]),
        (alert(5), True),  # again within quiet_repeat_s
    ]:
        one.notify(row, targets)
    assert one.counts["phone"]["queued"] == 1
    now[0] = 301.0
    one.notify(alert(5))
    assert one.counts["phone"]["queued"] == 2


def test_what_was_open_before_a_restart_is_told_to_be_over(notifier: Callable[..., Notifier], service: Service) -> None:
    one = notifier({"phone": service.url})
    one.remember([alert(1, "critical", "acknowledged"), alert(2, "info")])
    one.notify(alert(2, "info", "cleared"))
    one.notify(alert(1, "info", "cleared"))
    service.wait_for(lambda: len(service.letters) == 1)
    assert service.letters[0]["message"] == "alert 1"


def test_a_burst_is_joined_into_one_message(service: Service, notifier: Callable[..., Notifier]) -> None:
    """One message a minute: what comes in that minute is one message at its end."""
    now, burst_is_over = [0.0], threading.Event()
    waited: list[float] = []

    def wait(seconds: float) -> bool:
        waited.append(seconds)
        assert burst_is_over.wait(10)
        now[0] += seconds
        return False

    one = notifier({"phone": service.url}, per_minute_max=1, clock=lambda: now[0], wait=wait)
    one.notify(alert(1))
    service.wait_for(lambda: len(service.letters) == 1)
    for number in range(2, 30):
        one.notify(alert(number, "warning" if number < 29 else "critical"))
    burst_is_over.set()
    service.wait_for(lambda: len(service.letters) == 2)
    summary = service.letters[1]
    lines = summary["message"].splitlines()
    assert summary["title"] == "fleetwire: 28 alerts"
    assert lines[0] == "critical: alert 29"
    assert (len(lines), lines[-1]) == (11, "and 18 more")
    assert waited == [60.0]


def test_what_has_no_room_is_counted_and_named_in_the_next_message(
    service: Service, notifier: Callable[..., Notifier], caplog: pytest.LogCaptureFixture
) -> None:
    go_on = threading.Event()
    one = notifier({"phone": service.url}, per_minute_max=1, queue_max=5, wait=lambda _: go_on.wait(10))
    one.notify(alert(1))
    service.wait_for(lambda: len(service.letters) == 1)
    for number in range(2, 102):
        one.notify(alert(number))
    assert one.counts["phone"]["dropped"] == 95
    go_on.set()
    service.wait_for(lambda: len(service.letters) == 2)
    assert service.letters[1]["title"] == "fleetwire: 100 alerts"
    assert service.letters[1]["message"].endswith("and 95 more")
    assert caplog.text.count("more are only counted") == 1


def test_a_service_that_fails_is_tried_again_for_a_while_and_found_again_later(
    service: Service, notifier: Callable[..., Notifier], caplog: pytest.LogCaptureFixture
) -> None:
    now = [0.0]

    def wait(seconds: float) -> bool:
        now[0] += seconds
        return False

    caplog.set_level(logging.INFO, "fleetwire.notify")
    service.status = 503
    one = notifier({"phone": service.url}, retry_for_s=10, clock=lambda: now[0], wait=wait)
    one.notify(alert(1))
    service.wait_for(lambda: len(service.letters) == 4)  # at 0, 1, 3 and 7 s
    until(lambda: one.counts["phone"]["failed"] == 1)
    assert len(service.letters) == 4
    service.status = 200
    one.notify(alert(2))
    until(lambda: one.counts["phone"]["sent"] == 1)
    until(lambda: "again" in caplog.text)
    assert [record.getMessage() for record in caplog.records] == [
        "alerts can't be delivered to phone: is its URL right, and its service up?",
        "alerts are delivered to phone again",
    ]


def until(is_so: Callable[[], bool]) -> None:
    """Let the other threads work until something is so; only a failure reaches the deadline."""
    deadline = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_a_service_that_hangs_holds_up_neither_the_caller_nor_the_others(
    service: Service, notifier: Callable[..., Notifier]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:  # takes connections, and never answers
        hanging = f"json://127.0.0.1:{mute.getsockname()[1]}/?rto=30&cto=30"
        one = notifier({"hanging": hanging, "phone": service.url}, queue_max=100)
        began = time.monotonic()
        for number in range(1, 2_001):
            one.notify(alert(number))
        assert time.monotonic() - began < 2.0
        service.wait_for(lambda: len(service.letters) >= 1)
        mute.accept()[0].close()  # so that the thread can end
    assert one.counts["hanging"]["sent"] == 0


def test_a_dead_service_is_no_trouble(notifier: Callable[..., Notifier]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    one = notifier({"dead": f"json://127.0.0.1:{port}/"}, retry_for_s=0)
    one.notify(alert(1))
    until(lambda: one.counts["dead"]["failed"] == 1)


def test_the_end_sends_what_waits_and_waits_for_nobody_long(service: Service) -> None:
    one = Notifier(NotifySettings(urls={"phone": service.url}, per_minute_max=1))
    one.start()
    one.notify(alert(1))
    service.wait_for(lambda: len(service.letters) == 1)
    one.notify(alert(2))
    began = time.monotonic()
    one.stop()
    assert time.monotonic() - began < 2.0
    assert [told["message"] for told in service.letters] == ["alert 1", "alert 2"]
    one.stop()  # a second time, nothing happens


def test_after_an_end_it_can_be_started_again(service: Service) -> None:
    one = Notifier(NotifySettings(urls={"phone": service.url}))
    for number in (1, 2):
        one.start()
        one.notify(alert(number))
        service.wait_for(lambda number=number: len(service.letters) == number)
        one.stop()


@pytest.mark.parametrize("status", [200, 500])
def test_a_url_is_in_no_log_error_or_repr(
    service: Service, status: int, notifier: Callable[..., Notifier], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    service.status = status
    one = notifier({"phone": service.url}, retry_for_s=0)
    one.notify(alert(1))
    until(lambda: one.counts["phone"]["sent"] + one.counts["phone"]["failed"] == 1)
    logging.getLogger("apprise").debug("what others say is still heard")
    settings = NotifySettings(urls={"phone": service.url})
    with pytest.raises(ConfigError) as error:
        apprise_sender("phone", f"nothing://{CANARY}@host")
    with pytest.raises(ConfigError):
        apprise_sender("phone", f"tgram://{CANARY}")
    assert str(error.value) == "notify: urls.phone: is no URL that Apprise knows: see docs/alerts.md for examples"
    assert "what others say is still heard" in caplog.text
    assert str(service.server_address[1]) not in caplog.text
    assert CANARY not in f"{caplog.text} {settings!r} {one!r} {error.value}"


def test_what_experts_are_called_can_not_put_a_link_into_a_chat(monkeypatch: pytest.MonkeyPatch) -> None:
    """Telegram takes HTML; its own server can't be here, so what would be sent there is looked at."""
    sent: list[dict[str, Any]] = []

    class Answer:
        status_code, content, text = 200, b'{"ok": true, "result": []}', ""

    def post(url: str, data: str, **_: Any) -> Answer:
        sent.append(json.loads(data))
        return Answer()

    monkeypatch.setattr("requests.post", post)
    send = apprise_sender("phone", "tgram://123456789:AbCdEfGhIjKlMnOpQrStUvWxYz0123456789/987654321/")
    assert send(Letter("2 alerts", "margin < 100 & <a href='http://evil.example'>x</a>\nsecond", "critical"))
    (told,) = sent
    assert told["parse_mode"] == "HTML"
    assert "<a" not in told["text"]
    assert "margin &lt; 100 &amp; &lt;a href=" in told["text"]
    assert told["text"].splitlines()[-1] == "second"


def test_without_apprise_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(ConfigError, match=r'pip install "fleetwire\[notify\]"'):
        Notifier(NotifySettings(urls={"phone": "json://127.0.0.1/"}))
    Notifier(NotifySettings())  # nobody needs it who delivers to nobody


def test_a_target_that_a_rule_names_must_exist(service: Service) -> None:
    one = Notifier(NotifySettings(urls={"phone": service.url}))
    one.check_targets({"phone"})
    with pytest.raises(ConfigError, match="a rule delivers to mail, but urls has no target of that name: phone"):
        one.check_targets({"phone", "mail"})


def test_a_mistake_of_ours_does_not_reach_the_server(
    notifier: Callable[..., Notifier], service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    notifier({"phone": service.url}).notify(alert(1), targets=3)  # type: ignore[arg-type]
    assert "alert 1 was not handed over: TypeError" in caplog.text


def test_a_letter_names_the_gravest_first_and_what_is_over_last() -> None:
    rows = [alert(1, "warning"), alert(2, "info", "cleared"), alert(3, "critical")]
    assert letter(rows, 0) == Letter("3 alerts", "critical: alert 3\nwarning: alert 1\nover: alert 2", "critical")
    assert letter([], 7) == Letter("7 alerts", "and 7 more", "warning")
