"""JSON Web Tokens of a site's own login (RFC 7519), checked here and never asked about: an extra.

A token is checked without waiting for anything: the keys are there already, and are fetched anew beside it. Exactly one
algorithm is taken, and only keys of its kind; so neither `none` nor a public key used as a secret gets anywhere.
"""

import asyncio
import contextlib
import logging
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

from fleetwire.hub.access import Access, Identity, Role
from fleetwire.wire.channels import CHANNEL_BY_NAME
from fleetwire.wire.errors import ConfigError
from fleetwire.wire.tokens import Scopes

logger = logging.getLogger("fleetwire.jwt")

_SECRET_BYTES_MIN: Final = 32  # RFC 7518 section 3.2
_RSA_BITS_MIN: Final = 2048
_RSA_BITS_MAX: Final = 8192  # beyond it, checking a signature takes long
_KEYS_MAX: Final = 32
_KEYS_BYTES_MAX: Final = 256 * 1024
_FETCH_S: Final = 10.0
_RETRY_S: Final = 30.0
_NAME_CHARS_MAX: Final = 60
_OWN_NAMES: Final = {role.value: role.value for role in (Role.viewer, Role.operator, Role.publisher)}
_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")


class JwtSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How tokens of a site's own login are checked; without an `algorithm` none are taken. Times in seconds."""

    algorithm: Literal["", "HS256", "RS256", "EdDSA"] = ""
    secret_file: str = ""
    keys: str = ""
    audience: str = ""
    issuer: str = ""
    leeway_s: Annotated[float, Meta(ge=0, le=300)] = 30.0
    refresh_s: Annotated[float, Meta(ge=30, le=86_400)] = 300.0
    role_claim: Annotated[str, Meta(min_length=1, max_length=128)] = "role"
    scopes_claim: Annotated[str, Meta(min_length=1, max_length=128)] = "scopes"
    scopes_required: bool = False
    roles: dict[str, Literal["viewer", "operator", "publisher", "admin"]] = {}

    def __post_init__(self) -> None:
        """Refuse what would check nothing."""
        if not self.algorithm:
            return
        if not self.audience or not self.issuer:
            raise ConfigError("jwt: give audience and issuer, so that tokens made for others are not taken here")
        if self.algorithm == "HS256" and (not self.secret_file or self.keys):
            raise ConfigError("jwt: HS256 needs secret_file, a file with the shared secret, and no keys")
        if self.algorithm != "HS256" and (not self.keys or self.secret_file):
            raise ConfigError(f"jwt: {self.algorithm} needs keys (a file, or an https:// URL) and no secret_file")
        url = urlsplit(self.keys)
        if url.scheme in ("http", "https") and (url.username or url.password):
            raise ConfigError("jwt: the URL of the keys must not hold a password")
        if url.scheme == "http" and url.hostname not in _LOOPBACK:
            raise ConfigError("jwt: keys must come over https://: who can change them on the way makes tokens")


def _pyjwt() -> Any:
    try:
        import jwt
        import jwt.algorithms
    except ImportError as missing:
        raise ConfigError('[jwt] needs an extra: pip install "fleetwire[jwt]"') from missing
    return jwt


class JwtVerifier:
    """`fleetwire.hub.access.Verifier` of a site's tokens.

    Args:
        settings: with an algorithm.

    Raises:
        ConfigError: the extra is not installed, or the secret can't be read or is too short.
    """

    def __init__(self, settings: JwtSettings) -> None:
        self._settings = settings
        self._jwt = _pyjwt()
        self.keys: Mapping[str, Any] = {}
        self.wanted = asyncio.Event()  # set when a token names a key that is not known
        if settings.algorithm == "HS256":
            self.keys = {"": _read_secret(Path(settings.secret_file))}

    def __call__(self, token: str, utc_ms: int) -> Identity | None:
        """Tell whose token it is; None for one that is not good, for whatever reason."""
        if token.count(".") != 2 or not token.startswith("ey"):
            return None
        try:
            return self._identity(token, utc_ms / 1000)
        except (self._jwt.PyJWTError, msgspec.ValidationError, ValueError, TypeError, LookupError, RecursionError):
            return None  # which of them is nobody's business: an error's text may hold the token
        except Exception:
            logger.error("a JSON Web Token could not be checked: it is refused")
            return None

    def _identity(self, token: str, now_s: float) -> Identity | None:
        settings = self._settings
        header = self._jwt.get_unverified_header(token)
        if header.get("alg") != settings.algorithm or "crit" in header or "b64" in header:
            return None
        key = self._key(header.get("kid"))
        if key is None:
            return None
        checked_here = {"verify_exp": False, "verify_nbf": False, "verify_iat": False}  # by the server's own clock
        claims = self._jwt.decode(
            token,
            key,
            algorithms=[settings.algorithm],
            audience=settings.audience,
            issuer=settings.issuer,
            options={"require": ["exp", "aud", "iss"], **checked_here},
        )
        expires_s, begins_s = _seconds(claims["exp"]), _seconds(claims.get("nbf", 0))
        if expires_s + settings.leeway_s <= now_s or begins_s - settings.leeway_s > now_s:
            return None
        role = self._role(claims.get(settings.role_claim))
        return None if role is None else self._with_scopes(claims, role, expires_s + settings.leeway_s)

    def _key(self, kid: object) -> Any:
        """Find the key that a token names; the only one, where it names none."""
        if self._settings.algorithm == "HS256":
            return self.keys[""]
        if kid is None:
            return next(iter(self.keys.values())) if len(self.keys) == 1 else None
        key = self.keys.get(kid) if isinstance(kid, str) else None
        if key is None:
            self.wanted.set()
        return key

    def _role(self, said: object) -> Role | None:
        """Find the role: a name or a list of names; the first that is one. Without `roles` a role has its own name."""
        names = said if isinstance(said, list) else [said]
        known = self._settings.roles or _OWN_NAMES
        found = next((known[name] for name in names if isinstance(name, str) and name in known), None)
        return None if found is None else Role[found]

    def _with_scopes(self, claims: Mapping[str, Any], role: Role, expires_s: float) -> Identity | None:
        said = claims.get(self._settings.scopes_claim)
        if said is None and self._settings.scopes_required:
            return None
        scopes = Scopes() if said is None else msgspec.convert(said, Scopes)
        if any(channel not in CHANNEL_BY_NAME for channel in scopes.channels):
            return None
        subject = claims.get("sub")
        name = subject[:_NAME_CHARS_MAX] if isinstance(subject, str) and subject.isprintable() else ""
        return Identity(
            role=role,
            scope=scopes.labels,
            token_id=f"jwt:{name}",
            channels=frozenset(scopes.channels) or None,
            commands=frozenset(scopes.commands) or None,
            expires_ms=math.floor(expires_s * 1000),
        )


def _seconds(value: object) -> float:
    """Read a NumericDate, up to the year 9999."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 253_402_300_000:
        raise ValueError("no time")
    return float(value)


def _read_secret(path: Path) -> bytes:
    try:
        secret = path.expanduser().read_bytes().strip()
    except OSError as error:
        raise ConfigError(f"jwt: {path}: the secret can't be read: {error.strerror}") from error
    if len(secret) < _SECRET_BYTES_MIN:
        raise ConfigError(f"jwt: {path}: the secret must have at least {_SECRET_BYTES_MIN} bytes")
    return secret


def read_keys(body: bytes, algorithm: str) -> dict[str, Any]:
    """Read a key set (RFC 7517): the keys that check signatures of one algorithm, by their `kid`.

    Raises:
        ConfigError: it is none, or has no such key.
    """
    algorithms = _pyjwt().algorithms
    try:
        listed = msgspec.json.decode(body, type=dict[str, Any])["keys"]
        found: dict[str, Any] = {}
        for each in listed[:_KEYS_MAX]:
            kid = each.get("kid", "")
            if each.get("use", "sig") != "sig" or each.get("alg", algorithm) != algorithm or not isinstance(kid, str):
                continue
            if algorithm == "RS256" and each.get("kty") == "RSA" and "d" not in each:
                key = algorithms.RSAAlgorithm.from_jwk(each)
                if _RSA_BITS_MIN <= key.key_size <= _RSA_BITS_MAX:
                    found[kid] = key
            elif algorithm == "EdDSA" and each.get("crv") == "Ed25519" and "d" not in each:
                found[kid] = algorithms.OKPAlgorithm.from_jwk(each)
    except Exception as error:
        raise ConfigError(f"it is no key set ({type(error).__name__})") from None
    if not found:
        raise ConfigError(f"it holds no public key for {algorithm}")
    return found


class JwtLogin:
    """Lets tokens of a site's own login count, and keeps their keys fresh.

    Args:
        settings: with an algorithm.

    Raises:
        ConfigError: they can't be met.
    """

    def __init__(self, settings: JwtSettings) -> None:
        self.verifier = JwtVerifier(settings)
        self._settings = settings
        self._task: asyncio.Task[None] | None = None

    async def start(self, access: Access) -> None:
        """Get the keys, and let tokens count; where keys can't be had yet, they are asked for again.

        Raises:
            ConfigError: a file of keys can't be read.
        """
        access.verifier = self.verifier
        if not self._settings.keys:
            return
        try:
            await self.refresh()
        except ConfigError as error:
            if not self._is_url:
                raise ConfigError(f"jwt: {self._settings.keys}: {error}") from None
            logger.warning("no keys for JSON Web Tokens yet: %s: %s", self._settings.keys, error)
        self._task = asyncio.create_task(self._refresh_for_ever())

    async def stop(self) -> None:
        """Fetch no more keys."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    @property
    def _is_url(self) -> bool:
        return urlsplit(self._settings.keys).scheme in ("http", "https")

    async def _refresh_for_ever(self) -> None:
        """Fetch the keys from time to time, and sooner where a token names one that is not known."""
        wait_s = self._settings.refresh_s if self.verifier.keys else _RETRY_S
        while True:
            await asyncio.sleep(min(_RETRY_S, wait_s))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, wait_s - _RETRY_S)):
                    await self.verifier.wanted.wait()
            self.verifier.wanted.clear()
            wait_s = self._settings.refresh_s
            try:
                await self.refresh()
            except ConfigError as error:
                wait_s = _RETRY_S
                logger.warning("the keys for JSON Web Tokens stay as they are: %s: %s", self._settings.keys, error)

    async def refresh(self) -> None:
        """Get the keys; those before count until then.

        Raises:
            ConfigError: they can't be had; says why.
        """
        body = await self._fetched() if self._is_url else await asyncio.to_thread(self._read)
        self.verifier.keys = read_keys(body, self._settings.algorithm)

    def _read(self) -> bytes:
        try:
            with Path(self._settings.keys).expanduser().open("rb") as file:
                return file.read(_KEYS_BYTES_MAX)
        except OSError as error:
            raise ConfigError(f"can't be read: {error.strerror}") from error

    async def _fetched(self) -> bytes:
        import aiohttp  # it takes longer to load than everything else

        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_FETCH_S)) as session,
                session.get(self._settings.keys, allow_redirects=False) as answer,
            ):
                if answer.status != 200:
                    raise ConfigError(f"the answer is {answer.status}, and not 200")
                body = b""
                async for chunk in answer.content.iter_chunked(65_536):
                    body += chunk
                    if len(body) > _KEYS_BYTES_MAX:
                        raise ConfigError(f"the answer has more than {_KEYS_BYTES_MAX // 1024} KiB")
        except (aiohttp.ClientError, OSError) as error:
            raise ConfigError(f"no answer ({type(error).__name__})") from None
        return body
