/** What is told of a connection, and how fast that goes. */

/** A row of GET /api/v1/clients. */
export interface ClientRow {
  client_id: string;
  address: string;
  state: string;
  authenticated: boolean;
  role: string | null;
  channels: string[];
  connected_at: string;
  token_id: string;
  behind: number;
  round_trip_ms: number | null;
  told_messages: number;
  told_bytes: number;
  heard_messages: number;
  heard_bytes: number;
  max_hz: Record<string, number>;
}

/** What goes to and comes from a client, in messages and bytes a second; null before the second reading. */
export interface Rates {
  toldMessages: number;
  toldBytes: number;
  heardMessages: number;
  heardBytes: number;
}
export type Client = ClientRow & { rates: Rates | null };

/** How fast each counter went from one reading to the next. */
export function ratesOf(before: ClientRow | undefined, now: ClientRow, seconds: number): Rates | null {
  if (before === undefined || seconds <= 0) return null;
  const per = (name: "told_messages" | "told_bytes" | "heard_messages" | "heard_bytes"): number => Math.max(0, now[name] - before[name]) / seconds;
  return { toldMessages: per("told_messages"), toldBytes: per("told_bytes"), heardMessages: per("heard_messages"), heardBytes: per("heard_bytes") };
}
