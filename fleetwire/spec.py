"""`python -m fleetwire.spec FOLDER`: writes the descriptions of the API and of the socket, as a server gives them."""

import sys
from pathlib import Path

from fleetwire.server.api.descriptions import Descriptions


def files() -> dict[str, bytes]:
    """Make each description, by the name of its file."""
    made = Descriptions("")
    return {"openapi.json": made.openapi(), "asyncapi.json": made.asyncapi()}


def main(folder: Path) -> None:
    """Write them into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files().items():
        (folder / name).write_bytes(content)


if __name__ == "__main__":
    main(Path(*sys.argv[1:2]) if sys.argv[1:] else Path("spec"))
