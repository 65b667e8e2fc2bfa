"""The certificate of the server, loaded anew when its files change: no restart, no connection lost."""

import asyncio
import contextlib
import logging
import os
import ssl
from pathlib import Path

from fleetwire.ports import Clock, Timer
from fleetwire.wire.errors import ConfigError

logger = logging.getLogger("fleetwire.server")

_LOOK_EVERY_S = 10.0

_Seen = tuple[tuple[int, int, int], ...]


class Certificate:
    """A certificate with its key, as a context for TLS 1.2 and later.

    Args:
        cert: a file in PEM: the server's certificate, then those that lead to its authority.
        key: a file in PEM, without a password.
        clock: says when to look for new files.

    Raises:
        ConfigError: one of the files can't be used; says which, and why.
    """

    def __init__(self, cert: str | os.PathLike[str], key: str | os.PathLike[str], clock: Clock) -> None:
        self._cert, self._key, self._clock = Path(cert), Path(key), clock
        self._timer: Timer | None = None
        self._loading: asyncio.Future[None] | None = None
        self._seen = self._look()
        self.context = self._load()

    def watch(self) -> None:
        """Look for new files from time to time, in the running loop."""
        self._timer = self._clock.call_at(self._clock.monotonic() + _LOOK_EVERY_S, self._begin_look)

    def close(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _begin_look(self) -> None:
        """Look beside the loop: a disk may be slow."""
        self._loading = asyncio.get_running_loop().run_in_executor(None, self.renew)
        self.watch()

    def renew(self) -> None:
        """Load the files anew if they have changed; where they can't be used, the old ones stay."""
        with contextlib.suppress(OSError, ConfigError):  # in the middle of being replaced: look again later
            seen = self._look()
            if seen == self._seen:
                return
            self._seen = seen
            try:
                self.context = self._load()
            except ConfigError as error:
                logger.error("the certificate has changed, but the one from before stays in use: %s", error)
            else:
                logger.info("the certificate has changed: new connections are given the new one")

    def _look(self) -> _Seen:
        """Tell the files of now from those of then.

        Raises:
            ConfigError: one of them can't be read.
        """
        return tuple(_stat(path) for path in (self._cert, self._key))

    def _load(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION

        def refuse_password() -> str:
            raise ConfigError(
                f"tls_key: {self._key} has a password: give a key without one, readable by its owner only"
            )

        for name, path in (("tls_cert", self._cert), ("tls_key", self._key)):
            text = _read(path, name)
            if b"-----BEGIN " not in text:
                raise ConfigError(f"{name}: {path} is no PEM file: it has no line -----BEGIN ...")
        if b"PRIVATE KEY-----" not in _read(self._key, "tls_key"):
            raise ConfigError(f"tls_key: {self._key} holds no private key: are tls_cert and tls_key exchanged?")
        try:
            context.load_cert_chain(self._cert, self._key, refuse_password)
        except ssl.SSLError as error:
            why = "they do not belong together" if "MISMATCH" in str(error.reason) else str(error.reason or error)
            raise ConfigError(f"tls_cert {self._cert} and tls_key {self._key} can't be used: {why}") from None
        except OSError as error:
            raise ConfigError(f"tls_cert {self._cert}, tls_key {self._key}: {error.strerror}") from None
        return context


def _stat(path: Path) -> tuple[int, int, int]:
    try:
        found = path.stat()
    except OSError as error:
        raise ConfigError(f"{path}: can't be read: {error.strerror}") from None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _read(path: Path, name: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{name}: {path} can't be read: {error.strerror}") from None
