"""Tokens of simulated experts' own, so that their commands are signed: made for a run, and revoked after it."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from fleetwire.cli.asking import Api
from fleetwire.sources.simulator import SimulatedExpert
from fleetwire.wire.errors import AuthenticationError, ConfigError, FleetwireError
from fleetwire.wire.tokens import Binding, IssuedToken, RotateRequest, TokenRequest, TokenRow

NAME: Final = "fleetwire simulate"
"""Of each such token: only those are ever touched."""
_REVOKING_S: Final = 10.0


class ExpertTokens:
    """Makes tokens for experts. A run that was killed left its tokens behind: they are given another secret.

    Args:
        api: of the server, with an admin's token.
        experts: who get one.
    """

    def __init__(self, api: Api, experts: Sequence[SimulatedExpert]) -> None:
        self.made = self.rotated = 0
        self._api = api
        self._bindings = {
            expert.ea_id: msgspec.convert(expert.expert, Binding, from_attributes=True) for expert in experts
        }
        self._ids: list[str] = []

    @staticmethod
    async def are_possible(api: Api) -> bool:
        """Tell whether the token that is asked with may make others."""
        try:
            await api.ask("GET", "tokens?limit=1")
        except AuthenticationError:
            return False
        return True

    async def make(self) -> dict[int, str]:
        """Give each expert's token, by the expert's id.

        Raises:
            FleetwireError: the server makes none.
        """
        known = await self._known()
        secrets = {}
        for ea_id, binding in self._bindings.items():
            token_id = known.get(binding)
            if token_id is not None:
                issued = await self._ask(f"tokens/{token_id}/rotate", RotateRequest(overlap_s=0.0))
                self.rotated += 1
            else:
                issued = await self._ask("tokens", TokenRequest(role="expert", name=NAME, expert=binding))
                self.made += 1
            self._ids.append(issued.about.token_id)
            secrets[ea_id] = issued.token
        return secrets

    async def revoke(self) -> int:
        """Let them count no more, within some seconds; give how many are left. Fails never."""
        try:
            async with asyncio.timeout(_REVOKING_S):
                while self._ids:
                    with contextlib.suppress(ConfigError):  # the server does not know it any more
                        await self._api.ask("POST", f"tokens/{self._ids[-1]}/revoke")
                    self._ids.pop()
        except (TimeoutError, FleetwireError):
            pass
        return len(self._ids)

    async def _known(self) -> dict[Binding, str]:
        page = await self._api.ask("GET", "tokens?limit=1000")
        rows = [msgspec.convert(row, TokenRow) for row in page["items"]]
        return {
            row.expert: row.token_id
            for row in rows
            if row.name == NAME and row.status == "active" and row.expert is not None
        }

    async def _ask(self, path: str, body: Any) -> IssuedToken:
        return msgspec.convert(await self._api.ask("POST", path, body), IssuedToken)
