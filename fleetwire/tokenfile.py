"""The generated token: made once, kept in the user's own folder, readable by nobody else."""

import os
from pathlib import Path

from fleetwire.wire.errors import ConfigError
from fleetwire.wire.signature import new_token


class TokenFile:
    """Where the generated token is kept.

    Args:
        directory: the user's own folder.
    """

    def __init__(self, directory: Path) -> None:
        self.path = directory / "token"

    def read(self) -> str | None:
        """Give the token, or None where none was made.

        Raises:
            ConfigError: the file can't be read, or is empty.
        """
        try:
            token = self.path.read_text("utf-8").strip()
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{self.path}: the token can't be read: {error}") from error
        if not token:
            raise ConfigError(f"{self.path}: holds no token: remove it, and a new one is made")
        return token

    def make(self) -> str:
        """Make a new token, keep it in the place of any older one, and give it.

        Raises:
            ConfigError: the file can't be written.
        """
        token = new_token()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            fresh = self.path.with_suffix(".new")
            fresh.unlink(missing_ok=True)
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(token + "\n")
            fresh.replace(self.path)
        except OSError as error:
            raise ConfigError(f"{self.path}: the token can't be kept: {error.strerror}: give --auth-token") from error
        return token
