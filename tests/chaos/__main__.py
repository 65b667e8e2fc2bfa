"""`make chaos`: kills servers and experts at every point in turn, a thousand times, and looks at what is left."""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos.mortal import EXPERT_POINTS, SERVER_POINTS
from tests.chaos.rig import Kill, Rig, zygote

CHECKED_EVERY = 100
ONCE = ("cancel", "refusal", "time")  # what a round does only once
OFTEN = ("commit", "send")  # and what it does many times


async def chaos(kills: int, seed: int) -> int:
    """Kill so many; give how many points were never passed."""
    chance = random.Random(seed)
    everywhere = [("server", point) for point in SERVER_POINTS] + [("expert", point) for point in EXPERT_POINTS]
    killed = dict.fromkeys(everywhere, 0)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        async with zygote() as mother:
            rig = Rig(mother, Path(folder))
            rounds = 0
            while rig.kills < kills:
                for role, point in chance.sample(everywhere, len(everywhere)):
                    what = point.partition(".")[0]
                    at_most = 1 if not killed[role, point] or what in ONCE else 12 if what in OFTEN else 3
                    killed[role, point] += await rig.round(Kill(role, point, chance.randint(1, at_most)))
                    rounds += 1
                    if rounds % CHECKED_EVERY == 0:
                        await rig.check()
                        print(f"{rig.kills} kills, {len(rig.acknowledged)} commands, {time.monotonic() - began:.0f} s")
                    if rig.kills >= kills:
                        break
            await rig.check()
    for (role, point), count in killed.items():
        print(f"{count:6} x  {role:6}  {point}")
    print(f"{rig.kills} kills, {len(rig.acknowledged)} commands acknowledged: none twice, none lost, every end told")
    missed = [f"{role} {point}" for (role, point), count in killed.items() if not count]
    print(f"never passed: {', '.join(missed) or 'none'} of {len(killed)} points")
    return len(missed)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    sys.exit(bool(asyncio.run(chaos(asked.kills, asked.seed))))
