"""fleetwire: the real-time heart of a command centre for fleets of MetaTrader 5 experts."""

from fleetwire.client import WebSocketClient
from fleetwire.server.server import WebSocketServer
from fleetwire.version import __version__

__all__ = ["WebSocketClient", "WebSocketServer", "__version__"]
