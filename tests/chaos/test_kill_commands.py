"""Whoever is killed, wherever: no command is carried out twice, none acknowledged is lost, every end is told."""

import re
from pathlib import Path

from fleetwire.client import expert
from fleetwire.integration import batches, orders
from tests.chaos.mortal import EXPERT_POINTS, SERVER_POINTS
from tests.chaos.rig import Kill, Rig, zygote

SHORT = [
    Kill("server", "submit.after_commit"),
    Kill("server", "submit.after_hand_over"),
    Kill("server", "answer.before_keep"),
    Kill("server", "answer.after_commit", 2),
    Kill("server", "report.after_commit"),
    Kill("server", "commit.after", 2),
    Kill("server", "send.before", 4),
    Kill("expert", "accepted.after_write"),
    Kill("expert", "begun.after_write"),
    Kill("expert", "handler.after"),
    Kill("expert", "outcome.after_write"),
    Kill("expert", "ack.after_send", 2),
]
"""Where it is most likely that something is lost or done twice; `make chaos` kills everywhere."""


async def test_whoever_is_killed_no_command_is_carried_out_twice_and_none_is_lost(tmp_path: Path) -> None:
    async with zygote() as mother:
        rig = Rig(mother, tmp_path)
        for kill in SHORT:
            assert await rig.round(kill), f"nobody passed {kill}"
        await rig.check()
        assert rig.kills == len(SHORT)


def test_the_points_are_all_there_are() -> None:
    """Each that the code names is one that is killed at, and the other way round."""
    said = set(re.findall(r'_at\(f?"([\w.]+)"\)', Path(expert.__file__).read_text("utf-8")))
    assert said
    assert said <= set(expert.POINTS) <= set(EXPERT_POINTS)
    assert set(batches.POINTS) <= set(SERVER_POINTS)
    text = "".join(Path(each.__file__).read_text("utf-8") for each in (batches, orders))
    assert set(re.findall(r"Point\.(\w+)", text)) == {point.value for point in batches.Point}
    assert set(re.findall(r"What\.(\w+)", text)) == {what.value for what in batches.What}
