/** Open positions, which no channel tells: asked for while somebody looks, page by page until all are there. */

import type { PositionRow } from "fleetwire";
import { ApiError, api, type Page } from "./api";
import { clock } from "./clock.svelte";

const EVERY_MS = 1_000;
const SHARE = 10; // reading takes at most a tenth of the time
const PAGE = 1_000;

export class Positions {
  rows = $state.raw<ReadonlyMap<string, PositionRow>>(new Map());
  /** Changes with every reading. */
  version = $state(0);
  isRead = $state(false);
  /** When they were read last, by the server's clock. */
  readAt = $state.raw<number | null>(null);
  why = $state("");

  /** Read them now and again and again, until what is given back is called. */
  follow(): () => void {
    const stop = new AbortController();
    void this.#ask(stop.signal);
    return () => stop.abort();
  }

  async #ask(signal: AbortSignal): Promise<void> {
    const began = performance.now();
    if (!document.hidden) {
      try {
        const found = new Map<string, PositionRow>();
        let cursor: string | undefined;
        do {
          const page: Page<PositionRow> = await api.get<Page<PositionRow>>("positions", { limit: PAGE, cursor }, signal);
          for (const row of page.items) found.set(`${row.account} ${row.ticket}`, row);
          cursor = page.next;
        } while (cursor !== undefined);
        this.rows = found;
        this.readAt = clock.now;
        this.isRead = true;
        this.why = "";
        this.version += 1;
      } catch (error) {
        if (!signal.aborted) this.why = error instanceof ApiError ? error.message : "the positions could not be read";
      }
    }
    if (signal.aborted) return;
    const timer = setTimeout(() => void this.#ask(signal), Math.max(EVERY_MS, (performance.now() - began) * SHARE));
    signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  }
}
