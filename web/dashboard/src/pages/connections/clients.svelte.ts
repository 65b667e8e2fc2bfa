/** Who is connected, asked for while somebody looks; two readings make a rate. */

import { ApiError, api, type Page } from "../../lib/api";
import { live } from "../../lib/live.svelte";

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

const EVERY_MS = 2_000;
const LIMIT = 1_000;

/** How fast each counter went from one reading to the next. */
export function ratesOf(before: ClientRow | undefined, now: ClientRow, seconds: number): Rates | null {
  if (before === undefined || seconds <= 0) return null;
  const per = (name: "told_messages" | "told_bytes" | "heard_messages" | "heard_bytes"): number => Math.max(0, now[name] - before[name]) / seconds;
  return { toldMessages: per("told_messages"), toldBytes: per("told_bytes"), heardMessages: per("heard_messages"), heardBytes: per("heard_bytes") };
}

export class Clients {
  rows = $state.raw<ReadonlyMap<string, Client>>(new Map());
  total = $state(0);
  /** By performance.now(); null before the first answer. */
  readAt = $state.raw<number | null>(null);
  why = $state("");
  version = $state(0);
  #asking = false;

  /** Ask now and every two seconds, until what is given back is called. */
  follow(): () => void {
    const ask = (): void => void this.#ask();
    ask();
    const timer = setInterval(ask, EVERY_MS);
    document.addEventListener("visibilitychange", ask);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", ask);
    };
  }

  async #ask(): Promise<void> {
    if (document.hidden || !live.isLive || this.#asking) return;
    this.#asking = true;
    try {
      const page = await api.get<Page<ClientRow>>("clients", { limit: LIMIT });
      const now = performance.now();
      const seconds = this.readAt === null ? 0 : (now - this.readAt) / 1000;
      this.rows = new Map(page.items.map((row) => [row.client_id, { ...row, rates: ratesOf(this.rows.get(row.client_id), row, seconds) }]));
      this.total = page.total ?? page.items.length;
      this.readAt = now;
      this.why = "";
      this.version += 1;
    } catch (error) {
      this.why = error instanceof ApiError ? error.message : "it could not be read";
    }
    this.#asking = false;
  }
}
