import type { ExpertRow, PortfolioRow } from "fleetwire";
import { describe, expect, it } from "vitest";
import { EXPERT, PORTFOLIO, shaped } from "../src/lib/shape";

const wrongIn = (row: unknown, form: Parameters<typeof shaped>[1]) => {
  const wrong = new Set<string>();
  return [shaped(row, form, (name) => wrong.add(name)), [...wrong].sort()] as const;
};

describe("a row", () => {
  it("that is as it should be stays the same object", () => {
    const row = { ea_id: 7, symbol: "EURUSD", current_profit: 1.5, last_trades: [{ ticket: 1, profit: 2 }], module_status: { news: "on" } };
    const [taken, wrong] = wrongIn(row, EXPERT);
    expect(taken).toBe(row);
    expect(wrong).toEqual([]);
  });
  it("has no number where something else is told for one: nothing is guessed", () => {
    const row = { ea_id: 7, current_profit: "150", drawdown_pct: null, volume: [], symbol: 5, last_trades: "x", performance_metrics: 5, paused: "no" };
    const [taken, wrong] = wrongIn(row, EXPERT);
    expect(taken).toEqual({ ea_id: 7, current_profit: NaN, drawdown_pct: NaN, volume: NaN, symbol: "", last_trades: [], performance_metrics: {}, paused: false });
    expect(wrong).toEqual(["current_profit", "last_trades", "paused", "performance_metrics", "symbol", "volume"]);
    expect(row.current_profit).toBe("150");
  });
  it("is looked at in all its depth", () => {
    const [taken, wrong] = wrongIn({ breakdown: { symbol: { EURUSD: { eas: "1", positions: 2 }, XAUUSD: 5 } }, trading_blocked: ["EURUSD", 5], by_currency: { USD: { equity: true } } } as unknown as PortfolioRow, PORTFOLIO);
    expect(taken).toEqual({
      breakdown: { symbol: { EURUSD: { eas: NaN, positions: 2, profit: {}, net_profit: {} } } },
      trading_blocked: ["EURUSD"],
      by_currency: { USD: { equity: NaN } },
    });
    expect(wrong).toEqual(["breakdown", "by_currency", "trading_blocked"]);
  });
  it.each([null, 5, "x", [1]])("that is %j is an empty one", (row) => expect(wrongIn(row as unknown as ExpertRow, EXPERT)).toEqual([{}, ["all of it"]]));
  it("may have fields that nobody knows", () => {
    const row = { ea_id: 7, tomorrow: { a: 1 } };
    expect(wrongIn(row, EXPERT)).toEqual([row, []]);
  });
});
