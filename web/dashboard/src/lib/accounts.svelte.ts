/** Accounts with their limits, which no channel tells: asked for as soon as there is a connection, and every two seconds while somebody looks. */

import { untrack } from "svelte";
import type { AccountRow } from "fleetwire";
import { ApiError, api, type Page } from "./api";
import { moment } from "./time";
import { live } from "./live.svelte";
import { session } from "./session.svelte";

const EVERY_MS = 2_000;

class Accounts {
  list = $state.raw<readonly AccountRow[]>([]);
  /** Whether they have been read. */
  isRead = $state(false);
  /** Why there is nothing, or nothing new; "" where all is well. */
  why = $state("");
  /** Of the connection on which the server said that it keeps no fleet: it is not asked again. */
  #without: unknown = null;
  #byName = $derived(new Map(this.list.map((row) => [row.account, row])));

  constructor() {
    setInterval(() => void this.#ask(), EVERY_MS);
    document.addEventListener("visibilitychange", () => void this.#ask());
    $effect.root(() => {
      $effect(() => {
        if (live.isLive && session.token !== null) untrack(() => void this.#ask());
      });
    });
  }

  get(account: string): AccountRow | undefined {
    return this.#byName.get(account);
  }

  /** How the broker's clock is ahead of UTC, in seconds; of any account where none is named. Null while not known. */
  offsetS(account?: string): number | null {
    const row = account === undefined ? this.list.find((one) => one.utc_offset_s !== undefined) : this.get(account);
    return row?.utc_offset_s ?? this.#fromExperts(account);
  }

  async refresh(): Promise<void> {
    await this.#ask();
  }

  /** An expert tells both clocks of its last report. */
  #fromExperts(account: string | undefined): number | null {
    void live.experts.shape;
    for (const row of live.experts.rows.values()) {
      if (account !== undefined && account !== `${row.server}/${row.login}`) continue;
      const server = /^(\d+)\.(\d+)\.(\d+) (.+)$/.exec(row.last_report_server ?? "");
      const utc = moment(row.last_report_utc);
      if (server === null || utc === null) continue;
      const ms = Date.parse(`${server[1]}-${server[2]}-${server[3]}T${server[4]}Z`);
      if (!Number.isNaN(ms)) return Math.round((ms - utc) / 900_000) * 900;
    }
    return null;
  }

  async #ask(): Promise<void> {
    if (session.token === null || document.hidden || !live.isLive || this.#without === live.client) return;
    try {
      this.list = (await api.get<Page<AccountRow>>("accounts", { limit: 1000 })).items;
      this.isRead = true;
      this.why = "";
    } catch (error) {
      this.why = error instanceof ApiError ? error.message : "the accounts could not be read";
      if (error instanceof ApiError && error.code === "no_fleet") this.#without = live.client;
    }
  }
}

export const accounts = new Accounts();
