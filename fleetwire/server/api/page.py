"""The plain page at `/` where no dashboard was built: that the server runs, how to build it, and where the rest is."""

from fleetwire.version import __version__

MEDIA_TYPE = "text/html; charset=utf-8"


def page(base_path: str) -> bytes:
    """Write the page; its links lead below the base path."""
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>fleetwire</title>
<style>
:root {{ color-scheme: light dark; font: 16px/1.6 system-ui, sans-serif }}
body {{ max-width: 40rem; margin: 12vh auto; padding: 0 1.5rem }}
h1 {{ font-size: 1.4rem; font-weight: 600 }} small {{ opacity: .6; font-weight: 400 }}
pre {{ padding: .8rem 1rem; border: 1px solid color-mix(in srgb, currentColor 20%, transparent); border-radius: .4rem;
       overflow-x: auto }}
</style>
<h1>fleetwire <small>{__version__}</small></h1>
<p>This server is running. It speaks WebSocket on this address: authenticate, subscribe, listen.</p>
<pre>fleetwire tail ea_updates alerts</pre>
<p>The dashboard belongs here. It was not built, for that needs Node 20 or later. In a copy of the repository:</p>
<pre>make web
make demo</pre>
<p>Its health is at <a href="{base_path}/healthz">{base_path}/healthz</a>, whether it can do its work at
<a href="{base_path}/readyz">{base_path}/readyz</a>, its API is described at
<a href="{base_path}/openapi.json">{base_path}/openapi.json</a>, and what is said over WebSocket at
<a href="{base_path}/asyncapi.json">{base_path}/asyncapi.json</a>.</p>
</html>
""".encode()
