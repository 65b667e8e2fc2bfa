import { expect, test } from "vitest";
import { dayOf, dayStart, duration, hourAndMinute } from "../src/lib/time";

const LATE = Date.parse("2026-11-24T22:30:00Z");

test("a day begins at midnight of the zone that is shown", () => {
  expect(dayOf(LATE, "utc")).toBe("2026-11-24");
  expect(dayOf(LATE, "broker", 7_200)).toBe("2026-11-25");
  expect(dayStart("2026-11-25", "broker", 7_200)).toBe(Date.parse("2026-11-24T22:00:00Z"));
  expect(dayStart("2026-11-25", "utc")).toBe(Date.parse("2026-11-25T00:00:00Z"));
  expect(dayOf(dayStart("2026-11-25", "local") ?? 0, "local")).toBe("2026-11-25");
  expect(dayStart("", "utc")).toBe(null);
});

test("the minute is of the zone, too", () => {
  expect(hourAndMinute(LATE, "broker", 7_200, "en-GB")).toBe("00:30");
});

test.each([
  [900, "0\u202fs"],
  [12_000, "12\u202fs"],
  [125_000, "2\u202fmin 05\u202fs"],
  [11_100_000, "3\u202fh 05\u202fmin"],
  [187_200_000, "2\u202fd 4\u202fh"],
  [null, "–"],
])("%j ms took %s", (ms, words) => {
  expect(duration(ms)).toBe(words);
});
