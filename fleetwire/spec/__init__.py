"""What others build on, written from the code: descriptions of the API and of the socket, types of TypeScript."""

from pathlib import Path

from fleetwire.server.api.descriptions import Descriptions
from fleetwire.spec.commands import commands
from fleetwire.spec.typescript import typescript


def files() -> dict[str, bytes]:
    """Make each file, by its path in the repository."""
    made = Descriptions("")
    return {
        "spec/openapi.json": made.openapi(),
        "spec/asyncapi.json": made.asyncapi(),
        "web/client/src/generated.ts": typescript().encode(),
        "web/client/src/commands.ts": commands().encode(),
    }


def write(root: Path) -> None:
    """Write them into a copy of the repository."""
    for name, content in files().items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
