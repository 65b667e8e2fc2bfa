"""How far is fleetwire from the limit, and does it reach its figures? (Linux, gcc; see benchmarks/README.md)

python -m benchmarks.run [--rows burst,idle] [--rounds 7] [--quick]
"""

import argparse
import os
import sys

from benchmarks.native import LoadError, build, require_linux
from benchmarks.rows import HEAD, ROWS, Line, Scale
from benchmarks.subject import raise_file_limit
from benchmarks.table import markdown, taken

PACKAGES = ("websockets", "aiohttp", "msgspec")
CONNECTIONS = 10_000
_SPARE_FILES = 100


def scale(rounds: int | None, quick: bool, files_max: int) -> Scale:
    """Choose how much is measured; never more connections than there may be files."""
    most = min(CONNECTIONS, files_max - _SPARE_FILES)
    if quick:
        return Scale(rounds or 1, 0.5, 200, min(1000, most), min(500, most), True)
    return Scale(rounds or 7, 2.0, 1000, most, most, False)


def measured(names: list[str], how: Scale) -> list[Line]:
    """Measure some rows; one that fails says why in its place."""
    lines: list[Line] = []
    for name in names:
        print(f"{name} ...", file=sys.stderr, flush=True)
        try:
            lines += ROWS[name](how)
        except LoadError as error:
            lines.append(Line(name, f"failed: {error}", verdict="failed"))
    return lines


def main() -> None:
    """Measure, and print one table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description="Measures fleetwire.")
    parser.add_argument("--rows", default=",".join(ROWS), help=f"some of {', '.join(ROWS)}")
    parser.add_argument("--rounds", type=int, help="7, or 1 with --quick")
    parser.add_argument("--quick", action="store_true", help="little of everything: checks the harness, not the server")
    arguments = parser.parse_args()
    names = arguments.rows.split(",")
    unknown = [name for name in names if name not in ROWS]
    if unknown:
        parser.error(f"no row {', '.join(unknown)}: there are {', '.join(ROWS)}")
    require_linux()
    files_max = raise_file_limit()
    how = scale(arguments.rounds, arguments.quick, files_max)
    load_before = os.getloadavg()[0]
    build("client")
    build("limit")
    lines = measured(names, how)
    print(markdown(HEAD, lines))
    print(
        f"\n{'A quick run: these figures mean nothing. ' if how.quick else ''}{how.rounds} rounds (idle, storm, ",
        end="",
    )
    print(f"conflated, ingest: {min(how.rounds, 3)}), medians. {taken(PACKAGES, files_max, load_before)}")


if __name__ == "__main__":
    main()
