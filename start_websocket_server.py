"""Starts the WebSocket server: `fleetwire serve` under the name that its users know."""

from fleetwire.cli import start_websocket_server

if __name__ == "__main__":
    raise SystemExit(start_websocket_server())
