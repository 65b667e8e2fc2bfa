"""The dead-man rule: what an expert does by itself when the centre has not been heard for too long."""

from typing import Final, NamedTuple

_ACTIONS: Final = {"pause": "pause", "close": "close_all"}
_LOOK_S: Final = 1.0  # at most so late is a rule seen that has just been given


class Rule(NamedTuple):
    """What to do, and after how many seconds of silence; `action` is `none`, `pause` or `close`."""

    after_s: float = 0.0
    action: str = "none"

    @property
    def command(self) -> str:
        """The command that carries it out."""
        return _ACTIONS[self.action]


NO_RULE: Final = Rule()


def rule_of(params: object) -> Rule:
    """Read the parameters of a `dead_man` command; nothing, or something else, is no rule."""
    if not isinstance(params, dict):
        return NO_RULE
    after_s, action = params.get("after_s"), params.get("action")
    if not isinstance(after_s, int | float) or after_s <= 0 or action not in _ACTIONS:
        return NO_RULE
    return Rule(float(after_s), action)


class DeadMan:
    """Measures how long the centre has been silent.

    Args:
        now: monotonic seconds; a start counts as a word of the centre.
    """

    def __init__(self, now: float) -> None:
        self.rule = NO_RULE
        self._heard_at = now
        self._has_fired = False

    @property
    def beat_s(self) -> float:
        """How often the centre has to be asked for a sign of life."""
        return float("inf") if self.rule.action == "none" else self.rule.after_s / 4

    def heard(self, now: float) -> None:
        """Note a sign of life: the rule may act again."""
        self._heard_at, self._has_fired = now, False

    def wait_s(self, now: float) -> float:
        """Tell for how long to wait until the next look; 0 or less when the rule has to act."""
        if self.rule.action == "none" or self._has_fired:
            return _LOOK_S
        return min(self._heard_at + self.rule.after_s - now, _LOOK_S)

    def fire(self) -> Rule:
        """Note that the rule acts; once for each silence."""
        self._has_fired = True
        return self.rule
