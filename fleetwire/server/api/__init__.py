"""The HTTP API: one table of routes, from which routing, checking, and its own description are derived."""
