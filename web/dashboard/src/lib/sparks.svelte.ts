/** The last three minutes of each expert's result, closed and open together: what its sparkline shows. */

import type { SparklinesRow } from "fleetwire";
import { api } from "./api";
import { clock } from "./clock.svelte";
import { live } from "./live.svelte";
import { moment } from "./time";
import { Timeline, type Value } from "./timeline";

const EVERY_MS = 5_000; // as the server notes them
export const POINTS_MAX = 36;

class Sparks {
  /** Changes with every sample. */
  beat = $state(0);
  #timeline = new Timeline(POINTS_MAX);

  constructor() {
    setInterval(() => this.#sample(), EVERY_MS);
  }

  of(key: string): readonly Value[] {
    void this.beat;
    return this.#timeline.of(key);
  }

  /** Begin with what the server has noted before anybody looked, and while this page was away. */
  async begin(signal: AbortSignal): Promise<void> {
    try {
      const { as_of, step_ms, experts } = await api.get<SparklinesRow>("experts/sparklines", {}, signal);
      this.#timeline.begin(moment(as_of) ?? clock.now, step_ms, experts);
      this.beat += 1;
    } catch {
      // Without it they begin now.
    }
  }

  #sample(): void {
    if (!live.isLive) return;
    const values = new Map<string, Value>();
    for (const [key, row] of live.experts.rows) {
      const isKnown = row.link === "fresh" || row.link === "late"; // an old figure is no new point
      values.set(key, isKnown ? row.net_profit + row.current_profit : null);
    }
    this.#timeline.add(clock.now, values);
    this.beat += 1;
  }
}

export const sparks = new Sparks();
