"""The command line as a user meets it: what is printed, to whom, and with which exit code."""

import os
import pty
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import msgspec
import pytest

from fleetwire.version import __version__

ROOT = Path(__file__).parents[2]
REPORT = ROOT / "tests" / "data" / "ReportTester-Pendulum.html"
TOKEN = "canary-5d2e"

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A user who has nothing yet."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("WEBSOCKET_")}
    return clean | {"XDG_CONFIG_HOME": str(tmp_path / "config"), "APPDATA": str(tmp_path), "PYTHONPATH": str(ROOT)}


@pytest.fixture
def start(tmp_path: Path, environment: dict[str, str]) -> Iterator[Start]:
    """Start a command; what still runs at the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def run(*arguments: str, stdout: int | IO[str] = subprocess.PIPE, **more: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-m", "fleetwire", *arguments],
            cwd=tmp_path,
            env=environment | more,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def first_line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def url_in(line: str) -> str:
    return next(word for word in line.split() if word.startswith("ws://"))


def test_the_version(start: Start) -> None:
    assert start("--version").communicate(timeout=30)[0].strip() == f"fleetwire {__version__}"


@pytest.mark.parametrize(
    ("arguments", "said", "code"),
    [
        ((), "required: COMMAND (see fleetwire --help)", 2),
        (("serv",), "invalid choice: 'serv'", 2),
        (("serve", "--host", "0.0.0.0"), "refusing to listen on 0.0.0.0 without a token: give --auth-token", 2),
        (("serve", "--host", "::"), "refusing to listen on :: without a token", 2),
        (("serve", "--port", "eighty"), "--port ('eighty'): expected int", 2),
        (("serve", "--log-level", "loud"), "debug, info, warning or error", 2),
        (("serve", "--config", "gone.toml"), "gone.toml: can't be read", 2),
        (("serve", "--host", "192.0.2.1", "--auth-token", TOKEN), "no address of this machine", 1),
        (("demo", "--experts", "0"), "--experts must be a number from 1", 2),
        (("demo", "--speed", "0"), "--speed must be above 0", 2),
        (("replay", "gone.html"), "gone.html: the file can't be read", 1),
        (("replay", str(ROOT / "LICENSE")), "LICENSE: this is no report of MetaTrader 5", 1),
        (("replay", str(REPORT), "--speed", "fast"), "neither a number above 0 nor max", 2),
        (("report", "."), "is a directory", 1),
        (("tail", "nothing"), "no channel nothing: there are ea_updates", 2),
        (("tail",), "no token: give --auth-token", 2),
        (("tail", "--url", "ws://127.0.0.1:1", "--auth-token", TOKEN), "is the server running there", 1),
        (("tail", "--count", "0"), "'0' is no number above 0", 2),
        (("config", "chek"), "invalid choice: 'chek'", 2),
        (("config", "check", "--host", "0.0.0.0"), "refusing to listen on 0.0.0.0 without a token", 2),
    ],
)
def test_what_can_not_be_done_is_said_in_one_line(
    start: Start, arguments: tuple[str, ...], said: str, code: int
) -> None:
    process = start(*arguments)
    output, errors = process.communicate(timeout=30)
    assert (process.returncode, output) == (code, "")
    assert said in errors
    assert errors.startswith("error: ")
    assert errors.count("\n") == 1
    assert TOKEN not in errors


@pytest.mark.parametrize(("command", "shows_top"), [("demo", True), ("serve", False)])
def test_a_server_says_what_to_try_and_a_fleet_is_looked_at_with_top(
    start: Start, command: str, shows_top: bool
) -> None:
    server = start(command, "--port", "0", "--auth-token", TOKEN)
    url, _, third = (first_line(server) for _ in range(3))
    there = f" --url {url_in(url)} --auth-token ..."
    top = f"        fleetwire top{there}" if shows_top else ""
    assert third.rstrip() == f"try    fleetwire tail ea_updates alerts{there}{top}"


def test_an_occupied_port_is_one_line(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        process = start("serve", "--port", str(taken.getsockname()[1]))
        errors = process.communicate(timeout=30)[1]
    assert process.returncode == 1
    assert errors.count("\n") == 1
    assert "is taken by another program" in errors


def test_a_public_address_with_a_token_is_served_with_a_warning(start: Start) -> None:
    process = start("serve", "--host", "0.0.0.0", "--port", "0", "--auth-token", TOKEN)
    assert "ws://127.0.0.1:" in first_line(process)
    process.terminate()
    output, errors = process.communicate(timeout=10)
    assert "WARNING ws:// on 0.0.0.0 is readable by everybody on the way" in errors
    assert TOKEN not in output + errors
    assert process.returncode == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_a_server_with_a_client_that_does_not_answer_ends_within_five_seconds(
    start: Start, number: signal.Signals, code: int
) -> None:
    process = start("demo", "--port", "0")
    address = url_in(first_line(process)).removeprefix("ws://").split(":")
    with socket.create_connection((address[0], int(address[1]))) as mute:
        mute.sendall(
            f"GET / HTTP/1.1\r\nHost: {':'.join(address)}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        assert b"101 Switching Protocols" in mute.recv(65536)
        asked = time.monotonic()
        process.send_signal(number)
        process.communicate(timeout=10)
        assert time.monotonic() - asked < 5
    assert process.returncode == code


def test_a_made_token_is_kept_and_shown_to_no_pipe_and_serves_tail_by_itself(start: Start, tmp_path: Path) -> None:
    server = start("demo", "--port", "0", "--experts", "3")
    first, where, second = first_line(server), first_line(server), first_line(server)
    assert where.startswith("dashboard  ")
    assert "ticket" not in where  # a pipe may be a log
    assert "made now and kept in" in second
    token = (tmp_path / "config" / "fleetwire" / "token").read_text().strip()
    tail = start("tail", "--url", url_in(first), "--count", "5")
    lines, errors = tail.communicate(timeout=30)
    assert tail.returncode == 0, errors
    assert len(lines.splitlines()) == 5
    assert "5 messages, 0 gaps, last position" in errors
    server.terminate()
    output, log = server.communicate(timeout=10)
    assert token not in first + second + output + log + lines + errors


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_a_made_token_is_shown_whole_once_on_a_terminal(start: Start, tmp_path: Path) -> None:
    shown = []
    for _ in range(2):
        ours, theirs = pty.openpty()
        with open(theirs, "w") as terminal:
            server = start("serve", "--port", "0", stdout=terminal)
        text = b""
        while b"try " not in text:
            text += os.read(ours, 4096)
        os.close(ours)
        server.terminate()
        server.communicate(timeout=10)
        shown.append(text.decode())
    token = (tmp_path / "config" / "fleetwire" / "token").read_text().strip()
    assert [text.count(token) for text in shown] == [1, 0]
    assert "kept in" in shown[1]


def test_tail_as_json_is_one_message_a_line(start: Start) -> None:
    server = start("demo", "--port", "0", "--experts", "3", WEBSOCKET_AUTH_TOKEN=TOKEN)
    tail = start(
        "tail", "ea_updates", "--json", "--count", "3", "--url", url_in(first_line(server)), "--auth-token", TOKEN
    )
    lines = tail.communicate(timeout=30)[0].splitlines()
    messages = [msgspec.json.decode(line) for line in lines]
    assert [message["type"] for message in messages] == ["ea_update"] * 3
    assert {"data", "timestamp", "position", "key"} <= messages[0].keys()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is always full")
@pytest.mark.parametrize(
    "arguments", [("report", str(REPORT)), ("config", "check"), ("serve", "--port", "0"), ("token",)]
)
def test_an_output_that_cannot_be_written_is_one_line(start: Start, arguments: tuple[str, ...]) -> None:
    with open("/dev/full", "w") as full:
        process = start(*arguments, stdout=full)
        errors = process.communicate(timeout=30)[1]
    assert (process.returncode, errors.count("\n")) == (1, 1)
    assert errors.startswith("error: the output can't be written: ")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_tail_ends_with_the_code_of_the_signal_like_a_server(start: Start, number: signal.Signals, code: int) -> None:
    server = start("demo", "--port", "0", "--experts", "3", WEBSOCKET_AUTH_TOKEN=TOKEN)
    tail = start("tail", "--url", url_in(first_line(server)), "--auth-token", TOKEN)
    assert first_line(tail)
    tail.send_signal(number)
    tail.communicate(timeout=10)
    assert tail.returncode == code


def test_a_wrong_token_ends_tail_with_one_line(start: Start) -> None:
    server = start("serve", "--port", "0", WEBSOCKET_AUTH_TOKEN="the right one")
    tail = start("tail", "--url", url_in(first_line(server)), "--auth-token", TOKEN)
    errors = tail.communicate(timeout=30)[1]
    assert tail.returncode == 1
    assert errors.startswith("error: ")
    assert errors.count("\n") == 1
    assert TOKEN not in errors


def test_a_replay_ends_with_the_result_being_served(start: Start) -> None:
    server = start("replay", str(REPORT), "--speed", "max", "--port", "0", WEBSOCKET_AUTH_TOKEN=TOKEN)
    url = url_in(first_line(server))
    assert server.stdout is not None
    while "told; the result is served until Ctrl-C" not in server.stdout.readline():
        pass
    tail = start("tail", "ea_updates", "--json", "--count", "1", "--url", url, "--auth-token", TOKEN)
    row = msgspec.json.decode(tail.communicate(timeout=30)[0])["data"]
    figures = start("report", str(REPORT), "--json").communicate(timeout=30)[0]
    known = {name: value for name, value in msgspec.json.decode(figures).items() if value is not None}
    assert row["performance_metrics"] == known


def test_a_name_that_the_terminal_can_not_write_costs_a_character_and_no_more(start: Start, tmp_path: Path) -> None:
    (tmp_path / "fleetwire.toml").write_text('convert_to = "USD"\ndrop_folder = "外汇"\n', "utf-8")
    process = start("config", "check", PYTHONIOENCODING="ascii")
    output, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, "")
    assert "?? " in output


def test_config_check_tells_where_each_setting_comes_from_and_no_token(start: Start, tmp_path: Path) -> None:
    (tmp_path / "fleetwire.toml").write_text(f'port = 9000\nauth_token = "{TOKEN}"\nexpert_token = "{TOKEN}-2"\n')
    output = start("config", "check", "--host", "127.0.0.2", WEBSOCKET_LOG_LEVEL="DEBUG").communicate(timeout=30)[0]
    rows = {words[0]: (words[1], words[-1]) for words in map(str.split, output.splitlines())}
    assert rows["host"] == ("127.0.0.2", "flag")
    assert rows["log_level"] == ("debug", "environment")
    assert rows["port"] == ("9000", "fleetwire.toml")
    assert rows["auth_token"] == rows["expert_token"] == ("(given)", "fleetwire.toml")
    assert TOKEN not in output


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ('rules = "gone.toml"', "gone.toml: can't be read"),
        ('calendars = ["ftp://calendar.example/secret"]', "calendars: the calendar's address has to be"),
    ],
)
def test_config_check_finds_what_a_server_would_stumble_over(
    start: Start, tmp_path: Path, setting: str, said: str
) -> None:
    (tmp_path / "fleetwire.toml").write_text(setting)
    process = start("config", "check")
    errors = process.communicate(timeout=30)[1]
    assert (process.returncode, errors.count("\n")) == (2, 1)
    assert errors.startswith("error: ")
    assert said in errors
    assert "secret" not in errors


def test_config_check_shows_no_path_of_a_calendar_and_makes_no_file(start: Start, tmp_path: Path) -> None:
    (tmp_path / "fleetwire.toml").write_text('calendars = ["https://calendar.example/secret?key=1", "week.ics"]\n')
    output = start("config", "check").communicate(timeout=30)[0]
    assert "https://calendar.example/..., week.ics" in output
    assert "secret" not in output
    assert [path.name for path in tmp_path.iterdir()] == ["fleetwire.toml"]


def test_token_new_replaces_the_kept_one(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "config" / "fleetwire" / "token"
    output, errors = start("token").communicate(timeout=30)
    assert "made, and kept in" in output
    assert errors == ""  # nothing was replaced, so nothing runs with the old one
    before = path.read_text()
    assert "is kept in" in start("token").communicate(timeout=30)[0]
    assert path.read_text() == before
    start("token", "new").communicate(timeout=30)
    assert path.read_text() != before
