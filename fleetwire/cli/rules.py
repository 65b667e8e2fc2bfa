"""`fleetwire rules check [FILE]`: every rule as it would be used, and what a recorded day would have raised."""

import argparse
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import IO, Any

import msgspec

from fleetwire.cli import settings
from fleetwire.cli.recording import Recording
from fleetwire.fleet.lossrules import LossLimit
from fleetwire.fleet.rules import Rule, RuleBook
from fleetwire.rulefile import rule_book
from fleetwire.wire.errors import ConfigError
from fleetwire.wire.rows import AlertRow


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what is checked."""
    parser.add_argument("action", choices=["check"], help="check every rule, and print it")
    parser.add_argument(
        "file", nargs="?", type=Path, metavar="FILE", help="a rules file (TOML); the one in the settings, if left out"
    )
    parser.add_argument(
        "--recording", metavar="DAY.JSONL", help="what fleetwire tail --json printed (-: standard input): look at it"
    )
    settings.add_config_argument(parser)


def run(args: argparse.Namespace) -> int:
    """Print the rules; then what the recording raises and clears.

    Raises:
        ConfigError: a rule is wrong, or a file can't be read.
    """
    book = rule_book(args.file or settings.loaded(args).settings.rules)
    if args.recording is None:
        _print_book(book)
        return 0
    with _opened(args.recording) as file:
        return _rehearse(Recording(book), file, args.recording)


def _print_book(book: RuleBook) -> None:
    rows = [("rule", "subject", "level", "for", "on", "from", "when"), *map(_line, book.rules.values())]
    _print_table(rows)
    on = sum(rule.enabled for rule in book.rules.values())
    print(f"\n{len(book.rules)} rules, {on} of them enabled; {len(book.limits)} loss limits")
    for limit in book.limits:
        print(f"limit {limit.account}: {_terms(limit)}")


def _line(rule: Rule) -> tuple[str, ...]:
    return (
        rule.name,
        rule.subject.name,
        rule.level,
        f"{rule.for_s:g} s" if rule.for_s else "-",
        "yes" if rule.enabled else "no",
        rule.origin,
        _with_threshold(rule),
    )


def _with_threshold(rule: Rule) -> str:
    if rule.when is None:
        return "(the server finds it)"
    when = " ".join(rule.when.text.split())
    return when if rule.threshold is None else f"{when}   (threshold {rule.threshold:g})"


def _terms(limit: LossLimit) -> str:
    told: dict[str, Any] = msgspec.to_builtins(limit)
    return ", ".join(f"{name} {value}" for name, value in told.items() if name != "account" and value is not None)


def _print_table(rows: list[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _opened(name: str) -> Any:
    if name == "-":
        return nullcontext(sys.stdin)
    try:
        return open(name, encoding="utf-8", errors="replace")
    except OSError as error:
        raise ConfigError(f"{name}: can't be read: {error.strerror}") from error


def _rehearse(recording: Recording, file: IO[str], name: str) -> int:
    """Print what is raised and cleared, then the sums."""
    try:
        for row in recording.play(file):
            _print_alert(row)
    except OSError as error:
        raise ConfigError(f"{name}: can't be read: {error.strerror}") from error
    alerts = recording.alerts
    looked = ", ".join(f"{count:,} {kind}" for kind, count in sorted(recording.looked.items())) or "nothing to look at"
    print(f"\n{recording.lines:,} lines: {looked}")
    print(f"{alerts.raised:,} raised, {alerts.cleared:,} cleared, {alerts.open_count:,} open at the end")
    for text in recording.named:
        print(f"{name}: {text}", file=sys.stderr)
    if recording.bad:
        print(f"{name}: {recording.bad:,} lines can't be read", file=sys.stderr)
    return 0 if recording.looked else 1


def _print_alert(row: AlertRow) -> None:
    when = row.cleared_at if row.status == "cleared" else row.raised_at
    level = "" if row.status == "cleared" else row.level
    print(f"{when}  {row.status:<8} {level:<9} {row.rule:<20} {row.message}")
