"""Who is at the door: one port, WebSocket and HTTP, and the server that is put together from them."""
