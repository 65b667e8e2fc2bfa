/** What the core wants done, and what it has to tell: the shell carries it out, in order. */

import type { ChannelName } from "./channel.js";
import type { FleetwireError } from "./errors.js";
import type { Envelope } from "./envelope.js";
import type { Row } from "./rows.js";
import type { Identity, Status } from "./types.js";

export type Output =
  | { do: "open"; offers: string[]; ticket: string | null }
  | { do: "send"; text: string }
  | { do: "drop" }
  /** Ask for the token, and answer with `core.token`. */
  | { do: "ask"; serial: number }
  | { do: "status"; status: Status }
  | { do: "identity"; identity: Identity | null }
  | { do: "authenticated" }
  | { do: "unauthenticated"; error: FleetwireError }
  /** A message, its data whole. */
  | { do: "message"; message: Envelope }
  | { do: "row"; channel: ChannelName; key: string; row: Row | null }
  | { do: "complete"; channel: ChannelName; isComplete: boolean }
  /** From here on its events are heard: after a position, with history before it, in a new epoch. */
  | { do: "begun"; channel: ChannelName; position: number; history: boolean; isNewEpoch: boolean }
  | { do: "refused"; channel: ChannelName; error: FleetwireError }
  | { do: "answered"; id: number; value: unknown }
  | { do: "failed"; id: number; error: FleetwireError };
