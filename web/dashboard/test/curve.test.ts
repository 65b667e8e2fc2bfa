import { expect, it } from "vitest";
import { balanceBefore, columnsOf } from "../src/lib/reckoning";

it("has the best equity so far beside each point", () => {
  const points = [10, 12, 9, 13].map((equity, at) => ({ ms: at * 1000, balance: 10, equity }));
  expect(columnsOf(points)[3]).toEqual([10, 12, 12, 13]);
  expect(columnsOf(points)[0]).toEqual([0, 1, 2, 3]);
});
it("knows no drawdown where nobody knows the equity", () => {
  const data = columnsOf([{ ms: 0, balance: 5, equity: null }, { ms: 1, balance: 5, equity: 6 }]);
  expect([data[2], data[3]]).toEqual([[null, 6], [null, 6]]);
});
it("reckons the balance back from where it is known, deal by deal", () => {
  const known = { ms: 400, balance: 100, equity: 101 };
  const bookings = [{ ms: 100, amount: 10 }, { ms: 200, amount: -5 }, { ms: 500, amount: 1000 }];
  expect(balanceBefore(known, bookings)).toEqual([
    { ms: 100, balance: 105, equity: null },
    { ms: 200, balance: 100, equity: null },
  ]);
});
