/** What open positions add up to: by symbol in lots, by currency in its units; what is bought and what is sold apart. */

import type { PositionRow } from "fleetwire";

/** Bought and sold are both at least 0: their sum is the gross exposure, their difference the net one. */
export interface Exposure {
  name: string;
  bought: number;
  sold: number;
  positions: number;
}

export const net = (one: Exposure): number => one.bought - one.sold;
export const gross = (one: Exposure): number => one.bought + one.sold;

/** The open profit of the positions of one currency, swap included. */
export interface OpenProfit {
  currency: string;
  positions: number;
  profit: number;
}

export interface Exposures {
  symbols: Exposure[];
  currencies: Exposure[];
  profits: OpenProfit[];
  /** Positions whose symbol nobody has described: they are in no currency. */
  unknown: number;
}

function add(to: Map<string, Exposure>, name: string, amount: number): void {
  const one = to.get(name) ?? { name, bought: 0, sold: 0, positions: 0 };
  to.set(name, one);
  if (amount > 0) one.bought += amount;
  else one.sold -= amount;
  one.positions += 1;
}

const LOTS = 1e8; // volumes are summed in whole hundred-millionths
const MONEY = 1e4;

export function exposures(positions: Iterable<PositionRow>): Exposures {
  const symbols = new Map<string, Exposure>();
  const currencies = new Map<string, Exposure>();
  const profits = new Map<string, OpenProfit>();
  let unknown = 0;
  for (const position of positions) {
    add(symbols, position.symbol, (position.type === "buy" ? 1 : -1) * Math.round(position.volume * LOTS));
    if (position.exposure === undefined) unknown += 1;
    for (const [currency, units] of Object.entries(position.exposure ?? {})) add(currencies, currency, Math.round(units * MONEY));
    const profit = profits.get(position.currency) ?? { currency: position.currency, positions: 0, profit: 0 };
    profits.set(position.currency, profit);
    profit.positions += 1;
    profit.profit += Math.round((position.profit + position.swap) * MONEY);
  }
  const listed = (found: Map<string, Exposure>, unit: number): Exposure[] =>
    [...found.values()].map((one) => ({ ...one, bought: one.bought / unit, sold: one.sold / unit })).sort((a, b) => a.name.localeCompare(b.name));
  return {
    symbols: listed(symbols, LOTS),
    currencies: listed(currencies, MONEY),
    profits: [...profits.values()].map((one) => ({ ...one, profit: one.profit / MONEY })).sort((a, b) => a.currency.localeCompare(b.currency)),
    unknown,
  };
}
