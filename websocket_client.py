"""The WebSocket client under the name that its users know; it lives in `fleetwire.client`."""

from fleetwire import WebSocketClient

__all__ = ["WebSocketClient"]
