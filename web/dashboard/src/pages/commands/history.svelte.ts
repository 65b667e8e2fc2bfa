/** Commands that were given: pages of the API, overruled by what the channel tells. Parts of others are left out. */

import type { CommandRow } from "fleetwire";
import { ApiError, api, type Page } from "../../lib/api";
import { live } from "../../lib/live.svelte";
import { session } from "../../lib/session.svelte";
import { newestFirst } from "../../lib/targets";

const LIMIT = 100;

export class History {
  #read = $state.raw<ReadonlyMap<string, CommandRow>>(new Map());
  #next = $state.raw<string | undefined>(undefined);
  why = $state("");
  busy = $state(false);
  /** Whether the first page has been read, or will not be. */
  ready = $state(false);

  rows = $derived.by(() => {
    const found = new Map(this.#read);
    for (const row of live.commands.list) {
      const before = found.get(row.command_id);
      if (row.parent_id === undefined && (before === undefined || before.changed_at <= row.changed_at)) found.set(row.command_id, row);
    }
    return new Map([...found.values()].sort(newestFirst).map((row) => [row.command_id, row]));
  });

  get hasMore(): boolean {
    return this.#next !== undefined;
  }

  /** Read the newest page anew; what was read before stays. */
  async begin(signal: AbortSignal): Promise<void> {
    if (session.token === null) {
      this.ready = true; // a ticket opens the live view only
      return;
    }
    await this.#ask(this.#read.size === 0, undefined, signal);
    this.ready = true;
  }

  async older(): Promise<void> {
    await this.#ask(true, this.#next);
  }

  async find(id: string): Promise<CommandRow | null> {
    try {
      return await api.get<CommandRow>(`commands/${encodeURIComponent(id)}`);
    } catch (error) {
      if (error instanceof ApiError) return null;
      throw error;
    }
  }

  async #ask(moves: boolean, cursor: string | undefined, signal?: AbortSignal): Promise<void> {
    this.busy = true;
    try {
      const page = await api.get<Page<CommandRow>>("commands", { parts: "no", limit: LIMIT, cursor }, signal);
      this.#read = new Map([...this.#read, ...page.items.map((row) => [row.command_id, row] as const)]);
      if (moves) this.#next = page.next;
      this.why = "";
    } catch (error) {
      if (!signal?.aborted) this.why = error instanceof ApiError ? error.message : "they could not be read";
    }
    this.busy = false;
  }
}
