/** The calendar for its page: what the API lists, asked for anew as events are told, and what is told meanwhile. */

import type { NewsRow } from "fleetwire";
import { ApiError, api, type Page } from "./api";
import { calendarOf } from "./calendar";
import { clock } from "./clock.svelte";
import { live } from "./live.svelte";

const DAY_MS = 86_400_000;
const BEFORE_MS = 7 * DAY_MS;
const AFTER_MS = 14 * DAY_MS;
const LIMIT = 1_000;
const APART_MS = 2_000;

export class News {
  /** Everything from a week ago until in two weeks, in order of time. */
  events = $derived.by(() => calendarOf(this.#listed, live.news.list.toReversed()));
  isRead = $state(false);
  why = $state("");
  #listed = $state.raw<readonly NewsRow[]>([]);
  #asked = new AbortController();
  #timer: ReturnType<typeof setTimeout> | null = null;
  #readAt = -Infinity;

  /** Read the calendar soon: an event was told, or the connection has come back. */
  refresh(): void {
    this.#timer ??= setTimeout(
      () => {
        this.#timer = null;
        this.#readAt = performance.now();
        void this.#read();
      },
      Math.max(0, this.#readAt + APART_MS - performance.now()),
    );
  }

  stop(): void {
    this.#asked.abort();
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  async #read(): Promise<void> {
    const [from, until] = [clock.now - BEFORE_MS, clock.now + AFTER_MS].map((ms) => new Date(ms).toISOString());
    try {
      this.#listed = (await api.get<Page<NewsRow>>("news", { from, until, limit: LIMIT }, this.#asked.signal)).items;
      this.isRead = true;
      this.why = "";
    } catch (error) {
      if (!this.#asked.signal.aborted) this.why = error instanceof ApiError ? error.message : "the calendar could not be read";
    }
  }
}
