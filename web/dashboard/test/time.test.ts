import { expect, it } from "vitest";
import { clock, countdown, day, dayAndClock, moment, zoneWords } from "../src/lib/time";

const AT = Date.parse("2026-11-24T23:30:05.250Z");

it("writes UTC, and the broker's time, whose day may be another", () => {
  expect(clock(AT, "utc", 7200, "en-GB")).toBe("23:30:05");
  expect(clock(AT, "broker", 7200, "en-GB")).toBe("01:30:05");
  expect(dayAndClock(AT, "utc", 7200, "en-GB")).toBe("24 Nov 23:30:05");
  expect(dayAndClock(AT, "broker", 7200, "en-GB")).toBe("25 Nov 01:30:05");
});
it("writes days and times as the reader's language has them, and never in figures that could be read otherwise", () => {
  expect(day(AT, "utc", null, "de")).toBe("24. Nov.");
  expect(day(AT, "utc", null, "en-US")).toBe("Nov 24");
  expect(dayAndClock(AT, "broker", 7200, "de")).toBe("25. Nov. 01:30:05");
});
it("takes UTC for the broker's time while that is not known", () => {
  expect(clock(AT, "broker", null, "en-GB")).toBe("23:30:05");
  expect(zoneWords("broker", null)).toBe("UTC");
  expect(zoneWords("broker", 0)).toBe("UTC");
});
it.each([
  [7200, "UTC+2"],
  [-18_000, "UTC\u22125"],
  [19_800, "UTC+5:30"],
])("names an offset of %i s %s", (s, name) => expect(zoneWords("broker", s)).toBe(`broker, ${name}`));
it.each([undefined, null, "", "soon"])("knows no moment in %s", (text) => expect(moment(text)).toBeNull());
it("counts down, and stops at nothing", () => {
  expect(countdown(7_509_000)).toBe("2:05:09");
  expect(countdown(299_001)).toBe("05:00");
  expect(countdown(-1)).toBe("00:00");
});
