import type { TradeRow } from "fleetwire";
import { describe, expect, test } from "vitest";
import { inFront, keyOf, lasted, totals } from "../src/lib/trades";

const trade = (fields: Partial<TradeRow> = {}): TradeRow => ({
  account: "Broker/5",
  position_id: 7,
  symbol: "EURUSD",
  type: "buy",
  status: "closed",
  volume: 0.1,
  volume_closed: 0.1,
  profit: 0.1,
  commission: -0.07,
  swap: 0,
  fee: 0,
  result: 0.03,
  deals: 2,
  magic: 1,
  time_open_msc: 0,
  time_open_utc: "2026-11-24T10:00:00.000Z",
  time_close_utc: "2026-11-24T10:02:05.000Z",
  time_last_utc: "2026-11-24T10:02:05.000Z",
  ...fields,
});
const currencyOf = (account: string): string => ({ "Broker/5": "USD", "London/6": "EUR" })[account] ?? "";

describe("totals", () => {
  test("are per currency, and never across them", () => {
    const found = totals([trade(), trade({ account: "London/6", result: -2 }), trade({ result: 1 }), trade({ account: "Nobody/7" })], currencyOf);
    expect(found.map((one) => [one.currency, one.trades, one.result])).toEqual([
      ["", 1, 0.03],
      ["EUR", 1, -2],
      ["USD", 2, 1.03],
    ]);
  });

  test("do not drift over ten thousand trades", () => {
    const [sums] = totals(Array.from({ length: 10_000 }, () => trade()), currencyOf);
    expect([sums?.profit, sums?.commission, sums?.result]).toEqual([1000, -700, 300]);
  });

  test("count open trades apart, and only closed ones as won", () => {
    const [sums] = totals([trade({ status: "open" }), trade(), trade({ result: -1 }), trade({ result: 0 })], currencyOf);
    expect([sums?.trades, sums?.open, sums?.won]).toEqual([4, 1, 1]);
  });
});

test("a trade that changed moves to the front and is there once", () => {
  expect(inFront(["d", "b"], ["a", "b", "c"])).toEqual(["d", "b", "a", "c"]);
});

test("a trade is known by its account and its position", () => {
  expect(keyOf(trade())).not.toBe(keyOf(trade({ account: "London/6" })));
});

test("an open trade lasts until now, a closed one until it was closed", () => {
  const now = Date.parse("2026-11-24T11:00:00.000Z");
  expect(lasted(trade(), now)).toBe(125_000);
  expect(lasted(trade({ status: "open" }), now)).toBe(3_600_000);
});
