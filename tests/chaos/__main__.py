"""`make chaos`: kills servers and experts at every point in turn, a thousand times, and looks at what is left."""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from pathlib import Path

from fleetwire.client.expert import POINTS as EXPERT_POINTS
from tests.chaos.mortal import SERVER_POINTS
from tests.chaos.rig import Kill, Rig, zygote

CHECKED_EVERY = 100


async def chaos(kills: int, seed: int) -> int:
    """Kill so many; give how many points were never passed."""
    chance = random.Random(seed)
    everywhere = [("server", point) for point in SERVER_POINTS] + [("expert", point) for point in EXPERT_POINTS]
    never = dict.fromkeys(everywhere, True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        async with zygote() as mother:
            rig = Rig(mother, Path(folder))
            rounds = 0
            while rig.kills < kills:
                for role, point in chance.sample(everywhere, len(everywhere)):
                    first = never[role, point] or point.startswith(("time", "cancel", "refusal"))
                    if await rig.round(Kill(role, point, 1 if first else chance.choice((1, 1, 2, 3)))):
                        never[role, point] = False
                    rounds += 1
                    if rounds % CHECKED_EVERY == 0:
                        await rig.check()
                        print(f"{rig.kills} kills, {len(rig.acknowledged)} commands, {time.monotonic() - began:.0f} s")
                    if rig.kills >= kills:
                        break
            await rig.check()
    missed = [f"{role} {point}" for (role, point), is_so in never.items() if is_so]
    print(f"{rig.kills} kills, {len(rig.acknowledged)} commands acknowledged: none twice, none lost, every end told")
    print(f"never passed: {', '.join(missed) or 'none of the points'}")
    return len(missed)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    sys.exit(bool(asyncio.run(chaos(asked.kills, asked.seed))))
