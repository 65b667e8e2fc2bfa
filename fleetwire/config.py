"""Settings: flag over environment over file over default; each is declared once, here."""

import difflib
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec import Meta, Struct

from fleetwire.fleet.broker_time import ServerTime
from fleetwire.fleet.commands import CommandLimits
from fleetwire.fleet.liveness import Silences
from fleetwire.fleet.news import NewsSettings
from fleetwire.hub.limits import Limits
from fleetwire.jwt import JwtSettings
from fleetwire.notify import NotifySettings
from fleetwire.serverkey import ServerKey
from fleetwire.storage.retention import Retention
from fleetwire.watchdog import WatchdogSettings
from fleetwire.wire.errors import ConfigError

ENV_PREFIX = "WEBSOCKET_"
FILE_NAME = "fleetwire.toml"
SECRETS = frozenset({"auth_token", "expert_token"})


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings of a server. Times in seconds."""

    host: Annotated[str, Meta(description="address to listen on; beyond this machine only with a token")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535, description="port to listen on; 0 picks a free one")] = 8765
    auth_token: Annotated[
        str | None, Meta(description="what clients authenticate with; made and kept when left out, on loopback only")
    ] = None
    expert_token: Annotated[
        str | None, Meta(description="what experts authenticate with who may only report; differs from auth_token")
    ] = None
    heartbeat_interval: Annotated[float, Meta(gt=0, le=86_400, description="seconds between two pings")] = 30.0
    heartbeat_timeout: Annotated[
        float, Meta(gt=0, le=86_400, description="seconds of silence after which a client is cut off")
    ] = 60.0
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="debug, info, warning or error")
    ] = "info"
    allowed_hosts: Annotated[list[str], Meta(description="further names under which the server is reached")] = []
    allowed_origins: Annotated[
        list[str], Meta(description='further origins whose pages may connect, like "https://coc.example"')
    ] = []
    base_path: Annotated[
        str, Meta(description='path under which a proxy serves it, like "/fleetwire" (docs/proxy.md)')
    ] = ""
    trusted_proxies: Annotated[
        list[str],
        Meta(description="proxies, as addresses or networks, whose X-Forwarded-For is believed (docs/proxy.md)"),
    ] = []
    tls_cert: Annotated[
        str | None,
        Meta(description="PEM file with a certificate: makes the port speak wss and https (docs/security.md)"),
    ] = None
    tls_key: Annotated[str | None, Meta(description="PEM file with the key of the certificate")] = None
    compression: Annotated[
        bool, Meta(description="take permessage-deflate from clients that offer it: fewer bytes for more CPU")
    ] = False
    database: Annotated[
        str | None,
        Meta(
            description='file in which the fleet is kept; `:memory:` for none, "postgresql://..." for PostgreSQL; '
            "fleetwire.db in your own configuration folder when left out"
        ),
    ] = None
    server_key: Annotated[
        str | None,
        Meta(
            description="file with the key that seals experts' signing keys (docs/commands.md); "
            "made when first needed; server.key in your own configuration folder when left out"
        ),
    ] = None
    rules: Annotated[str | None, Meta(description="file with rules of alerts and loss limits (docs/alerts.md)")] = None
    drop_folder: Annotated[
        str | None, Meta(description="folder whose JSON files are taken as reports (docs/sources.md)")
    ] = None
    calendars: Annotated[
        list[str], Meta(description="economic calendars: files or URLs of weekly JSON or ICS (docs/news.md)")
    ] = []
    accounts: Annotated[
        list[str], Meta(description='the only accounts that are taken, as "Server/login"; all, when left out')
    ] = []
    convert_to: Annotated[
        str, Meta(description="currency in which the portfolio is summed once more; none, when left out")
    ] = ""
    report_every: Annotated[
        float, Meta(ge=0.1, le=3600, description="seconds between two reports, as experts are told over HTTP")
    ] = 1.0
    sample_every: Annotated[
        float, Meta(ge=1, le=3600, description="seconds between two samples of balance and equity that are kept")
    ] = 10.0
    limits: Limits = Limits()
    silences: Silences = Silences()
    server_times: dict[str, ServerTime] = {}
    news: NewsSettings = NewsSettings()
    commands: CommandLimits = CommandLimits()
    retention: Retention = Retention()
    notify: NotifySettings = NotifySettings()
    watchdog: WatchdogSettings = WatchdogSettings()
    jwt: JwtSettings = JwtSettings()

    def __repr__(self) -> str:
        """Show where, and not the token."""
        return f"Settings(host={self.host!r}, port={self.port}, ...)"


class Loaded(NamedTuple):
    """Settings, and for each where it comes from: "flag", "environment", a file's path, or "default"."""

    settings: Settings
    origins: dict[str, str]


TABLES = ("limits", "silences", "server_times", "news", "commands", "retention", "notify", "watchdog", "jwt")
"""Settings that are tables of their own, in the file only; docs/configuration.md has them."""
_NOT_SHOWN = SECRETS | {"database", "calendars", "notify", "watchdog", "jwt"}  # a URL can hold a password
_LISTS = ("allowed_hosts", "allowed_origins", "trusted_proxies", "calendars", "accounts")

_FIELDS = {field.name: field for field in msgspec.structs.fields(Settings)}


def load(flags: Mapping[str, Any], environment: Mapping[str, str], file: Path | None = None) -> Loaded:
    """Put the settings together.

    Args:
        flags: by setting; None where none was given.
        environment: the process's.
        file: a TOML file; without it `./fleetwire.toml` and the user's own are looked for.

    Raises:
        ConfigError: a file that can't be read, an unknown setting, or a wrong value; says which, where, and what is
            meant.
    """
    values: dict[str, Any] = {}
    origins = dict.fromkeys(_FIELDS, "default")
    path = file or _find_file(environment)
    if path is not None:
        for name, value in _read_file(path).items():
            values[name] = _convert(name, value, f"{path}: {name}", strict=True)
            origins[name] = str(path)
    for name in _FIELDS:
        variable = ENV_PREFIX + name.upper()
        if name not in TABLES and environment.get(variable):
            text = environment[variable]
            value = [part.strip() for part in text.split(",") if part.strip()] if name in _LISTS else text
            values[name] = _convert(name, value, variable, strict=False)
            origins[name] = "environment"
    for name, value in flags.items():
        if name in _FIELDS and value is not None:
            values[name] = _convert(name, value, f"--{name.replace('_', '-')}", strict=False)
            origins[name] = "flag"
    return Loaded(Settings(**values), origins)


def read_settings(values: Mapping[str, Any], where: str) -> Settings:
    """Check settings that a program gives.

    Raises:
        ConfigError: an unknown setting, or a wrong value.
    """
    _check_names(values, where)
    return Settings(**{name: _convert(name, value, f"{where}: {name}", strict=True) for name, value in values.items()})


def default_database(environment: Mapping[str, str]) -> Path:
    """Give the file in which the fleet is kept where no other is named."""
    return config_directory(environment) / "fleetwire.db"


def server_key(settings: Settings, environment: Mapping[str, str]) -> ServerKey:
    """Give the key that seals the signing keys of experts; of a database in memory it ends with that."""
    if settings.server_key is None and settings.database == ":memory:":
        return ServerKey()
    path = settings.server_key or config_directory(environment) / "server.key"
    return ServerKey(Path(path).expanduser())


def config_directory(environment: Mapping[str, str]) -> Path:
    """Give the folder of the user's own files: %APPDATA% on Windows, else XDG_CONFIG_HOME or ~/.config."""
    if os.name == "nt" and environment.get("APPDATA"):
        return Path(environment["APPDATA"]) / "fleetwire"
    base = environment.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "fleetwire"


def _find_file(environment: Mapping[str, str]) -> Path | None:
    here = Path(FILE_NAME)
    own = config_directory(environment) / FILE_NAME
    return next((path for path in (here, own) if path.is_file()), None)


def _read_file(path: Path) -> dict[str, Any]:
    try:
        found = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: can't be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: is no TOML: {error}") from error
    _check_names(found, str(path))
    return found


def _check_names(values: Mapping[str, Any], where: str) -> None:
    for name in values:
        if name not in _FIELDS:
            near = difflib.get_close_matches(name, _FIELDS, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(_FIELDS)}"
            raise ConfigError(f"{where}: unknown setting {name}: {hint}")


def _convert(name: str, value: Any, where: str, *, strict: bool) -> Any:
    """Check one value; a flag or a variable is a text and may stand for a number."""
    if name == "log_level" and isinstance(value, str):
        value = value.lower()
    try:
        return msgspec.convert(value, _FIELDS[name].type, strict=strict)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None
    except msgspec.ValidationError as error:
        reason = str(error).replace("`", "").replace("Expected", "expected")
        shown = "" if name in _NOT_SHOWN else f" ({value!r:.60})"
        raise ConfigError(f"{where}{shown}: {reason}: {_description(name)}") from None


def _description(name: str) -> str:
    info = msgspec.inspect.type_info(_FIELDS[name].type)
    return (info.extra_json_schema or {}).get("description", "") if isinstance(info, msgspec.inspect.Metadata) else name


def describe() -> list[tuple[str, str, str, str]]:
    """List every setting but the sections: name, environment variable, default, what it is."""
    rows = []
    for name, field in _FIELDS.items():
        if name not in TABLES:
            default = field.default_factory() if field.default is msgspec.NODEFAULT else field.default
            rows.append((name, ENV_PREFIX + name.upper(), "" if default is None else str(default), _description(name)))
    return rows
