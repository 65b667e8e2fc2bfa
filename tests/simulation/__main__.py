"""`make simulate`: weeks of many seeds, each in every detail. Ends with the first thing that is not right."""

import argparse
import sys
import time

from tests.simulation.faults import WILD
from tests.simulation.week import Week


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=6, help="how many weeks (6)")
    parser.add_argument("--first", type=int, default=1, help="the first seed (1)")
    parser.add_argument("--days", type=int, default=7, help="how long each is (7)")
    parser.add_argument("--wild", action="store_true", help="many more faults than there ever are")
    parser.add_argument("--minutes", type=float, default=10.0, help="begin no other week after so long (10)")
    args = parser.parse_args()
    until = time.monotonic() + args.minutes * 60
    for seed in range(args.first, args.first + args.seeds):
        if time.monotonic() > until:
            sys.stdout.write(f"{args.minutes:g} minutes are over: seeds from {seed} on were not tried\n")
            return 1
        try:
            sys.stdout.write(Week(seed, rates=WILD if args.wild else None).run(args.days).line() + "\n")
        except AssertionError:
            sys.stdout.write(f"seed {seed}: not right; repeat it with --first {seed} --seeds 1\n")
            raise
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
