/** Trades over the API, page by page, newest first. What is traded meanwhile is read as soon as a deal is told. */

import type { TradeRow } from "fleetwire";
import { ApiError, api, type Page } from "./api";
import { inFront, keyOf } from "./trades";

const PAGE = 200;
const NEWEST = 50;
const NEWEST_PAGES_MAX = 10; // more than that has changed: read from the beginning
const APART_MS = 2_000;

/** Which trades: parameters of the API; times in ISO 8601. */
export interface TradesAsked {
  symbol?: string;
  strategy?: string;
  ea_id?: number;
  account?: string;
  status?: string;
  from?: string;
  until?: string;
}

export class Trades {
  readonly rows = new Map<string, TradeRow>();
  /** Changes with every change of a row. */
  version = $state(0);
  /** The keys that are shown, newest first. */
  order = $state.raw<readonly string[]>([]);
  /** Whether older ones can be read. */
  hasMore = $state(false);
  isLoading = $state(false);
  isRead = $state(false);
  /** Why nothing, or nothing more, could be read. */
  why = $state("");
  /** How many have come that are not shown yet, because somebody is reading. */
  waiting = $state(0);
  #all: readonly string[] = [];
  #cursor: string | undefined;
  #asked: TradesAsked = {};
  #running = new AbortController();
  #isHeld = false;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #readAt = 0;

  /** Read others, from the beginning. */
  ask(asked: TradesAsked): void {
    this.#running.abort();
    this.#running = new AbortController();
    this.#asked = asked;
    this.isRead = false;
    void this.#begin();
  }

  /** While somebody reads, nothing moves: what comes waits. */
  hold(isHeld: boolean): void {
    this.#isHeld = isHeld;
    this.#show();
  }

  /** Show what waits. */
  release(): void {
    this.order = this.#all;
    this.waiting = 0;
  }

  /** Read the page after the last one. */
  async more(): Promise<void> {
    if (this.isLoading || this.#cursor === undefined) return;
    await this.#run(async (signal) => {
      const page = await this.#page(PAGE, this.#cursor, signal);
      this.#cursor = page.next;
      this.hasMore = page.next !== undefined;
      const known = new Set(this.#all);
      const older = this.#put(page.items).filter((key) => !known.has(key));
      this.#all = [...this.#all, ...older];
      this.order = [...this.order, ...older];
    });
  }

  /** Something was traded: read the newest soon, however fast it goes on. */
  refresh(): void {
    if (this.#timer !== null || !this.isRead) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = null;
        this.#readAt = performance.now();
        void this.#newest();
      },
      Math.max(100, this.#readAt + APART_MS - performance.now()),
    );
  }

  stop(): void {
    this.#running.abort();
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  async #begin(): Promise<void> {
    await this.#run(async (signal) => {
      const page = await this.#page(PAGE, undefined, signal);
      this.rows.clear();
      this.#all = this.#put(page.items);
      this.#cursor = page.next;
      this.hasMore = page.next !== undefined;
      this.release();
      this.isRead = true;
    });
  }

  async #newest(): Promise<void> {
    if (this.isLoading) {
      this.refresh();
      return;
    }
    let isCaughtUp = false;
    await this.#run(async (signal) => {
      const newest: string[] = [];
      let cursor: string | undefined;
      for (let pages = 0; pages < NEWEST_PAGES_MAX; pages += 1) {
        const page = await this.#page(NEWEST, cursor, signal);
        const isKnown = (trade: TradeRow): boolean => this.rows.get(keyOf(trade))?.deals === trade.deals;
        isCaughtUp = page.next === undefined || page.items.some(isKnown);
        newest.push(...this.#put(page.items));
        cursor = page.next;
        if (isCaughtUp) break;
      }
      this.#all = inFront(newest, this.#all);
      this.#show();
    });
    if (!isCaughtUp && this.why === "" && !this.#running.signal.aborted) await this.#begin();
  }

  #show(): void {
    if (!this.#isHeld) {
      this.release();
      return;
    }
    const shown = new Set(this.order);
    this.waiting = this.#all.reduce((sum, key) => sum + Number(!shown.has(key)), 0);
  }

  #put(trades: readonly TradeRow[]): string[] {
    for (const trade of trades) this.rows.set(keyOf(trade), trade);
    this.version += 1;
    return trades.map(keyOf);
  }

  #page(limit: number, cursor: string | undefined, signal: AbortSignal): Promise<Page<TradeRow>> {
    return api.get<Page<TradeRow>>("trades", { ...this.#asked, limit, cursor }, signal);
  }

  async #run(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const { signal } = this.#running;
    this.isLoading = true;
    try {
      await work(signal);
      this.why = "";
    } catch (error) {
      if (signal.aborted) return; // others are being read now
      this.why = error instanceof ApiError ? error.message : "the trades could not be read";
    }
    this.isLoading = false;
  }
}
