"""The WebSocket server under the name that its users know; it lives in `fleetwire.server`."""

from fleetwire import WebSocketServer

__all__ = ["WebSocketServer"]
