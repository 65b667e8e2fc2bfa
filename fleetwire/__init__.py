"""fleetwire: the real-time heart of a command centre for fleets of MetaTrader 5 experts."""

from typing import TYPE_CHECKING

from fleetwire.client import WebSocketClient
from fleetwire.server.server import WebSocketServer
from fleetwire.version import __version__

if TYPE_CHECKING:
    from fleetwire.integration.fleetwire import Fleetwire

__all__ = ["Fleetwire", "WebSocketClient", "WebSocketServer", "__version__"]


def __getattr__(name: str) -> object:
    """Load `Fleetwire` when somebody wants it: a client needs no store."""
    if name != "Fleetwire":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from fleetwire.integration.fleetwire import Fleetwire

    return Fleetwire
