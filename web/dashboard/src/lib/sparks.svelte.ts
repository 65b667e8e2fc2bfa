/** The last minutes of each expert's result, closed and open together: what its sparkline shows. */

import { live } from "./live.svelte";

const EVERY_MS = 2_000;
const POINTS_MAX = 90;

class Sparks {
  /** Changes with every sample. */
  beat = $state(0);
  #points = new Map<string, number[]>();

  constructor() {
    setInterval(() => this.#sample(), EVERY_MS);
  }

  of(key: string): readonly number[] {
    void this.beat;
    return [...(this.#points.get(key) ?? [])];
  }

  #sample(): void {
    if (!live.isLive) return;
    for (const key of this.#points.keys()) if (!live.experts.rows.has(key)) this.#points.delete(key);
    for (const [key, row] of live.experts.rows) {
      if (row.link !== "fresh" && row.link !== "late") continue; // an old figure is no new point
      const points = this.#points.get(key) ?? [];
      points.push(row.net_profit + row.current_profit);
      if (points.length > POINTS_MAX) points.shift();
      this.#points.set(key, points);
    }
    this.beat += 1;
  }
}

export const sparks = new Sparks();
