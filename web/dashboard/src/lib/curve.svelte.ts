/** The curve of one subject: what the server has kept, and what is told from now on. */

import type { DealRow, EquityPoint } from "fleetwire";
import { ApiError, api, type Page } from "./api";
import { clock } from "./clock.svelte";
import { live } from "./live.svelte";
import { balanceBefore, columnsOf, type Booking, type Point } from "./reckoning";
import { session } from "./session.svelte";
import { moment } from "./time";

export const SPANS = { "1 h": 3_600_000, "1 d": 86_400_000, "1 w": 604_800_000, "1 m": 2_592_000_000 } as const;
export type Span = keyof typeof SPANS;

const POINTS = 600;
const SAMPLE_MS = 1_000;
const DEAL_PAGES_MAX = 5; // the newest 5,000 deals; the curve begins where they do
const LIVE_MAX = 7_200;

/** Whose curve: as the API has it. */
export interface Subject {
  ea_id?: number;
  account?: string;
  currency?: string;
}

/** The balance and the equity now; null while it is not known, or not live. */
export type Now = () => { balance: number; equity: number } | null;

export class Curve {
  span = $state<Span>("1 d");
  isLoading = $state(false);
  why = $state("");
  #kept = $state.raw<readonly Point[]>([]);
  #before = $state.raw<readonly Point[]>([]);
  #live: Point[] = [];
  #beat = $state(0);
  #asked: AbortController | null = null;

  constructor(
    private readonly subject: Subject,
    private readonly now: Now,
    /** Whether a deal moves this subject's balance. */
    private readonly isOurs: (deal: DealRow) => boolean,
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
    return columnsOf([...this.#before, ...this.#kept, ...this.#live.filter((point) => point.ms > until && point.ms >= from)]);
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
      this.#before = await this.#reckoned(from, asked.signal);
      this.why = "";
    } catch (error) {
      if (asked.signal.aborted) return;
      this.why = error instanceof ApiError ? error.message : "the curve could not be read";
    }
    this.isLoading = false;
  }

  /** What the balance was before anybody sampled it: the deals of that time tell. */
  async #reckoned(from: string, signal: AbortSignal): Promise<Point[]> {
    const now = this.now();
    const known = this.#kept[0] ?? (now === null ? undefined : { ms: clock.now, ...now });
    if (known === undefined || known.ms - Date.parse(from) < SPANS[this.span] / POINTS) return [];
    const asked = { from, until: new Date(known.ms).toISOString(), limit: 1000, ...("currency" in this.subject ? {} : this.subject) };
    const bookings: Booking[] = [];
    let cursor: string | undefined;
    for (let page = 0; page < DEAL_PAGES_MAX; page += 1) {
      const found: Page<DealRow> = await api.get<Page<DealRow>>("deals", { ...asked, cursor }, signal);
      for (const deal of found.items) {
        const amount = deal.profit + deal.swap + deal.commission + deal.fee;
        const ms = moment(deal.time_utc);
        if (amount !== 0 && ms !== null && this.isOurs(deal)) bookings.push({ ms, amount });
      }
      cursor = found.next;
      if (cursor === undefined) break;
    }
    return balanceBefore(known, bookings.reverse());
  }
}
