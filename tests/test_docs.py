"""The docs say what the code does: every list, every link, every message, every program."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, get_args
from urllib.parse import unquote

import msgspec
import pytest

from fleetwire import config
from fleetwire.fleet.statistics import Statistics
from fleetwire.hub.limits import Limits
from fleetwire.wire import codec, messages
from fleetwire.wire.channels import CHANNELS
from fleetwire.wire.errors import CloseCode, ErrorCode, Return, comes_back

ROOT = Path(__file__).resolve().parents[1]
PROTOCOL = ROOT / "docs" / "protocol.md"
NOT_OURS = {"node_modules", "build", "dist"}
PAGES = sorted(
    path
    for path in ROOT.rglob("*.md")
    if not any(part in NOT_OURS or part.startswith(".") for part in path.relative_to(ROOT).parts)
)
CLIENT_MESSAGES: dict[str, Any] = {struct.__struct_config__.tag: struct for struct in get_args(messages.ClientMessage)}
SERVER_MESSAGES: dict[str, Any] = messages.PUBLISHED | {
    struct.__struct_config__.tag: struct
    for struct in messages.ServerMessage.__subclasses__()
    if struct.__struct_config__.tag
}
COMES_BACK = {"no": Return.never, "later": Return.later, "at once": Return.at_once}


class Block(NamedTuple):
    """A fenced block: where it begins, what stands behind its fence, and its text."""

    page: Path
    line: int
    info: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


@cache
def read(page: Path) -> tuple[list[Block], str]:
    """Split a page into its fenced blocks and its prose, whose lines keep their numbers."""
    blocks, prose = [], []
    fence = info = ""
    began, inside = 0, []
    for number, line in enumerate(page.read_text("utf-8").splitlines(), 1):
        opening = re.match(r" {0,3}(```+|~~~+)\s*([^`]*)$", line)
        if not fence and opening:
            fence, info, began, inside = opening[1], opening[2].strip(), number, []
        elif fence and re.fullmatch(rf" {{0,3}}{fence[0]}{{{len(fence)},}}\s*", line):
            blocks.append(Block(page, began, info, "\n".join(inside)))
            fence = ""
        elif fence:
            inside.append(line)
        prose.append("" if fence or opening else line)
    assert not fence, f"{page.name}:{began}: this block never ends"
    return blocks, "\n".join(prose)


def blocks_of(*languages: str) -> list[Block]:
    return [block for page in PAGES for block in read(page)[0] if block.info.split(" ")[0] in languages]


# An array is a frame of version 2: no message by itself.
EXAMPLES = [block for block in blocks_of("json") if block.page == PROTOCOL and block.text.startswith("{")]
"""The messages that the protocol shows."""


def section(page: Path, title: str) -> str:
    """Give what stands under a heading, subsections included."""
    _, prose = read(page)
    found = re.search(rf"^(#+) {re.escape(title)}\n(.*?)(?=^#{{1,6}} |\Z)", prose, re.MULTILINE | re.DOTALL)
    assert found, f"{page.name} has no section {title}"
    return found[2]


def table(text: str) -> list[list[str]]:
    """Read the rows of the last table of a text, without its headings; the code marks of first cells are taken off."""
    tables = re.findall(r"(?:^\|.*\|\n?)+", text, re.MULTILINE)
    assert tables, f"no table in {text[:60]!r}"
    rows = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip()[1:-1])] for line in tables[-1].splitlines()]
    assert all(set(cell) <= set("-: ") for cell in rows[1])
    return [[row[0].strip("`"), *row[1:]] for row in rows[2:]]


# ---------------------------------------------------------------------------------------------------------- the lists


def settings_table() -> str:
    """Render the settings as the README has them."""
    lines = ["| setting | environment | default | what it is |", "|---|---|---|---|"]
    for name, variable, default, text in config.describe():
        lines.append(f"| `{name}` | `{variable}` | {f'`{default}`' if default else ''} | {text} |")
    return "\n".join(lines)


def test_the_readme_has_every_setting_as_it_is_declared():
    """The table between the markers is what `settings_table` renders."""
    text = (ROOT / "README.md").read_text("utf-8")
    found = re.search(r"<!-- settings -->\n(.*?)\n<!-- /settings -->", text, re.DOTALL)
    assert found, f"README.md has no table of settings between its markers; put this there:\n{settings_table()}"
    assert found[1].strip() == settings_table(), f"the table of settings should be:\n{settings_table()}"


@pytest.mark.parametrize("name", [name for name in config.TABLES if name != "limits"])
def test_every_section_has_its_settings_in_a_table_with_their_defaults(name: str) -> None:
    """Simple defaults as they are; what is no simple value is said in words."""
    (of_it,) = (field.type for field in msgspec.structs.fields(config.Settings) if field.name == name)
    struct = of_it if isinstance(of_it, type) and issubclass(of_it, msgspec.Struct) else get_args(of_it)[1]
    rows = {row[0]: row[1] for row in table(section(ROOT / "docs" / "configuration.md", f"`[{name}]`"))}
    assert set(rows) == set(struct.__struct_fields__)
    for field in msgspec.structs.fields(struct):
        if isinstance(field.default, str | int | float):
            assert rows[field.name] == (
                str(field.default).lower() if isinstance(field.default, bool) else str(field.default)
            )


def test_the_configuration_that_the_page_shows_is_one() -> None:
    (shown,) = (block for block in blocks_of("toml") if block.page.name == "configuration.md")
    settings = config.read_settings(tomllib.loads(shown.text), "docs")
    assert settings.server_times["Broker-Live"].offset_s(0) == 7200


def test_every_error_code_is_in_its_table_and_no_other():
    rows = {row[0]: row[1] for row in table(section(PROTOCOL, "Error codes"))}
    assert rows == {code.name: "yes" if code.temporary else "no" for code in ErrorCode}


def test_every_close_code_is_in_its_table_with_whether_to_come_back():
    rows = {int(row[0]): COMES_BACK[row[2]] for row in table(section(PROTOCOL, "Close codes"))}
    assert rows == {code.code: code.value.comes_back for code in CloseCode}
    assert all(comes_back(code) is when for code, when in rows.items())


def test_every_channel_is_in_its_table_with_type_kind_and_key():
    rows = table(section(PROTOCOL, "Channels"))
    told = {name: (carries.strip("`"), kind, re.findall(r"`(\w+)`", key)) for name, carries, kind, key in rows}
    declared = {
        channel.name: (channel.type, channel.kind.value, [*channel.key_fields, *filter(None, [channel.default_key])])
        for channel in CHANNELS
    }
    assert told == declared


def test_every_limit_is_in_its_table_with_its_default():
    rows = {row[0]: row[1] for row in table(section(PROTOCOL, "Limits"))}
    assert rows == {field.name: str(field.default) for field in msgspec.structs.fields(Limits)}


def test_every_limit_is_explained_by_the_design():
    """The page that says what bounds what knows every limit."""
    named = set(re.findall(r"`(\w+)`", section(ROOT / "docs" / "design.md", "What bounds what")))
    assert set(Limits.__struct_fields__) - named == set()


def test_every_message_type_has_its_heading_and_an_example():
    _, prose = read(PROTOCOL)
    types = CLIENT_MESSAGES | SERVER_MESSAGES
    assert set(re.findall(r"^### `(\w+)`$", prose, re.MULTILINE)) == set(types)
    shown = {msgspec.json.decode(block.text)["type"] for block in EXAMPLES}
    assert shown == set(types)


def test_every_field_of_a_message_is_named():
    """A field that nobody reads about does not exist."""
    text = PROTOCOL.read_text("utf-8")
    for name, struct in (CLIENT_MESSAGES | SERVER_MESSAGES).items():
        data = next(field.type for field in msgspec.structs.fields(struct) if field.name == "data")
        inner = msgspec.structs.fields(data) if isinstance(data, type) and issubclass(data, msgspec.Struct) else ()
        for field in (*msgspec.structs.fields(struct), *inner):
            assert f"`{field.name}`" in text or f'"{field.name}"' in text, f"{name}: {field.name}"


def test_every_figure_is_defined():
    rows = table(section(ROOT / "docs" / "metatrader-reports.md", "The figures"))
    assert [row[0] for row in rows] == list(Statistics().metrics())


# ------------------------------------------------------------------------------------------------------- the messages


def unknown_fields(example: Any, understood: Any, where: str = "$") -> Iterator[str]:
    """Name what an example says and the code does not know."""
    if isinstance(example, dict) and isinstance(understood, dict):
        for name, value in example.items():
            if name not in understood:
                yield f"{where}.{name}"
            else:
                yield from unknown_fields(value, understood[name], f"{where}.{name}")
    elif example != understood:
        yield f"{where} is {understood!r}"


@pytest.mark.parametrize("block", EXAMPLES, ids=str)
def test_a_message_in_the_docs_is_one_that_the_code_knows(block: Block):
    """What a client says is taken by the codec; what the server says has the form of its Struct; neither has more."""
    example = msgspec.json.decode(block.text)
    if example["type"] in CLIENT_MESSAGES and "timestamp" not in example:  # `command` is said by both sides
        message: Any = codec.decode(block.text.encode())
    else:
        message = msgspec.convert(example, SERVER_MESSAGES[example["type"]])
        assert set(msgspec.json.decode(codec.encode(message))) == set(example)
    assert not list(unknown_fields(example, msgspec.to_builtins(message)))


# ------------------------------------------------------------------------------------------- the links, the programs


def links(page: Path) -> Iterator[str]:
    prose = re.sub(r"(`+)(?!`).+?(?<!`)\1(?!`)", "", read(page)[1])
    for target in re.findall(r"\]\(\s*<?([^)\s>]+)>?[^)]*\)", prose) + re.findall(r"^\[[^\]]+\]:\s*(\S+)", prose, re.M):
        if not re.match(r"[a-z][a-z0-9+.-]*:", target):
            yield target


@cache
def anchors(page: Path) -> set[str]:
    """Give the anchors that GitHub makes of a page's headings."""
    found: set[str] = set()
    for title in re.findall(r"^#{1,6} +(.+?)\s*$", read(page)[1], re.MULTILINE):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).replace("`", "").lower()
        anchor = re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
        name, count = anchor, 0
        while name in found:
            count += 1
            name = f"{anchor}-{count}"
        found.add(name)
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_link_leads_nowhere(page: Path):
    """Relative links lead to a file of the repository, and to a heading where they name one."""
    for link in links(page):
        path, _, anchor = unquote(link).partition("#")
        target = (ROOT / path[1:] if path.startswith("/") else page.parent / path) if path else page
        assert target.exists(), f"{link}: there is no such file"
        assert target.resolve().is_relative_to(ROOT), f"{link}: leads out of the repository"
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target.resolve()), f"{link}: there is no such heading"


@pytest.mark.parametrize("block", blocks_of("python", "py"), ids=str)
def test_a_python_block_compiles(block: Block):
    """Whole programs and pieces of them, which may await at their top level."""
    compile(block.text, str(block), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


@pytest.mark.parametrize("block", [b for b in blocks_of("python", "py") if "runnable" in b.info.split()], ids=str)
def test_a_runnable_block_runs(block: Block, tmp_path: Path):
    """In a process and a folder of its own, with warnings as errors, to its end."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WEBSOCKET_")}
    environment |= {"PYTHONPATH": str(ROOT), "XDG_CONFIG_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", block.text],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout, "a program that shows nothing explains nothing"
    assert not done.stderr


def test_the_docs_are_found():
    """The tests above look at something."""
    names = {str(page.relative_to(ROOT)) for page in PAGES}
    assert {"README.md", "README_websocket_server.md", "SECURITY.md", "CONTRIBUTING.md", "docs/protocol.md"} <= names
    assert any("runnable" in block.info for block in blocks_of("python"))
