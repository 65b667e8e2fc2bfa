/** What the connection is like, in words that somebody can act on. */

import type { Status } from "fleetwire";
import { age } from "./formats";

export type LinkKind = "waiting" | "live" | "stale" | "offline" | "refused";

export interface Link {
  kind: LinkKind;
  /** One or two words. */
  name: string;
  /** A sentence: what is wrong, and what happens next. */
  words: string;
}

/** Say a status. `retryAt` and `now` are of one clock, in milliseconds. */
export function linkOf(status: Status, retryAt: number | null, now: number): Link {
  switch (status.state) {
    case "connecting":
      return { kind: "waiting", name: "connecting", words: "Connecting to the server" };
    case "authenticating":
      return { kind: "waiting", name: "signing in", words: "Showing the token to the server" };
    case "live":
      return { kind: "live", name: "live", words: "Connected: every change is shown as it is told" };
    case "closed":
      return { kind: "offline", name: "closed", words: "Not connected" };
    case "stale":
      return { kind: "stale", name: "no sign of life", words: `Nothing heard of the server for ${age(status.ageMs)}: the numbers may be old` };
    case "offline": {
      const left = retryAt === null ? 0 : Math.max(0, retryAt - now);
      const next = left > 300 ? `trying again in ${age(left)}` : "trying again now";
      return { kind: "offline", name: "disconnected", words: `${whyOffline(status.code)}: ${next}` };
    }
    case "refused":
      return { kind: "refused", name: "refused", words: whyRefused(status.code, status.reason) };
  }
}

type Code = number | string | null;

function whyOffline(code: Code): string {
  const said: Record<string, string> = {
    1006: "The connection was lost",
    1012: "The server is being restarted",
    4100: "Too much was said in too short a time",
    4101: "This page was too slow to read",
    4102: "The server is full",
    4103: "The server takes no new connections",
    4200: "The server heard nothing of this page",
    malformed_message: "The server sent something that this page can't read",
    version: "The server and this page are of different versions: reload the page if this lasts",
    timeout: "Nothing is heard from the server any more",
  };
  return said[String(code)] ?? "The connection was lost";
}

/** Say why the server takes nobody, by its close or error code. */
export function whyRefused(code: Code, reason: string): string {
  if (code === "token_invalid" || code === 4001) return "This token is not known here, or not any more: check it against the server's";
  if (code === 4201) return "The token has expired: give another one";
  if (code === 4005) return "The server refused what this page said: they may be of different versions; reload the page";
  if (code === 4002) return "No token was shown in time";
  return reason ? `${reason.charAt(0).toUpperCase()}${reason.slice(1)}` : "The server refused the token";
}
