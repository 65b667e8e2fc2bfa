import { expect, test } from "vitest";
import { decimalsIn, decimalsOf } from "../src/lib/decimals";

test.each([
  [2, 0],
  [2.25, 2],
  [-0.5, 1],
  [1.08541, 5],
  [1 / 3, 5],
])("%d has %d decimals", (value, expected) => {
  expect(decimalsIn(value)).toBe(expected);
});

test.each([
  [[168.74, 168.747], 3],
  [[1.0854, undefined], 4],
  [[19264.453333, 19271], 2],
  [[], 2],
])("prices like %j are written with %d", (prices, expected) => {
  expect(decimalsOf(prices)).toBe(expected);
});
