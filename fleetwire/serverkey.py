"""The server's key: it seals the keys that sign experts' commands, and is kept apart from the database."""

import logging
import re
import secrets
from pathlib import Path

from fleetwire.secretfile import read_secret, write_secret
from fleetwire.wire.errors import ConfigError
from fleetwire.wire.signature import KEY_BYTES, derive_key, open_key, seal_key

logger = logging.getLogger("fleetwire.serverkey")


class ServerKey:
    """Seals signing keys and opens them.

    Args:
        path: the file that has the key: 64 hexadecimal digits. It is made when something is sealed for the first time.
            None for a key that ends with the process, as a database in memory does.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._key = secrets.token_bytes(KEY_BYTES) if path is None else None

    def __repr__(self) -> str:
        """Show where it is, and not the key."""
        return f"<ServerKey {self.where}>"

    @property
    def where(self) -> str:
        """Where the key is kept."""
        return "in memory" if self._path is None else str(self._path)

    def seal(self, token_id: str, token: str) -> bytes:
        """Derive the key that signs the commands of an expert from its token, and seal it.

        Raises:
            ConfigError: the server's key can't be read, or not be made.
        """
        key = self._read()
        if key is None:
            key = self._key = _make(Path(self.where))
        return seal_key(key, token_id, derive_key(token))

    def open(self, token_id: str, sealed: bytes) -> bytes:
        """Open what `seal` gave.

        Raises:
            ConfigError: the server's key can't be read.
            DataError: it was altered, is another token's, or was sealed with another key.
        """
        key = self._read()
        if key is None:
            raise ConfigError(f"{self._path}: there is no such file: put it back, or rotate the tokens of the experts")
        return open_key(key, token_id, sealed)

    def _read(self) -> bytes | None:
        if self._key is None and self._path is not None:
            try:
                text = read_secret(self._path)
            except (OSError, UnicodeDecodeError) as error:
                raise ConfigError(f"{self._path}: the server's key can't be read: {error}") from None
            if text is not None and not re.fullmatch(f"[0-9a-f]{{{2 * KEY_BYTES}}}", text):
                raise ConfigError(
                    f"{self._path}: is no server's key ({2 * KEY_BYTES} hexadecimal digits): put the right file "
                    "back; or remove it, and rotate the tokens of the experts"
                )
            self._key = bytes.fromhex(text) if text is not None else None
        return self._key


def _make(path: Path) -> bytes:
    key = secrets.token_bytes(KEY_BYTES)
    try:
        write_secret(path, key.hex())
    except OSError as error:
        raise ConfigError(f"{path}: the server's key can't be kept: {error.strerror}") from None
    logger.info("made the key that seals experts' signing keys: %s; keep a copy, apart from the database's", path)
    return key
