/** The curve of one subject: what the server has kept, and what is told from now on. */

import type { EquityPoint } from "fleetwire";
import type { CurveData } from "../components/curve";
import { ApiError, api } from "./api";
import { clock } from "./clock.svelte";
import { live } from "./live.svelte";
import { session } from "./session.svelte";
import { moment } from "./time";

export const SPANS = { "1 h": 3_600_000, "1 d": 86_400_000, "1 w": 604_800_000, "1 m": 2_592_000_000 } as const;
export type Span = keyof typeof SPANS;

const POINTS = 600;
const SAMPLE_MS = 1_000;
const LIVE_MAX = 7_200;

/** Whose curve: as the API has it. */
export interface Subject {
  ea_id?: number;
  account?: string;
  currency?: string;
}

/** The balance and the equity now; null while it is not known, or not live. */
export type Now = () => { balance: number; equity: number } | null;

interface Point {
  ms: number;
  balance: number;
  equity: number;
}

/** Points as columns, with the best equity so far beside them: from that to the equity is the drawdown. */
export function columnsOf(points: readonly Point[]): CurveData {
  const data: CurveData = [[], [], [], []];
  let best = -Infinity;
  for (const point of points) {
    best = Math.max(best, point.equity);
    data[0].push(point.ms / 1000);
    data[1].push(point.balance);
    data[2].push(point.equity);
    data[3].push(best);
  }
  return data;
}

export class Curve {
  span = $state<Span>("1 d");
  isLoading = $state(false);
  why = $state("");
  #kept = $state.raw<readonly Point[]>([]);
  #live: Point[] = [];
  #beat = $state(0);
  #asked: AbortController | null = null;

  constructor(
    private readonly subject: Subject,
    private readonly now: Now,
  ) {
    // Asked for anew when the span changes, and whenever the connection has come back: something may have been missed.
    $effect(() => {
      void this.span;
      if (live.isLive && session.token !== null) void this.#ask();
      return () => this.#asked?.abort();
    });
    $effect(() => {
      const timer = setInterval(() => this.#sample(), SAMPLE_MS);
      return () => clearInterval(timer);
    });
  }

  data = $derived.by(() => {
    void this.#beat;
    const from = clock.now - SPANS[this.span];
    const until = this.#kept.at(-1)?.ms ?? 0;
    return columnsOf([...this.#kept, ...this.#live.filter((point) => point.ms > until && point.ms >= from)]);
  });

  #sample(): void {
    const now = live.isLive ? this.now() : null;
    if (now === null) return;
    this.#live.push({ ms: clock.now, ...now });
    if (this.#live.length > LIVE_MAX) this.#live.shift();
    this.#beat += 1;
  }

  async #ask(): Promise<void> {
    const asked = new AbortController();
    this.#asked?.abort();
    this.#asked = asked;
    this.isLoading = true;
    const from = new Date(Date.now() + (live.client?.clockOffsetMs ?? 0) - SPANS[this.span]).toISOString();
    try {
      const found = await api.get<{ points: EquityPoint[] }>("equity", { ...this.subject, from, points: POINTS }, asked.signal);
      this.#kept = found.points.map((point) => ({ ms: moment(point.utc) ?? 0, balance: point.balance, equity: point.equity }));
      this.why = "";
    } catch (error) {
      if (asked.signal.aborted) return;
      this.why = error instanceof ApiError ? error.message : "the curve could not be read";
    }
    this.isLoading = false;
  }
}
