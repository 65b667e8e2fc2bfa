import type { ExpertRow, NewsRow } from "fleetwire";
import { describe, expect, test } from "vitest";
import { around, blackouts, blockedSymbols, calendarOf, surprise } from "../src/lib/calendar";

const at = (clock: string): string => `2026-11-24T${clock}:00.000Z`;
const ms = (clock: string): number => Date.parse(at(clock));
const event = (id: number, clock: string, fields: Partial<NewsRow> = {}): NewsRow => ({ id, status: "announced", name: `event ${id}`, currency: "USD", importance: "high", time_utc: at(clock), source: "", ...fields });
const blocking = (id: number, clock: string, from: string, until: string, fields: Partial<NewsRow> = {}): NewsRow =>
  event(id, clock, { blackout_from_utc: at(from), blackout_until_utc: at(until), symbols: ["EURUSD"], ...fields });

describe("the calendar", () => {
  test("is in order of time, and the later word about an event counts", () => {
    const found = calendarOf([event(1, "12:00"), event(2, "11:00", { symbols: ["EURUSD"] })], [event(1, "10:00"), event(2, "11:00", { actual: 3 })]);
    expect(found.map((one) => [one.id, one.actual, one.symbols])).toEqual([
      [1, undefined, undefined],
      [2, 3, ["EURUSD"]],
    ]);
  });

  test("leaves out what is no announcement, and what has no time", () => {
    expect(calendarOf([event(1, "12:00", { status: "blackout_opened" }), event(2, "x")], [])).toEqual([]);
  });
});

describe("blackouts", () => {
  const all = blackouts(
    calendarOf([blocking(1, "12:00", "11:30", "12:30"), blocking(2, "13:00", "12:30", "13:30", { symbols: ["XAUUSD"] }), blocking(3, "12:00", "11:30", "12:30", { currency: "EUR" }), event(4, "12:00")], []),
  );

  test("of a currency that overlap or touch are one; others are apart", () => {
    expect(all.map((one) => [one.currency, one.fromMs, one.untilMs, one.symbols, one.events.length])).toEqual([
      ["USD", ms("11:30"), ms("13:30"), ["EURUSD", "XAUUSD"], 2],
      ["EUR", ms("11:30"), ms("12:30"), ["EURUSD"], 1],
    ]);
  });

  test.each([
    ["11:29", [], ["USD", "EUR"]],
    ["11:30", ["USD", "EUR"], []],
    ["12:30", ["USD"], []],
    ["13:30", [], []],
  ])("at %s: open %j, next %j", (clock, open, next) => {
    const found = around(all, ms(clock));
    expect([found.open.map((one) => one.currency), found.next.map((one) => one.currency)]).toEqual([open, next]);
  });
});

test("blocked symbols are those of the experts that say so", () => {
  const row = (symbol: string, fields: Partial<ExpertRow> = {}): ExpertRow => ({ symbol, status: "active", trading_blocked: true, blocked_until_utc: at("12:30"), ...fields }) as ExpertRow;
  const rows = [row("EURUSD"), row("EURUSD", { blocked_until_utc: at("13:00") }), row("GBPUSD", { trading_blocked: false }), row("USDJPY", { status: "history" })];
  expect(blockedSymbols(rows)).toEqual([{ symbol: "EURUSD", untilMs: ms("13:00"), experts: 2 }]);
});

test.each([
  [3, 2, 1],
  ["0.2%", "0.2%", 0],
  [-1.1, "-0.8%", -1],
  [undefined, 2, null],
  ["x", 2, null],
])("actual %j beside forecast %j: %j", (actual, forecast, expected) => {
  expect(surprise(event(1, "12:00", { ...(actual === undefined ? {} : { actual }), forecast }))).toBe(expected);
});
