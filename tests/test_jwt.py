"""Tokens of a site's own login: what is good counts, and each way to forge one gets nothing, without a call."""

import asyncio
import base64
import json
import logging
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from fleetwire.config import read_settings
from fleetwire.hub.access import Access, Identity, Role
from fleetwire.jwt import JwtLogin, JwtSettings, JwtVerifier, read_keys
from fleetwire.wire.errors import ConfigError
from fleetwire.wire.moment import moment

NOW_S = 1_780_000_000
NOW_MS = NOW_S * 1000
SECRET = b"a-secret-that-is-shared-with-the-login"
RSA = rsa.generate_private_key(65537, 2048)
ED = ed25519.Ed25519PrivateKey.generate()
GOOD = {"sub": "anna", "aud": "fleetwire", "iss": "https://login.example", "exp": NOW_S + 600, "role": "viewer"}


def jwk(key: Any, kid: str, **more: Any) -> dict[str, Any]:
    of = jwt.algorithms.OKPAlgorithm if isinstance(key, ed25519.Ed25519PrivateKey) else jwt.algorithms.RSAAlgorithm
    return {**of.to_jwk(key.public_key(), as_dict=True), "kid": kid, **more}


def key_set(*keys: dict[str, Any]) -> bytes:
    return json.dumps({"keys": keys}).encode()


def settings_for(algorithm: str, tmp_path: Path, **more: Any) -> JwtSettings:
    (tmp_path / "secret").write_bytes(SECRET + b"\n")
    (tmp_path / "keys.json").write_bytes(key_set(jwk(RSA, "r1"), jwk(ED, "e1")))
    where = {"secret_file": str(tmp_path / "secret")} if algorithm == "HS256" else {"keys": str(tmp_path / "keys.json")}
    known = {"audience": "fleetwire", "issuer": "https://login.example", **where}
    return JwtSettings(**{"algorithm": algorithm, **known, **more})


def verifier_of(settings: JwtSettings) -> JwtVerifier:
    verifier = JwtVerifier(settings)
    if settings.keys:
        verifier.keys = read_keys(Path(settings.keys).read_bytes(), settings.algorithm)
    return verifier


KEYS = {"HS256": (SECRET, None), "RS256": (RSA, "r1"), "EdDSA": (ED, "e1")}


def signed(algorithm: str = "HS256", headers: dict[str, Any] | None = None, **claims: Any) -> str:
    key, kid = KEYS[algorithm]
    said = {name: value for name, value in {**GOOD, **claims}.items() if value is not None}
    return jwt.encode(said, key, algorithm, {**({"kid": kid} if kid else {}), **(headers or {})})


@pytest.mark.parametrize("algorithm", KEYS)
def test_a_good_token_is_somebody(algorithm: str, tmp_path: Path) -> None:
    verify = verifier_of(settings_for(algorithm, tmp_path))
    found = verify(signed(algorithm, scopes={"groups": ["gold"], "channels": ["alerts"]}), NOW_MS)
    assert found == Identity(
        Role.viewer,
        frozenset({"group:gold"}),
        "jwt:anna",
        channels=frozenset({"alerts"}),
        expires_ms=NOW_MS + 630_000,
    )
    for another in set(KEYS) - {algorithm}:
        assert verify(signed(another), NOW_MS) is None, "one algorithm is taken, and no other"


def unsigned(header: dict[str, Any], claims: dict[str, Any] = GOOD, signature: str = "") -> str:
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (header, claims)]
    return ".".join([*parts, signature])


def confused() -> str:
    """Signed with the public key as if that were the secret."""
    pem = RSA.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    import hashlib
    import hmac

    body = unsigned({"alg": "HS256", "typ": "JWT", "kid": "r1"}).rpartition(".")[0]
    signature = base64.urlsafe_b64encode(hmac.new(pem, body.encode(), hashlib.sha256).digest()).decode().rstrip("=")
    return f"{body}.{signature}"


FORGED = {
    "none": unsigned({"alg": "none"}),
    "None": unsigned({"alg": "None", "kid": "r1"}),
    "no algorithm": unsigned({"typ": "JWT"}),
    "the public key as a secret": confused(),
    "no signature": signed("RS256").rpartition(".")[0] + ".",
    "another's signature": signed("RS256").rpartition(".")[0] + "." + signed("RS256", sub="eve").rpartition(".")[2],
    "another key": jwt.encode(GOOD, rsa.generate_private_key(65537, 2048), "RS256", {"kid": "r1"}),
    "an unknown key": signed("RS256", {"kid": "r9"}),
    "a key that is no name": unsigned({"alg": "RS256", "kid": ["r1"]}),
    "crit": signed("RS256", {"crit": ["exp"]}),
    "b64": signed("RS256", {"b64": False}),
    "a key in the token": signed("RS256", {"jwk": jwk(RSA, "r1"), "kid": "r9"}),
    "another audience": signed("RS256", aud="another"),
    "no audience": signed("RS256", aud=None),
    "another issuer": signed("RS256", iss="https://evil.example"),
    "no issuer": signed("RS256", iss=None),
    "no end": signed("RS256", exp=None),
    "expired": signed("RS256", exp=NOW_S - 31),
    "an end that is a text": signed("RS256", exp="never"),
    "an end that is true": signed("RS256", exp=True),
    "an end in the far future": signed("RS256", exp=10**18),
    "not yet": signed("RS256", nbf=NOW_S + 31),
    "no role": signed("RS256", role=None),
    "an unknown role": signed("RS256", role="king"),
    "an admin that nobody has named": signed("RS256", role="admin"),
    "an expert": signed("RS256", role="expert"),
    "a role that is none": signed("RS256", role={"viewer": 1}),
    "scopes that are none": signed("RS256", scopes="everything"),
    "scopes with a slip": signed("RS256", scopes={"acounts": ["S/5"]}),
    "a channel that is none": signed("RS256", scopes={"channels": ["rumours"]}),
    "no JSON": "eyJ.eyJ.x",
    "deep": "ey" + base64.urlsafe_b64encode(b"[" * 5000).decode() + ".e.e",
    "a surrogate": "ey\ud800.a.b",
    "dots": "ey....",
    "empty": "",
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_token_is_nobody(name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    verify = verifier_of(settings_for("RS256", tmp_path))
    assert verify(FORGED[name], NOW_MS) is None
    assert caplog.text == ""
    assert verify(signed("RS256"), NOW_MS) is not None


def test_a_megabyte_of_token_costs_nothing(tmp_path: Path) -> None:
    access = Access("s3cret")
    access.verifier = verifier_of(settings_for("RS256", tmp_path))
    head, _, rest = signed("RS256").partition(".")
    long = head + "." + "A" * 2**20 + "." + rest
    took = []
    for _ in range(5):
        began = time.perf_counter()
        assert access.identify(long, moment(0.0, NOW_MS)) is None
        took.append(time.perf_counter() - began)
    assert min(took) < 0.005


def test_the_end_is_the_servers_clocks_and_comes_in_mid_session(tmp_path: Path) -> None:
    access = Access("s3cret")
    access.verifier = verifier_of(settings_for("EdDSA", tmp_path, leeway_s=0.0))
    found = access.identify(signed("EdDSA"), moment(50.0, NOW_MS))
    assert found is not None
    assert found.until == 650.0
    assert access.identify(signed("EdDSA"), moment(650.0, NOW_MS + 600_000)) is None
    assert access.identify(signed("EdDSA", nbf=NOW_S + 700), moment(650.0, NOW_MS + 600_000)) is None


def test_roles_are_those_that_the_settings_name(tmp_path: Path) -> None:
    roles = {"ops-admins": "admin", "traders": "operator"}
    verify = verifier_of(settings_for("HS256", tmp_path, role_claim="groups", roles=roles))
    said = {"groups": ["staff", "traders", "ops-admins"], "role": "viewer"}
    found = verify(signed(**said), NOW_MS)
    assert found is not None
    assert found.role is Role.operator, "the first that is one"
    assert verify(signed(groups=["viewer"]), NOW_MS) is None
    strict = verifier_of(settings_for("HS256", tmp_path, scopes_required=True))
    assert strict(signed(), NOW_MS) is None
    assert strict(signed(scopes={}), NOW_MS) is not None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"algorithm": "none"}, "Invalid enum value 'none'"),
        ({"algorithm": "RS256", "keys": "k"}, "give audience and issuer"),
        ({"algorithm": "RS256", "audience": "a", "issuer": "i"}, "RS256 needs keys"),
        ({"algorithm": "HS256", "audience": "a", "issuer": "i", "keys": "k"}, "HS256 needs secret_file"),
        ({"algorithm": "EdDSA", "audience": "a", "issuer": "i", "keys": "http://login.example/k"}, "over https://"),
        ({"algorithm": "EdDSA", "audience": "a", "issuer": "i", "keys": "https://u:p@x/k"}, "must not hold a password"),
        ({"roles": {"boss": "expert"}}, "Invalid enum value 'expert'"),
    ],
)
def test_settings_that_would_check_nothing_are_refused(words: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        read_settings({"jwt": words}, "config")


def test_a_short_secret_is_refused_and_not_shown(tmp_path: Path) -> None:
    settings = settings_for("HS256", tmp_path)
    (tmp_path / "secret").write_text("c4n4ry")
    with pytest.raises(ConfigError, match="at least 32 bytes") as refused:
        JwtVerifier(settings)
    assert "c4n4ry" not in str(refused.value)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"keys": 5}',
        key_set(),
        key_set(jwk(RSA, "r1", use="enc")),
        key_set(jwk(RSA, "r1", alg="RS512")),
        key_set(jwk(ED, "e1")),
        key_set(jwk(rsa.generate_private_key(65537, 1024), "small")),
        key_set({"kty": "oct", "k": "c2VjcmV0", "kid": "r1"}),
        key_set(jwt.algorithms.RSAAlgorithm.to_jwk(RSA, as_dict=True)),
    ],
)
def test_what_is_no_set_of_public_keys_is_refused(body: bytes) -> None:
    with pytest.raises(ConfigError):
        read_keys(body, "RS256")


class Login:
    """A login's key set on a port of its own."""

    def __init__(self) -> None:
        self.keys, self.asked, self.status = [jwk(RSA, "r1")], 0, 200
        self.fill = b""

    async def answer(self, _: web.Request) -> web.Response:
        self.asked += 1
        return web.Response(status=self.status, body=key_set(*self.keys) + self.fill, headers={"Location": "/keys"})


@pytest.fixture
async def login() -> AsyncIterator[Login]:
    found = Login()
    app = web.Application()
    app.router.add_get("/keys", found.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}/keys"  # type: ignore[attr-defined]
    yield found
    await runner.cleanup()


async def test_keys_are_fetched_and_stay_where_they_can_not_be(login: Login, tmp_path: Path) -> None:
    settings = settings_for("RS256", tmp_path, keys=login.url)  # type: ignore[attr-defined]
    access, at = Access("s3cret"), moment(0.0, NOW_MS)
    joined = JwtLogin(settings)
    await joined.start(access)
    try:
        assert access.identify(signed("RS256"), at) is not None
        assert access.identify(signed("RS256", {"kid": "r2"}), at) is None
        assert login.asked == 1, "checking a token asks nobody"
        assert joined.verifier.wanted.is_set(), "but the keys are fetched anew, soon"
        login.keys = [jwk(RSA, "r2")]
        await joined.refresh()
        assert access.identify(signed("RS256", {"kid": "r2"}), at) is not None
        assert access.identify(signed("RS256"), at) is None, "a key that was withdrawn counts no more"
        for login.status, login.fill in ((302, b""), (500, b""), (200, b" " * 300_000), (200, b"}")):
            with pytest.raises(ConfigError):
                await joined.refresh()
            assert access.identify(signed("RS256", {"kid": "r2"}), at) is not None
    finally:
        await joined.stop()


async def test_a_login_that_is_not_there_yet_keeps_nobody_from_starting(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    access = Access("s3cret")
    joined = JwtLogin(settings_for("RS256", tmp_path, keys="http://127.0.0.1:1/keys"))
    await joined.start(access)
    await joined.stop()
    assert "no keys for JSON Web Tokens yet" in caplog.text
    assert access.identify(signed("RS256"), moment(0.0, NOW_MS)) is None
    with pytest.raises(ConfigError, match="can't be read"):
        await JwtLogin(settings_for("RS256", tmp_path, keys=str(tmp_path / "none.json"))).start(access)
    await asyncio.sleep(0)
