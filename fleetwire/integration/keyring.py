"""Which key signs an expert's commands: that of the token it came in with, or of the token that was made for it."""

import logging
from collections.abc import Callable
from typing import Final

from fleetwire.fleet.events import ExpertId
from fleetwire.hub.tokens import Tokens
from fleetwire.serverkey import ServerKey
from fleetwire.wire.errors import ConfigError, DataError
from fleetwire.wire.tokens import Holder, Token

logger = logging.getLogger("fleetwire.commands")

_NAMED_MAX: Final = 5  # tokens that a complaint names


class Keyring:
    """Gives the signing keys of experts; a token that many share has none.

    Args:
        tokens: those in force.
        server_key: opens what was sealed.
        take_utc_ms: gives the time by which tokens expire.
    """

    def __init__(self, tokens: Tokens, server_key: ServerKey, take_utc_ms: Callable[[], int]) -> None:
        self._tokens = tokens
        self._server_key = server_key
        self._take_utc_ms = take_utc_ms
        self._told: set[str] = set()  # tokens whose key was said to be lost: commands are handed over again and again

    def __call__(self, expert: ExpertId, holder: Holder) -> bytes | None:
        """Give the key for an expert; None where there is none, and its commands go unsigned.

        An expert that came in with its own token knows the secret that it used, also while the one before still counts.
        One that speaks through a relay or a folder has its key all the same: from the newest token that is bound to it.

        Args:
            expert: who is to be commanded.
            holder: by which token it, or what speaks for it, came in.
        """
        own = self._tokens.get(holder.token_id)
        if own is not None and own.expert is not None and own.expert.is_of(expert):
            return self._opened(own, holder.secret)
        utc_ms = self._take_utc_ms()
        bound = [
            token
            for token in self._tokens.of_expert(expert.server, expert.login, expert.magic)
            if not token.is_over(utc_ms) and token.expert is not None and token.expert.is_of(expert)
        ]
        return self._opened(bound[-1], bound[-1].rotations) if bound else None

    def complaint(self) -> str | None:
        """Say which experts' commands can't be signed though a token was made for them; None where all can."""
        utc_ms = self._take_utc_ms()
        lost = [
            token.token_id
            for token in self._tokens.all()
            if token.expert is not None and not token.is_over(utc_ms) and not self._can_open(token)
        ]
        if not lost:
            return None
        more = f" and {len(lost) - _NAMED_MAX:,} more" if len(lost) > _NAMED_MAX else ""
        return (
            f"experts will refuse every command, since the keys of {len(lost):,} tokens can't be opened: put the file "
            f"with the server's key back ({self._server_key.where}), or rotate {', '.join(lost[:_NAMED_MAX])}{more}"
        )

    def _can_open(self, token: Token) -> bool:
        try:
            self._server_key.open(token.token_id, token.sealed_key)
        except (ConfigError, DataError):
            return False
        return True

    def _opened(self, token: Token, secret: int) -> bytes | None:
        sealed = token.sealed_key if secret == token.rotations else token.previous_sealed_key
        try:
            return self._server_key.open(token.token_id, sealed)
        except (ConfigError, DataError) as error:
            if token.token_id not in self._told:
                self._told.add(token.token_id)
                logger.error("commands go out unsigned, and their expert will refuse them: %s", error)
            return None
