"""docs/api.md: every curl on it works, and its tables are those of the code."""

import asyncio
import json
import os
import re
import shutil
from pathlib import Path

import pytest

from fleetwire.hub.access import RIGHTS, Right
from fleetwire.server.api.problem import ProblemKind
from fleetwire.server.api.routes import ROUTES
from fleetwire.server.server import WebSocketServer
from tests.server.api.conftest import EXPERT_TOKEN
from tests.server.api.desk import Desk
from tests.server.support import TOKEN
from tests.test_docs import PROTOCOL, ROOT, read, section, table

PAGE = ROOT / "docs" / "api.md"
BLOCKS, _ = read(PAGE)
COMMANDS = [line for block in BLOCKS if block.info == "sh" for line in block.text.splitlines()]
REPORT = next(block.text for block in BLOCKS if block.info == "json" and '"experts"' in block.text)


def name_of(command: str) -> str:
    return command.rpartition("/api/v1/")[2]


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")
@pytest.mark.parametrize("command", COMMANDS, ids=name_of)
async def test_a_curl_of_the_page_works(server: WebSocketServer, desk: Desk, tmp_path: Path, command: str) -> None:
    (tmp_path / "report.json").write_text(REPORT)
    assert "http://127.0.0.1:8765/" in command
    process = await asyncio.create_subprocess_shell(
        command.replace(":8765/", f":{server.port}/").replace("curl ", "curl -sS --fail-with-body ", 1),
        cwd=tmp_path,
        env={**os.environ, "TOKEN": TOKEN, "EXPERT_TOKEN": EXPERT_TOKEN},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    told, complaint = await process.communicate()
    assert process.returncode == 0, told + complaint
    assert json.loads(told.rpartition(b"\r\n\r\n")[2])
    if "report.json" in command:
        assert desk.reports[0].experts[0].expert.name == "London Breakout"


def test_every_route_of_the_api_is_shown_or_listed() -> None:
    listed = [row[0] for row in table(section(PAGE, "Asking"))]
    assert listed == [f"{route.method} {route.path}" for route in ROUTES]


def test_every_kind_of_problem_is_in_its_table_with_its_status() -> None:
    rows = {row[0]: int(row[1]) for row in table(section(PAGE, "What can go wrong"))}
    assert rows == {kind.name: kind.status for kind in ProblemKind}


def test_the_problem_that_is_shown_is_one() -> None:
    shown = json.loads(next(block.text for block in BLOCKS if "urn:fleetwire" in block.text))
    assert ProblemKind[shown["code"]].value == (shown["status"], shown["title"])


def test_the_table_of_roles_is_that_of_the_code() -> None:
    rights = [Right.hear, Right.report, Right.publish, Right.acknowledge, Right.command, Right.see_clients]
    rights += [Right.manage_tokens, Right.read_audit]
    assert set(rights) == set(Right)
    rows = {row[0]: [cell == "yes" for cell in row[2:]] for row in table(section(PROTOCOL, "Roles"))}
    assert rows == {role.value: [right in may for right in rights] for role, may in RIGHTS.items()}


def test_every_parameter_of_a_curl_is_one() -> None:
    """The server would refuse others; this says it where there is no curl."""
    names = {parameter.name for route in ROUTES for parameter in route.parameters}
    assert {name for command in COMMANDS for name in re.findall(r"[?&](\w+)=", command)} <= names
