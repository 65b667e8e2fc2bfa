/** The economic calendar as it stands: events by time, the blackouts around them, and which is next. */

import type { ExpertRow, NewsRow } from "fleetwire";
import { moment } from "./time";

/** An event with its times in milliseconds since 1970. `symbols` are those of the fleet that its blackout concerns. */
export interface CalendarEvent extends NewsRow {
  ms: number;
  fromMs: number | null;
  untilMs: number | null;
}

/** A stretch of time in which trading is blocked because of a currency, [from, until), and the events that make it. */
export interface Blackout {
  currency: string;
  fromMs: number;
  untilMs: number;
  events: CalendarEvent[];
  symbols: string[];
}

/** A symbol that is blocked now, as its experts tell it. */
export interface BlockedSymbol {
  symbol: string;
  untilMs: number | null;
  experts: number;
}

/**
 * Put together what the API has listed and what the channel has announced; the later word counts.
 *
 * @param listed what the API listed.
 * @param announced what the channel told since, in any order; rows of blackouts are passed over.
 * @returns the events in order of time; those whose time can't be read are left out.
 */
export function calendarOf(listed: readonly NewsRow[], announced: readonly NewsRow[]): CalendarEvent[] {
  const events = new Map<string, NewsRow>();
  for (const row of [...listed, ...announced]) {
    if (row.status !== "announced") continue;
    const known = events.get(String(row.id));
    events.set(String(row.id), known?.symbols === undefined ? row : { symbols: known.symbols, ...row });
  }
  return [...events.values()]
    .flatMap((row) => {
      const ms = moment(row.time_utc);
      return ms === null ? [] : [{ ...row, ms, fromMs: moment(row.blackout_from_utc), untilMs: moment(row.blackout_until_utc) }];
    })
    .sort((a, b) => a.ms - b.ms || String(a.id).localeCompare(String(b.id), undefined, { numeric: true }));
}

/** Find the blackouts, in order of their beginning. Those of a currency that overlap or touch are one. */
export function blackouts(events: readonly CalendarEvent[]): Blackout[] {
  const found: Blackout[] = [];
  const last = new Map<string, Blackout>();
  const blocking = events.filter((event) => event.fromMs !== null && event.untilMs !== null);
  for (const event of blocking.sort((a, b) => (a.fromMs ?? 0) - (b.fromMs ?? 0))) {
    const [fromMs, untilMs] = [event.fromMs ?? 0, event.untilMs ?? 0];
    const before = last.get(event.currency);
    if (before !== undefined && fromMs <= before.untilMs) {
      before.untilMs = Math.max(before.untilMs, untilMs);
      before.events.push(event);
      before.symbols = [...new Set([...before.symbols, ...(event.symbols ?? [])])].sort();
      continue;
    }
    const blackout = { currency: event.currency, fromMs, untilMs, events: [event], symbols: [...(event.symbols ?? [])] };
    last.set(event.currency, blackout);
    found.push(blackout);
  }
  return found;
}

/** What is open, and what begins next: all that begin at that moment. Those that concern no symbol of the fleet count, too. */
export function around(all: readonly Blackout[], nowMs: number): { open: Blackout[]; next: Blackout[] } {
  const open = all.filter((one) => one.fromMs <= nowMs && nowMs < one.untilMs);
  const first = all.find((one) => one.fromMs > nowMs);
  return { open, next: first === undefined ? [] : all.filter((one) => one.fromMs === first.fromMs) };
}

/** Which symbols are blocked now: what their experts tell. */
export function blockedSymbols(experts: Iterable<ExpertRow>): BlockedSymbol[] {
  const found = new Map<string, BlockedSymbol>();
  for (const row of experts) {
    if (!row.trading_blocked || row.status === "history") continue;
    const one = found.get(row.symbol) ?? { symbol: row.symbol, untilMs: null, experts: 0 };
    found.set(row.symbol, one);
    one.experts += 1;
    const untilMs = moment(row.blocked_until_utc);
    if (untilMs !== null) one.untilMs = Math.max(one.untilMs ?? 0, untilMs);
  }
  return [...found.values()].sort((a, b) => a.symbol.localeCompare(b.symbol));
}

/** How an actual figure compares with its forecast: 1 above, -1 below, 0 the same; null where one is missing or no number. */
export function surprise(event: NewsRow): number | null {
  const [actual, forecast] = [figure(event.actual), figure(event.forecast)];
  return actual === null || forecast === null ? null : Math.sign(actual - forecast);
}

function figure(value: number | string | undefined): number | null {
  if (value === undefined || value === "") return null;
  const found = typeof value === "number" ? value : Number.parseFloat(value);
  return Number.isFinite(found) ? found : null;
}
