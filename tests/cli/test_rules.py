"""`fleetwire rules check`: what is in force, what is wrong, and what a recorded day would have raised."""

import io
from pathlib import Path

import msgspec
import pytest

from fleetwire.cli import main
from fleetwire.cli.recording import LINE_CHARS_MAX, NAMED_MAX, Recording
from fleetwire.fleet.rules import default_rules, read_rules

DAY = Path(__file__).parents[1] / "data" / "recorded-day.jsonl"
MINE = """
[[rule]]
name = "ea_drawdown"
threshold = 12
for_s = 30

[[rule]]
name = "expert_silent"
enabled = false

[[limit]]
account = "*"
max_daily_loss_pct = 5
"""


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(MINE)
    return path


def test_every_rule_is_shown_with_where_it_is_from(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "check", str(mine)]) == 0
    output = capsys.readouterr().out
    rows = {line.split()[0]: line for line in output.splitlines() if line}
    assert set(default_rules().rules) <= rows.keys()
    assert rows["ea_drawdown"].split()[1:6] == ["expert", "warning", "30", "s", "yes"]
    assert f"default, changed by {mine}" in rows["ea_drawdown"]
    assert "drawdown_pct > threshold   (threshold 12)" in rows["ea_drawdown"]
    assert rows["expert_silent"].split()[4] == "no"
    assert rows["margin_call"].split()[5] == "default"
    assert "22 rules, 21 of them enabled; 1 loss limits" in output
    assert "limit *: max_daily_loss_pct 5.0, daily_pct_of initial" in output


def test_a_recorded_day_shows_what_would_have_been_raised_and_cleared(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "check", "--recording", str(DAY)]) == 0
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    told = [
        (line.split()[0][11:19], line.split()[1], line.split("  ", 2)[1:]) for line in lines if line.startswith("2026")
    ]
    assert [(time, status) for time, status, _ in told] == [
        ("08:02:00", "raised"),
        ("08:03:00", "raised"),
        ("08:03:00", "raised"),
        ("08:04:00", "cleared"),
        ("08:05:00", "cleared"),
        ("08:05:00", "cleared"),
        ("08:06:30", "raised"),
    ]
    assert "EA 12345 drawdown exceeds 10% (10.4%)" in lines[0]
    assert (
        "EA 1002 (XAUUSD) has been silent since 2026-11-23 08:02:30 UTC: the terminal is down, or cut off" in lines[1]
    )
    assert "portfolio (USD) drawdown exceeds 20% (21.9%)" in lines[2]
    assert "command 17 (pause) to EA 12345 is rejected: not allowed" in lines[6]
    assert lines[-2] == "23 lines: 1 command_update, 14 ea_update, 7 portfolio_update"
    assert lines[-1] == "4 raised, 3 cleared, 1 open at the end"
    assert captured.err == ""


def test_a_hold_is_over_when_it_would_have_been_not_at_the_next_line(mine: Path) -> None:
    recording = Recording(read_rules(MINE, "mine.toml"))
    with DAY.open() as file:
        rows = [row for row in recording.play(file) if row.rule == "ea_drawdown"]
    assert [(row.status, row.raised_at, row.cleared_at) for row in rows] == [
        ("raised", "2026-11-23T08:03:30.000Z", None),
        ("cleared", "2026-11-23T08:03:30.000Z", "2026-11-23T08:04:00.000Z"),
    ]


def ea_update(at: object = "2026-11-23T08:00:00Z", **data: object) -> str:
    return msgspec.json.encode({"type": "ea_update", "as_of": at, "data": {"ea_id": 1} | data}).decode()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "line 1: is no JSON"),
        ("[" * 100_000, "line 1: is no JSON"),
        ("[1]", "line 1: is no message: record a day with fleetwire tail --json"),
        ('{"type": "ea_update", "data": []}', "line 1: is no message"),
        (
            '{"at": "2026-11-23T08:00:00Z", "report": {"account": {}}}',
            "line 1: report: account: Object missing required",
        ),
        (
            '{"at": "2026-11-23T08:00:00Z", "report": {"terminal": {}}}',
            "line 1: report: no account says whose terminal",
        ),
        ('{"at": "2026-11-23T08:00:00Z", "report": 1}', "line 1: is no message"),
        ('{"type": "ea_update", "data": {}}', "line 1: ea_update: has no ea_id"),
        (ea_update(None), "line 1: says no time"),
        (ea_update("yesterday"), "line 1: says no time"),
        (ea_update("9" * 400), "line 1: says no time"),
        (ea_update(drawdown_pct="high"), "line 1: ea_update: drawdown_pct: of a wrong kind"),
        (ea_update(performance_metrics={"profit_factor": []}), "line 1: ea_update: profit_factor: of a wrong kind"),
        (ea_update(name="x" * LINE_CHARS_MAX), "line 1: is longer than"),
        ('{"type":"portfolio_update","data":{"by_currency":{"USD":1}}}', "portfolio_update: by_currency holds no sums"),
    ],
)
def test_a_line_that_can_not_be_read_is_named_and_the_rest_is_looked_at(line: str, said: str) -> None:
    recording = Recording(default_rules())
    rows = list(recording.play(io.StringIO(line + "\n\n" + ea_update(drawdown_pct=11.0) + "\n")))
    assert [row.rule for row in rows] == ["ea_drawdown"]
    assert (recording.bad, recording.lines) == (1, 3)
    assert said in recording.named[0]


def test_bad_lines_are_counted_and_only_the_first_are_named() -> None:
    recording = Recording(default_rules())
    assert list(recording.play(io.StringIO("x\n" * 1_000))) == []
    assert (recording.bad, len(recording.named)) == (1_000, NAMED_MAX)


def test_rows_may_stand_beside_their_time_and_time_never_goes_back() -> None:
    row = '{"at": "2026-11-23T09:00:00Z", "row": {"type": "ea_update", "data": {"ea_id": 1, "drawdown_pct": 11.0}}}'
    late = ea_update("2026-11-23T08:00:00Z", drawdown_pct=1.0)
    rows = list(Recording(default_rules()).play(io.StringIO(f"{row}\n{late}\n")))
    assert [(row.status, row.raised_at, row.cleared_at) for row in rows] == [
        ("raised", "2026-11-23T09:00:00.000Z", None),
        ("cleared", "2026-11-23T09:00:00.000Z", "2026-11-23T09:00:00.000Z"),
    ]


def test_of_a_report_the_account_and_the_terminal_are_looked_at() -> None:
    account = {"server": "Broker-Demo", "login": 5, "currency": "USD", "margin_level": 90.0, "margin_so_call": 100.0}
    terminal = {"id": "T1", "connected": False}
    lines = [
        {"at": f"2026-11-23T08:00:{second:02d}Z", "report": {"account": account, "terminal": terminal, "experts": [{}]}}
        for second in (0, 10, 20)
    ]
    recording = Recording(default_rules())
    rows = list(recording.play(io.StringIO("\n".join(msgspec.json.encode(line).decode() for line in lines))))
    assert [(row.rule, row.account, row.raised_at[11:19]) for row in rows] == [
        ("margin_level", "Broker-Demo/5", "08:00:00"),
        ("margin_call", "Broker-Demo/5", "08:00:00"),
        ("broker_connection_lost", "Broker-Demo/5", "08:00:15"),
    ]
    assert recording.bad == 0


def test_an_expert_that_is_removed_takes_its_alerts_along() -> None:
    lines = ea_update(drawdown_pct=11.0) + "\n" + ea_update(status="removed") + "\n"
    assert [row.status for row in Recording(default_rules()).play(io.StringIO(lines))] == ["raised", "cleared"]


def test_a_recording_with_nothing_to_look_at_is_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "day.jsonl").write_text("nothing\n")
    assert main(["rules", "check", "--recording", str(tmp_path / "day.jsonl")]) == 1
    captured = capsys.readouterr()
    assert "1 lines: nothing to look at" in captured.out
    assert "day.jsonl: 1 lines can't be read" in captured.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["rules"], "required: action"),
        (["rules", "chek"], "invalid choice: 'chek'"),
        (["rules", "check", "gone.toml"], "gone.toml: can't be read"),
        (["rules", "check", "--recording", "gone.jsonl"], "gone.jsonl: can't be read"),
        (["rules", "check", "--recording", "."], ".: can't be read"),
        (["rules", "check", str(DAY)], "recorded-day.jsonl: is no TOML"),
    ],
)
def test_what_can_not_be_checked_is_said_in_one_line(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.err.startswith("error: ")
    assert captured.err.count("\n") == 1
