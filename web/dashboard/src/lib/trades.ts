/** What trades add up to, per currency and never across them. */

import type { TradeRow } from "fleetwire";

const UNIT = 10_000; // amounts are summed in whole ten-thousandths, so that nothing drifts

/** The sums of the trades of one currency. */
export interface Totals {
  currency: string;
  trades: number;
  open: number;
  won: number;
  result: number;
  profit: number;
  commission: number;
  swap: number;
  fee: number;
}

const MONEY = ["result", "profit", "commission", "swap", "fee"] as const;

/** The key of a trade: a position is known by its account and its id. */
export const keyOf = (trade: TradeRow): string => `${trade.account} ${trade.position_id}`;

/** How long it took, or has lasted until now; by the server's time. */
export function lasted(trade: TradeRow, nowMs: number): number {
  const until = trade.status === "closed" && trade.time_close_utc !== undefined ? Date.parse(trade.time_close_utc) : nowMs;
  return until - Date.parse(trade.time_open_utc);
}

/** Sum trades; in the order of the currencies' names. `currencyOf` gives "" for an account of which nothing is known. */
export function totals(trades: Iterable<TradeRow>, currencyOf: (account: string) => string): Totals[] {
  const found = new Map<string, Totals>();
  for (const trade of trades) {
    const currency = currencyOf(trade.account);
    const sums = found.get(currency) ?? { currency, trades: 0, open: 0, won: 0, result: 0, profit: 0, commission: 0, swap: 0, fee: 0 };
    found.set(currency, sums);
    sums.trades += 1;
    if (trade.status === "open") sums.open += 1;
    else if (trade.result > 0) sums.won += 1;
    for (const name of MONEY) sums[name] += Math.round(trade[name] * UNIT);
  }
  for (const sums of found.values()) for (const name of MONEY) sums[name] /= UNIT;
  return [...found.values()].sort((a, b) => a.currency.localeCompare(b.currency));
}

/**
 * Put the newest page in front of what was read before: a trade with a new deal moves to the front.
 *
 * @returns the keys in their new order, newest first.
 */
export function inFront(newest: readonly string[], before: readonly string[]): string[] {
  const moved = new Set(newest);
  return [...newest, ...before.filter((key) => !moved.has(key))];
}
