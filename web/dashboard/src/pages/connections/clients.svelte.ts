/** Who is connected, asked for while somebody looks; two readings make a rate. */

import { ApiError, api, type Page } from "../../lib/api";
import { live } from "../../lib/live.svelte";
import { ratesOf, type Client, type ClientRow } from "./rates";

const EVERY_MS = 2_000;
const LIMIT = 1_000;

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
