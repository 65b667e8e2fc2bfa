"""The house keeps its own rules: who imports whom, what stands above the waterline, and that every room is tested."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[1]
ROOMS = HOUSE / "fleetwire"
ENTRANCES = {"fleetwire.version", "fleetwire.loading"}  # a constant, and a loader, for everybody

# What each room may know of the others, as the plan of the house has it.
MAY_IMPORT = {
    "wire": {"wire"},
    "fleet": {"fleet", "wire"},
    "hub": {"hub", "wire"},
    "ports": {"fleet.events", "wire"},
    "sources": {"ports", "wire", "fleet.events"},
    "storage": {"storage", "ports", "wire", "fleet.events"},
    "relay": {"ports", "wire", "fleet.events"},
    "server": {"server", "hub", "wire", "ports"},
    "client": {"client", "wire"},
    "version": set(),
    "loading": set(),
    "secretfile": set(),
    "tokenfile": {"secretfile", "wire"},
    "serverkey": {"secretfile", "wire"},
    "rulefile": {"wire", "fleet.rules"},
    "notify": {"wire", "ports"},
    "jwt": {"hub", "wire"},
    "watchdog": {"wire", "ports"},
    "spec": {"spec", "server", "wire", "fleet.commands"},
}
SEE_EVERYTHING = {"integration", "config", "cli", "__main__", "__init__"}
EACH_APART = {"sources", "relay"}  # their rooms do not know one another either

# Above the waterline there is no socket, no clock, no disk, no randomness, no thread and no event loop.
ABOVE_THE_WATERLINE = ("wire", "fleet", "hub")
PURE = {
    "__future__",
    "abc",
    "ast",  # reads conditions, runs nothing
    "bisect",
    "collections",
    "collections.abc",
    "contextlib",
    "copy",
    "dataclasses",
    "datetime",  # the types; the clocks on them are looked for by name
    "decimal",
    "difflib",
    "enum",
    "fractions",
    "functools",
    "heapq",
    "ipaddress",  # reads addresses, asks nobody
    "itertools",
    "json",
    "logging",
    "math",
    "operator",
    "re",
    "statistics",
    "string",
    "tomllib",  # of texts; files are read below
    "types",
    "typing",
    "zlib",
    "msgspec",
    "simpleeval",  # evaluates the conditions of rules: docs/decisions/0006
}
ALLOWED_BELOW = {"fleetwire.wire.signature": {"hashlib", "hmac", "secrets"}}  # the one room where tokens are made
CLOCKS = {"now", "utcnow", "today"}
ACTS = {"open", "input", "print", "exec", "eval", "__import__"}


def modules(*rooms: str) -> Iterator[tuple[str, Path]]:
    for path in sorted(ROOMS.rglob("*.py")):
        parts = path.relative_to(HOUSE).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 2 else parts)
        if not rooms or parts[1] in rooms:
            yield name, path


def imports(path: Path) -> Iterator[str]:
    """What a module imports, at its top or anywhere inside it: `from a import b` counts as a.b where that is ours."""
    package = path.relative_to(HOUSE).with_suffix("").parts[:-1]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = ".".join([*package[: len(package) - node.level + 1], *filter(None, [node.module])])
            if base == "fleetwire":
                yield from (f"fleetwire.{alias.name}" for alias in node.names)
            else:
                yield base


def room_of(module: str) -> str:
    return module.split(".")[1]


def allowed(importer: str, imported: str) -> bool:
    if imported in ENTRANCES:
        return True
    room = room_of(importer)
    inner = imported.removeprefix("fleetwire.")
    if room in EACH_APART and room_of(imported) == room:
        return importer.split(".")[:3] == imported.split(".")[:3]  # one source's own parts
    return any(inner == name or inner.startswith(f"{name}.") for name in MAY_IMPORT[room])


@pytest.mark.parametrize(("name", "path"), [module for module in modules() if room_of(module[0]) not in SEE_EVERYTHING])
def test_a_room_imports_only_from_those_that_it_may_know(name: str, path: Path) -> None:
    ours = {imported for imported in imports(path) if imported.split(".")[0] == "fleetwire"}
    assert {imported for imported in ours if not allowed(name, imported)} == set()


def test_every_room_has_its_rule() -> None:
    rooms = {room_of(name) for name, _ in modules()}
    assert rooms - SEE_EVERYTHING - set(MAY_IMPORT) == set()


@pytest.mark.parametrize(("name", "path"), [*modules(*ABOVE_THE_WATERLINE)])
def test_above_the_waterline_nothing_acts_on_the_world(name: str, path: Path) -> None:
    foreign = {imported for imported in imports(path) if imported.split(".")[0] != "fleetwire"}
    assert foreign - PURE - ALLOWED_BELOW.get(name, set()) == set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            called = node.func
            assert not (isinstance(called, ast.Attribute) and called.attr in CLOCKS), f"a clock in line {node.lineno}"
            assert not (isinstance(called, ast.Name) and called.id in ACTS), f"line {node.lineno} acts"
        assert not isinstance(node, ast.AsyncFunctionDef | ast.Await), f"line {node.lineno} waits"


def test_the_rules_are_able_to_fail() -> None:
    """The checks see what they have to see: lazy imports, relative ones, and those of a foreign room."""
    assert not allowed("fleetwire.hub.hub", "fleetwire.fleet.state")
    assert not allowed("fleetwire.sources.simulator", "fleetwire.sources.report")
    assert not allowed("fleetwire.ports", "fleetwire.fleet.state")
    assert allowed("fleetwire.ports", "fleetwire.fleet.events")
    module = ROOMS / "server" / "http.py"
    assert "aiohttp" in set(imports(module)), "an import inside a function is seen"


# What has no test module of its own, and why.
WITHOUT_ITS_OWN = {
    "fleet/events.py": "declares facts; whoever takes them tests them",
    "fleet/changes.py": "declares what comes out of the fleet; test_state looks at it",
    "server/silent.py": "says nothing; test_secrets listens",
    "server/api/bodies.py": "declares bodies; test_endpoints asks for each of them",
    "server/api/exchange.py": "declares what comes in and goes out; test_front and test_endpoints do it",
}


@pytest.mark.parametrize(
    "module",
    [
        path.relative_to(ROOMS).as_posix()
        for _, path in modules(*ABOVE_THE_WATERLINE, "server")
        if path.name != "__init__.py"
    ],
)
def test_every_module_has_its_test_module(module: str) -> None:
    folder, _, name = module.rpartition("/")
    assert (HOUSE / "tests" / folder / f"test_{name}").exists() or module in WITHOUT_ITS_OWN


def test_what_is_excepted_exists() -> None:
    assert all((ROOMS / module).exists() for module in WITHOUT_ITS_OWN)
