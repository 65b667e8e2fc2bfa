"""The dashboard's files, as they were built: read once, when a server starts, and answered from memory.

Each file is a route of its own, so that no request names a path that is looked for on a disk.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from fleetwire.server.api.exchange import Answer, Call
from fleetwire.server.api.parameters import Kind, Parameter
from fleetwire.server.api.routes import Route

FOLDER: Final = Path(__file__).parents[2] / "dashboard"
"""Where a build puts it: beside the code, in a checkout as in what is installed."""

_MEDIA: Final = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
}
# 'self' is this address over WebSocket, too (CSP level 3). Styles that scripts set on elements are no inline styles.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; frame-ancestors 'none'; form-action 'none'"
)
_NAMED_BY_CONTENT: Final = "assets/"
_FOREVER: Final = "public, max-age=31536000, immutable"
_TICKET: Final = Parameter(name="ticket", kind=Kind.text, description="for the WebSocket that it opens")


class File(NamedTuple):
    """One file of the bundle.

    Args:
        name: below the folder, like "assets/index-B1x.js".
        body: as it is.
        squeezed: the same by gzip; None where that was not made, since it would not be shorter.
    """

    name: str
    body: bytes
    squeezed: bytes | None


def read_bundle(folder: Path | None = None) -> list[File]:
    """Read what was built, in `FOLDER` if no other is named; nothing where there is no page."""
    folder = folder or FOLDER
    if not (folder / "index.html").is_file():
        return []
    found = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return [
        File(name, path.read_bytes(), found[f"{name}.gz"].read_bytes() if f"{name}.gz" in found else None)
        for name, path in found.items()
        if path.suffix in _MEDIA
    ]


def routes_of(bundle: list[File]) -> tuple[Route, ...]:
    """Declare a route for each file; the page itself is at "/"."""
    return tuple(_route(file) for file in bundle)


def _route(file: File) -> Route:
    is_page = file.name == "index.html"
    return Route(
        method="GET",
        path="/" if is_page else f"/{file.name}",
        name="dashboard" if is_page else file.name,
        summary="a file of the dashboard",
        endpoint=_answering(file),
        parameters=(_TICKET,) if is_page else (),
    )


def _answering(file: File) -> Callable[[Call], Answer]:
    etag = hashlib.blake2b(file.body, digest_size=9).hexdigest()
    media = _MEDIA[Path(file.name).suffix]
    headers = {
        "Cache-Control": _FOREVER if file.name.startswith(_NAMED_BY_CONTENT) else "no-cache",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "ETag": f'"{etag}"',
        "Vary": "Accept-Encoding",
    }
    if media.startswith("text/html"):
        headers["Content-Security-Policy"] = _POLICY

    def answer(call: Call) -> Answer:
        if headers["ETag"] in call.etag_asked:
            return Answer(status=304, headers=dict(headers))
        if file.squeezed is not None and takes_gzip(call.accepts_coding):
            return Answer(body=file.squeezed, media=media, headers=headers | {"Content-Encoding": "gzip"})
        return Answer(body=file.body, media=media, headers=dict(headers))

    return answer


def takes_gzip(accepted: str) -> bool:
    """Tell whether an `Accept-Encoding` takes gzip (RFC 9110 section 12.5.3): named, or by "*", and not with q=0."""
    weights: dict[str, bool] = {}
    for one in accepted.lower().split(","):
        coding, _, weight = one.partition(";")
        weights[coding.strip()] = not weight.replace(" ", "").startswith("q=0") or any(c in "123456789" for c in weight)
    return weights.get("gzip", weights.get("*", False))
