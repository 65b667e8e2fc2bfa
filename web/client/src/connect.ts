import { Client } from "./client.js";
import { systemClock } from "./clock.js";
import { FleetwireError } from "./errors.js";
import { type WebSocketClass, webSocketTransport } from "./transport.js";
import type { ConnectOptions, Fleetwire } from "./types.js";

const SECRETS = /^(token|access_token|auth_token|api_key|ticket)$/i;

/**
 * Connect to a fleetwire server, and stay connected.
 *
 * @param url ws:// or wss:// (http:// and https:// are taken for these); without credentials
 * @throws FleetwireError of code `config`: the URL is wrong, or there is no WebSocket here
 */
export function connect(url: string, options: ConnectOptions = {}): Fleetwire {
  const { token = null, ticket = null, version = 2, clock = systemClock, random = Math.random } = options;
  return new Client({ url: checked(url), token, ticket, version, clock, random, transport: options.transport ?? ownTransport() });
}

function checked(text: string): string {
  let url: URL;
  try {
    url = new URL(text.replace(/^http(?=s?:)/i, "ws"));
  } catch {
    throw new FleetwireError("config", "the address is no URL: ws://host:port or wss://host is meant");
  }
  if (url.protocol !== "ws:" && url.protocol !== "wss:") throw new FleetwireError("config", "the address must begin with ws:// or wss://");
  if (url.username || url.password || [...url.searchParams.keys()].some((name) => SECRETS.test(name)))
    throw new FleetwireError("config", "no credentials in the address, which is logged on its way: use the options token and ticket");
  url.hash = "";
  return url.href;
}

function ownTransport(): ReturnType<typeof webSocketTransport> {
  const socketClass = (globalThis as { WebSocket?: unknown }).WebSocket;
  if (!socketClass) throw new FleetwireError("config", "there is no WebSocket here: pass transport: webSocketTransport(WebSocket) with that of the package ws");
  return webSocketTransport(socketClass as WebSocketClass);
}
