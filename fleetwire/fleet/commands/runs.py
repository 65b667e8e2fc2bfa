"""Which run of each expert is the newest: an older one is fenced off."""

from collections import OrderedDict
from typing import Final

from fleetwire.wire.errors import ConflictError

_RUNS_MAX: Final = 8
"""Runs of one expert that are remembered."""
_EXPERTS_MAX: Final = 100_000


class Runs:
    """The last runs of every expert; the newest stands last."""

    def __init__(self) -> None:
        self._runs: OrderedDict[int, list[str]] = OrderedDict()

    def current(self, ea_id: int) -> str:
        """Give the newest run; empty where none is known."""
        return self._runs.get(ea_id, [""])[-1]

    def check(self, ea_id: int, boot_id: str) -> None:
        """Refuse an older run.

        Raises:
            ConflictError: the expert was started again since.
        """
        if boot_id and boot_id in self._runs.get(ea_id, ())[:-1]:
            raise ConflictError(f"EA {ea_id} was started again since its run {boot_id!r:.40}: that one has no say")

    def start(self, ea_id: int, boot_id: str) -> bool:
        """Note a run; tell whether one is named at all.

        Raises:
            ConflictError: a newer one is known.
        """
        self.check(ea_id, boot_id)
        if not boot_id:
            return False
        known = self._runs.setdefault(ea_id, [])
        self._runs.move_to_end(ea_id)
        if boot_id not in known:
            known.append(boot_id)
            del known[:-_RUNS_MAX]
        if len(self._runs) > _EXPERTS_MAX:
            self._runs.popitem(last=False)
        return True
