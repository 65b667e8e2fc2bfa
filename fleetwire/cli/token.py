"""`fleetwire token`: the admin's token, and those made beside it: create, list, rotate, revoke."""

import argparse
import asyncio
import os
import re
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from fleetwire.cli import settings
from fleetwire.cli.asking import Api
from fleetwire.cli.settings import token_file
from fleetwire.config import Settings, default_database, server_key
from fleetwire.hub.tokens import Tokens
from fleetwire.integration.tokens import KeptTokens
from fleetwire.storage import open_store, without_password
from fleetwire.wire.audit import AuditTrail
from fleetwire.wire.errors import ConfigError, NotConnectedError
from fleetwire.wire.tokens import Binding, IssuedToken, Scopes, TokenRequest, TokenRow

Answer = TypeVar("Answer")
_BY = "cli"
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_LISTS = (
    ("account", "accounts", "Server/login", "it sees this account; may be repeated, as all of these"),
    ("expert", "experts", "EA_ID", "it sees this expert"),
    ("group", "groups", "GROUP", "it sees the experts of this group"),
    ("channel", "channels", "CHANNEL", "it hears this channel, and no other that is not named"),
    ("command", "commands", "COMMAND", "it gives this command, and no other that is not named"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what can be done."""
    actions = parser.add_subparsers(metavar="new | create | list | rotate | revoke", dest="action")
    actions.add_parser("new", help="make a new admin token in the place of the old one")
    create = actions.add_parser("create", help="make a token with a role", description="Make a token with a role.")
    create.add_argument("role", choices=["viewer", "operator", "expert", "publisher", "admin"], help="what it may do")
    create.add_argument("--name", default="", help="for people")
    for flag, name, metavar, text in _LISTS:
        create.add_argument(f"--{flag}", dest=name, action="append", default=[], metavar=metavar, help=text)
    create.add_argument(
        "--of", type=_binding, metavar="Server/login:magic[:symbol[:name]]", help="the expert whose token it is"
    )
    create.add_argument("--expires", metavar="30d|UTC", help="after so long (s m h d), or at this time; never")
    listing = actions.add_parser("list", help="list tokens", description="List tokens; never the tokens themselves.")
    rotate = actions.add_parser(
        "rotate", help="give a token another secret", description="Give a token another secret."
    )
    rotate.add_argument("--overlap", default="1h", metavar="1h", help="how long the one before counts as well (1h)")
    revoke = actions.add_parser("revoke", help="let a token count no more", description="Let a token count no more.")
    for action in (rotate, revoke):
        action.add_argument("token_id", metavar="TOKEN_ID", help="its id, as list shows it")
    for action in (create, rotate):
        action.add_argument("--to", type=Path, metavar="FILE", help="write the token into this new file, not here")
    for action in (create, listing, rotate, revoke):
        settings.add_server_arguments(action)
        action.add_argument("--database", metavar="FILE", help="where they are kept; a running server is not asked")


def run(args: argparse.Namespace) -> int:
    """Do what is asked.

    Raises:
        FleetwireError: it can't be done; says why.
    """
    if args.action in (None, "new"):
        return _admin(args.action)
    if args.action in ("create", "rotate"):
        _check_where_to(args.to)
    desk = _Desk(args)
    asyncio.run(_DO[args.action](args, desk))
    print(desk.through, file=sys.stderr)
    return 0


def _admin(action: str | None) -> int:
    """Show where the admin's token is; make one if there is none, or if asked."""
    kept = token_file()
    replaces = kept.path.exists()
    if action != "new" and kept.read() is not None:
        print(f"the token is kept in {kept.path} (admin)")
        return 0
    token = kept.make()
    if sys.stdout.isatty():
        print(f"{token}   (admin; shown this once; kept in {kept.path})")
    else:
        print(f"made, and kept in {kept.path} (admin)")
    if replaces:
        print("servers that run already go on with the token they have until they are started again", file=sys.stderr)
    return 0


# ---------------------------------------------------------------------------------------------------------- the desk


class _Desk:
    """Who makes and keeps tokens: the running server, or else the database.

    Args:
        args: of the command line.

    Raises:
        ConfigError: a setting is wrong.
    """

    def __init__(self, args: argparse.Namespace) -> None:
        self.through = ""  # who it was, once it was asked
        self._args = args
        self._settings = settings.loaded(args).settings

    async def create(self, request: TokenRequest) -> IssuedToken:
        """Make a token."""
        return await self._ask(IssuedToken, "POST", "tokens", request, lambda kept: kept.create(request, _BY))

    async def rotate(self, token_id: str, overlap_s: float) -> IssuedToken:
        """Give a token another secret."""
        path, body = f"tokens/{_in_path(token_id)}/rotate", {"overlap_s": overlap_s}
        return await self._ask(IssuedToken, "POST", path, body, lambda kept: kept.rotate(token_id, overlap_s, _BY))

    async def revoke(self, token_id: str) -> TokenRow:
        """Let a token count no more."""
        path = f"tokens/{_in_path(token_id)}/revoke"
        return await self._ask(TokenRow, "POST", path, None, lambda kept: kept.revoke(token_id, _BY))

    async def listed(self) -> list[TokenRow]:
        """List tokens."""

        async def from_database(kept: KeptTokens) -> dict[str, Any]:
            return {"items": msgspec.to_builtins(kept.listed())}

        page = await self._ask(dict[str, Any], "GET", "tokens?limit=1000", None, from_database)
        return [msgspec.convert(row, TokenRow) for row in page["items"]]

    async def _ask(
        self,
        kind: type[Answer],
        method: str,
        path: str,
        body: Any,
        in_database: Callable[[KeptTokens], Coroutine[Any, Any, Answer]],
    ) -> Answer:
        token = self._settings.auth_token or token_file().read()
        if self._args.database is None and token is not None:
            api = Api(self._args.url or _url_of(self._settings), token, settings.tls_of(self._args))
            try:
                found = msgspec.convert(await api.ask(method, path, body), kind)
            except NotConnectedError:
                if self._args.url is not None:
                    raise
            else:
                self.through = f"(through the server at {api.url})"
                return found
        return await self._in_database(in_database)

    async def _in_database(self, do: Callable[[KeptTokens], Coroutine[Any, Any, Answer]]) -> Answer:
        database = self._settings.database or str(default_database(os.environ))
        if database == ":memory:":
            raise ConfigError("no server answers, and the database is in memory only: start the server first")
        store = open_store(database, self._settings.retention)
        memory = await store.open()
        try:
            tokens = Tokens(self._settings.limits.tokens_max)
            tokens.restore(kept.token for kept in memory.tokens)
            seal = server_key(self._settings, os.environ).seal
            found = await do(
                KeptTokens(
                    tokens,
                    store.keep,
                    AuditTrail(memory.audit_head),
                    lambda: time.time_ns() // 1_000_000,
                    lambda: None,
                    seal,
                )
            )
        finally:
            await store.close()
        asked = "" if self._args.database else "no server answers: "
        self.through = f"({asked}in the database {without_password(database)})"
        return found


def _url_of(found: Settings) -> str:
    host = "127.0.0.1" if found.host in ("0.0.0.0", "::", "") else found.host  # noqa: S104
    return f"ws://[{host}]:{found.port}" if ":" in host else f"ws://{host}:{found.port}"


def _in_path(token_id: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", token_id):
        raise ConfigError("that is no id of a token: fleetwire token list shows them")
    return token_id


# ----------------------------------------------------------------------------------------------------------- actions


async def _create(args: argparse.Namespace, desk: _Desk) -> None:
    scopes = {name: getattr(args, name) for _, name, _, _ in _LISTS}
    words: dict[str, Any] = {"role": args.role, "name": args.name}
    if args.expires is not None:
        seconds = _seconds(args.expires)
        words |= {"expires_at": args.expires} if seconds is None else {"lifetime_s": seconds}
    try:
        request = msgspec.convert(
            {**words, "scopes": msgspec.convert(scopes, Scopes, strict=False)}, TokenRequest, from_attributes=True
        )
    except msgspec.ValidationError as error:
        raise ConfigError(str(error).replace("`", "")) from None
    _hand_out(await desk.create(msgspec.structs.replace(request, expert=args.of)), args.to)


async def _rotate(args: argparse.Namespace, desk: _Desk) -> None:
    overlap_s = _seconds(args.overlap)
    if overlap_s is None:
        raise ConfigError(f"--overlap {args.overlap!r:.40} is no stretch of time: give 0s, 30m, 1h or 2d")
    _hand_out(await desk.rotate(args.token_id, overlap_s), args.to)


async def _revoke(args: argparse.Namespace, desk: _Desk) -> None:
    row = await desk.revoke(args.token_id)
    print(f"{row.token_id} is revoked since {row.revoked_at}")


async def _list(_: argparse.Namespace, desk: _Desk) -> None:
    rows = await desk.listed()
    for row in rows:
        print(f"{row.token_id}  {row.role:<9} {row.status:<8} {_ends(row):<34} {_limits(row):<24} {row.name}".rstrip())
    if not rows:
        print("there are no tokens beside those of the settings")


_DO: dict[str, Callable[[argparse.Namespace, _Desk], Coroutine[Any, Any, None]]] = {
    "create": _create,
    "list": _list,
    "rotate": _rotate,
    "revoke": _revoke,
}


def _ends(row: TokenRow) -> str:
    if row.revoked_at is not None:
        return f"since {row.revoked_at}"
    return f"until {row.expires_at}" if row.expires_at is not None else "until revoked"


def _limits(row: TokenRow) -> str:
    if row.expert is not None:
        own = row.expert
        return ":".join(str(part) for part in (f"{own.server}/{own.login}", own.magic, own.symbol, own.name) if part)
    listed = msgspec.to_builtins(row.scopes)
    return " ".join(f"{name}={','.join(map(str, each))}" for name, each in listed.items() if each) or "everything"


# -------------------------------------------------------------------------------------------------------- the secret


def _check_where_to(file: Path | None) -> None:
    """See to it, before a token is made, that it can be handed out.

    Raises:
        ConfigError: it would be lost, or written to whatever reads the output.
    """
    if file is None and not sys.stdout.isatty():
        raise ConfigError("a token is shown on a terminal only, and this is none: give --to FILE")
    if file is not None and file.exists():
        raise ConfigError(f"{file} exists already: give a new file")


def _hand_out(issued: IssuedToken, file: Path | None) -> None:
    """Show a token, this once; or write it into a file that only its owner can read."""
    about = issued.about
    if file is None:
        print(f"{issued.token}   ({about.role}, {about.token_id}; shown this once, and kept nowhere)")
        return
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as written:
            written.write(issued.token + "\n")
    except OSError as error:
        raise ConfigError(
            f"{file}: {about.token_id} can't be written there ({error.strerror}): revoke it, and create another"
        ) from error
    print(f"{about.token_id} ({about.role}) is in {file}, which only you can read")


def _seconds(text: str) -> float | None:
    """Read a stretch of time, like 30m; None where it is none."""
    found = re.fullmatch(r"([0-9]{1,9})([smhd])", text)
    return None if found is None else float(int(found[1]) * _UNITS_S[found[2]])


def _binding(text: str) -> Binding:
    account, _, rest = text.partition(":")
    server, _, login = account.rpartition("/")
    magic, *more = rest.split(":", 2)
    words: dict[str, Any] = {"server": server, "login": login, "magic": magic}
    words |= dict(zip(("symbol", "name"), more, strict=False))
    try:
        return msgspec.convert(words, Binding, strict=False)
    except msgspec.ValidationError as error:
        raise argparse.ArgumentTypeError(str(error).replace("`", "")) from None
