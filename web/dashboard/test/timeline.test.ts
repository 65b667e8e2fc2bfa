import { expect, it } from "vitest";
import { Timeline } from "../src/lib/timeline";

const STEP = 5_000;

it("goes on from what was noted before, and forgets the oldest", () => {
  const line = new Timeline(4);
  line.begin(20_000, STEP, { "1": [1, 2, 3], "2": [9] });
  expect(line.of("1")).toEqual([1, 2, 3]);
  expect(line.of("2")).toEqual([null, null, 9]);
  line.add(25_000, new Map([["1", 4]]));
  line.add(30_000, new Map([["1", 5]]));
  expect(line.of("1")).toEqual([2, 3, 4, 5]);
  expect(line.of("2")).toEqual([]); // nobody names it any more
});

it("keeps what it has seen after the end of what was noted, and what it has seen of others", () => {
  const line = new Timeline(6);
  for (const [ms, value] of [[15_000, 1], [20_000, 2], [25_000, 3]] as const) line.add(ms, new Map([["1", value], ["2", -value]]));
  line.begin(20_500, STEP, { "1": [10, 11, 12] });
  expect(line.of("1")).toEqual([10, 11, 12, 3]);
  expect(line.of("2")).toEqual([null, null, null, -3]);
});

it("shows where one was not there yet, and where its figure was old", () => {
  const line = new Timeline(5);
  line.add(0, new Map([["1", 1]]));
  line.add(STEP, new Map([["1", null], ["2", 7]]));
  expect(line.of("1")).toEqual([1, null]);
  expect(line.of("2")).toEqual([null, 7]);
  line.begin(STEP, STEP, {});
  expect(line.of("1")).toEqual([]); // nothing is newer, and nothing was noted
});
