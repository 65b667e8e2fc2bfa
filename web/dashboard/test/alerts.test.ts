import type { AlertRow } from "fleetwire";
import { expect, it } from "vitest";
import { fresh } from "../src/lib/fresh";
import { ratesOf, type ClientRow } from "../src/pages/connections/rates";

const alert = (id: number, level: string, raised: string, status = "raised"): AlertRow => ({ alert_id: id, level, status, message: "", rule: "", subject: "", raised_at: `2026-01-01T00:00:${raised}.000Z` });
const OPENED = Date.parse("2026-01-01T00:00:10.000Z");

it("an alert is told once, the gravest first; what is older than the page, seen or over is not", () => {
  const told = new Set<string>();
  const list = [alert(1, "critical", "05"), alert(2, "info", "11"), alert(3, "critical", "12"), alert(4, "warning", "13", "acknowledged"), alert(5, "warning", "14", "cleared")];
  expect(fresh(list, OPENED, told).map((row) => row.alert_id)).toEqual([3, 2]);
  expect(fresh([...list, alert(6, "warning", "15")], OPENED, told).map((row) => row.alert_id)).toEqual([6]);
  expect(fresh(list, OPENED, told)).toEqual([]);
});

it("an alert of the same number from a server that has begun anew is another", () => {
  const told = new Set<string>();
  fresh([alert(1, "info", "20")], OPENED, told);
  expect(fresh([alert(1, "info", "40")], OPENED, told)).toHaveLength(1);
});

it("two readings make a rate, and one makes none", () => {
  const row = (told: number, heard: number): ClientRow => ({ told_messages: told, told_bytes: told * 100, heard_messages: heard, heard_bytes: heard * 10 }) as ClientRow;
  expect(ratesOf(undefined, row(10, 1), 2)).toBeNull();
  expect(ratesOf(row(10, 1), row(30, 2), 2)).toEqual({ toldMessages: 10, toldBytes: 1000, heardMessages: 0.5, heardBytes: 5 });
  expect(ratesOf(row(10, 1), row(10, 1), 0)).toBeNull();
});
