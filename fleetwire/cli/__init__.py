"""The command line: `fleetwire serve | demo | simulate | replay | import | report | tail | top | send | ...`."""

import argparse
import io
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from fleetwire.cli import (
    ack,
    audit,
    config,
    db,
    demo,
    imports,
    replay,
    report,
    rules,
    send,
    serve,
    simulate,
    tail,
    token,
    top,
)
from fleetwire.version import __version__
from fleetwire.wire.errors import ConfigError, FleetwireError

FAILED, MISUSED, INTERRUPTED = 1, 2, 130

_COMMANDS = (
    ("serve", serve, "serve WebSocket clients"),
    ("demo", demo, "serve a simulated fleet"),
    ("simulate", simulate, "let simulated experts report to a running server, and obey it"),
    ("replay", replay, "serve a MetaTrader 5 report, its deals as if they happened now"),
    ("import", imports, "put MetaTrader 5 reports into what is kept, as history"),
    ("report", report, "print the statistics of a MetaTrader 5 report"),
    ("tail", tail, "print what a client hears"),
    ("top", top, "show at a glance whether everything is all right"),
    ("send", send, "give a command to experts"),
    ("ack", ack, "acknowledge an alert, or list those that are open"),
    ("audit", audit, "look whether the audit is whole, or write it out"),
    ("rules", rules, "check the rules of alerts, also against a recorded day"),
    ("token", token, "show where the token is kept, or make a new one"),
    ("db", db, "look for damage in what is kept, or make a backup of it"),
    ("config", config, "check the configuration"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: without the program's name; the process's own, if left out.

    Returns:
        0 for success, 1 for a failure, 2 for a wrong use or configuration, 130 after Ctrl-C.
    """
    parser = _Parser(prog="fleetwire", description="The real-time heart of a command centre for MetaTrader 5.")
    parser.add_argument("--version", action="version", version=f"fleetwire {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, room, text in _COMMANDS:
        command = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        room.add_arguments(command)
        command.set_defaults(run=room.run)
    return _run(parser, arguments)


def start_websocket_server(arguments: Sequence[str] | None = None) -> int:
    """Run what `start_websocket_server.py` does: `fleetwire serve`."""
    parser = _Parser(prog="start_websocket_server.py", description="Serve WebSocket clients.")
    serve.add_arguments(parser)
    parser.set_defaults(run=serve.run)
    return _run(parser, arguments)


def _run(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> int:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a name that the terminal can't write costs a character, no more
    try:
        args = parser.parse_args(arguments)
        code = int(args.run(args))
        print(end="", flush=True)
        return code
    except FleetwireError as error:
        print(f"error: {error}", file=sys.stderr)
        return MISUSED if isinstance(error, ConfigError) else FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader of a pipe has seen enough
        sys.stderr.close()
        return FAILED
    except OSError as error:  # what else is opened, read or written has errors of its own
        print(f"error: the output can't be written: {error.strerror or error}", file=sys.stderr)
        _write_nothing_more()
        return FAILED


def _write_nothing_more() -> None:
    """Let what is still buffered go nowhere: the interpreter would complain of it at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


class _Parser(argparse.ArgumentParser):
    """Says what is wrong with the arguments in one line."""

    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message} (see {self.prog} --help)")
