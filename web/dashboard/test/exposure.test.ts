import type { PositionRow } from "fleetwire";
import { expect, test } from "vitest";
import { exposures, gross, net } from "../src/lib/exposure";

const position = (fields: Partial<PositionRow>): PositionRow => ({
  account: "Broker/5",
  currency: "USD",
  ticket: 1,
  position_id: 1,
  symbol: "EURUSD",
  type: "buy",
  volume: 0.1,
  price_open: 1.08,
  price_current: 1.08,
  sl: 0,
  tp: 0,
  swap: 0,
  profit: 1,
  magic: 0,
  comment: "",
  time_msc: 0,
  time_server: "",
  as_of: "",
  ...fields,
});

test("net is bought less sold, gross both together, by symbol and by currency", () => {
  const found = exposures([
    position({ volume: 0.3, exposure: { EUR: 30_000, USD: -32_400 } }),
    position({ type: "sell", exposure: { EUR: -10_000, USD: 10_800 } }),
    position({ symbol: "USDJPY", volume: 0.2, exposure: { USD: 20_000, JPY: -3_100_000 } }),
  ]);
  expect(found.symbols.map((one) => [one.name, net(one), gross(one)])).toEqual([
    ["EURUSD", expect.closeTo(0.2), expect.closeTo(0.4)],
    ["USDJPY", 0.2, 0.2],
  ]);
  expect(found.currencies.map((one) => [one.name, net(one), gross(one)])).toEqual([
    ["EUR", 20_000, 40_000],
    ["JPY", -3_100_000, 3_100_000],
    ["USD", -1_600, 63_200],
  ]);
  expect(found.unknown).toBe(0);
});

test("a position whose symbol nobody has described is in no currency, and counted", () => {
  const found = exposures([position({}), position({ exposure: { EUR: 1, USD: -1 } })]);
  expect([found.unknown, found.currencies.length, found.symbols[0]?.positions]).toEqual([1, 2, 2]);
});

test("open profit is per currency, swap included", () => {
  const found = exposures([position({ swap: -0.1 }), position({ profit: 0.2 }), position({ currency: "EUR", profit: -5 })]);
  expect(found.profits).toEqual([
    { currency: "EUR", positions: 1, profit: -5 },
    { currency: "USD", positions: 2, profit: 1.1 },
  ]);
});
