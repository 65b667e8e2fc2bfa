"""The flags that every command with a server shares, and how the settings come of them."""

import argparse
import logging
import os
import ssl
from pathlib import Path
from typing import Any

from msgspec import structs

from fleetwire.config import Loaded, Settings, config_directory, load
from fleetwire.server.origin import is_loopback
from fleetwire.tokenfile import TokenFile
from fleetwire.wire.errors import ConfigError

FLAGS = ("host", "port", "auth_token", "tls_cert", "tls_key", "log_level", "database", "rules", "drop_folder")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("--host", help="address to listen on (127.0.0.1)")
    parser.add_argument("--port", help="port to listen on; 0 picks a free one (8765)")
    parser.add_argument("--auth-token", metavar="TOKEN", help="what clients authenticate with")
    parser.add_argument("--tls-cert", metavar="FILE", help="a certificate (PEM): speak wss and https; with --tls-key")
    parser.add_argument("--tls-key", metavar="FILE", help="its key (PEM)")
    parser.add_argument("--log-level", metavar="LEVEL", help="debug, info, warning or error")
    add_config_argument(parser)


def add_config_argument(parser: argparse.ArgumentParser) -> None:
    """Declare --config."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="a TOML file (./fleetwire.toml, if there is one)")


def add_server_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare where a running server is, and the token for it."""
    parser.add_argument("--url", help="of the server (ws://127.0.0.1:8765)")
    parser.add_argument("--ca-file", type=Path, metavar="FILE", help="whom to trust for wss://, where no system does")
    parser.add_argument("--auth-token", metavar="TOKEN", help="the token (the one kept by fleetwire token)")
    add_config_argument(parser)


def server_of(args: argparse.Namespace) -> tuple[str, str]:
    """Find the running server that is meant: its URL, and the token for it.

    Raises:
        ConfigError: a setting is wrong, or there is no token.
    """
    found = loaded(args).settings
    token = found.auth_token or token_file().read()
    if token is None:
        raise ConfigError("no token: give --auth-token or WEBSOCKET_AUTH_TOKEN")
    host = "127.0.0.1" if found.host in ("0.0.0.0", "::", "") else found.host  # noqa: S104
    scheme = "wss" if found.tls_cert else "ws"
    here = f"{scheme}://[{host}]:{found.port}" if ":" in host else f"{scheme}://{host}:{found.port}"
    return args.url or here, token


def tls_of(args: argparse.Namespace) -> ssl.SSLContext | None:
    """Make the context for wss:// of `--ca-file`; None for the system's own certificates.

    Raises:
        ConfigError: the file can't be used.
    """
    if args.ca_file is None:
        return None
    try:
        return ssl.create_default_context(cafile=args.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"--ca-file: {args.ca_file} can't be used: {error.strerror or error}") from None


def loaded(args: argparse.Namespace) -> Loaded:
    """Put the settings together: flag over environment over file over default.

    Raises:
        ConfigError: one of them is wrong.
    """
    flags: dict[str, Any] = {name: getattr(args, name, None) for name in FLAGS}
    return load(flags, os.environ, args.config)


def token_file() -> TokenFile:
    """Find where the generated token is kept."""
    return TokenFile(config_directory(os.environ))


def with_token(settings: Settings) -> tuple[Settings, str | None]:
    """Complete the settings with the kept token, made now if there is none; on loopback only.

    Returns:
        The settings, and the token if it was made just now.
    """
    if settings.auth_token is not None or not is_loopback(settings.host):
        return settings, None
    kept = token_file()
    found = kept.read()
    if found is not None:
        return structs.replace(settings, auth_token=found), None
    made = kept.make()
    return structs.replace(settings, auth_token=made), made


def set_up_logging(level: str) -> None:
    """Log fleetwire's own words, and others' warnings only: what libraries say at DEBUG can hold a token."""
    logging.basicConfig(format="%(asctime)s %(levelname)-7s %(message)s", level=logging.WARNING)
    logging.getLogger("fleetwire").setLevel(level.upper())
