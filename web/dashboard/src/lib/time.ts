/** Moments, written in UTC, in the broker's time or in the reader's own. All are milliseconds since 1970, UTC. */

import { NOTHING } from "./formats";

export type Zone = "broker" | "utc" | "local";
export const ZONES: readonly Zone[] = ["broker", "utc", "local"];
export const ZONE_NAMES: Record<Zone, string> = { broker: "broker time", utc: "UTC", local: "your time" };

const cache = new Map<string, Intl.DateTimeFormat>();

function writer(options: Intl.DateTimeFormatOptions, locale: string | undefined): Intl.DateTimeFormat {
  const key = `${locale ?? ""}${JSON.stringify(options)}`;
  let found = cache.get(key);
  if (found === undefined) {
    found = new Intl.DateTimeFormat(locale, options);
    cache.set(key, found);
  }
  return found;
}

/** Milliseconds since 1970 of an ISO text; null where there is none, or none that can be read. */
export function moment(utc: string | null | undefined): number | null {
  if (utc == null) return null;
  const ms = Date.parse(utc);
  return Number.isNaN(ms) ? null : ms;
}

/** Which zone a moment is written in, and how it is shifted for that. The broker's is UTC while it is not known. */
function placed(ms: number, zone: Zone, brokerOffsetS: number | null): { at: number; timeZone?: "UTC" } {
  if (zone === "local") return { at: ms };
  return { at: zone === "broker" ? ms + (brokerOffsetS ?? 0) * 1000 : ms, timeZone: "UTC" };
}

/** The time of day, to the second: "17:31:02". */
export function clock(ms: number | null, zone: Zone, brokerOffsetS: number | null = null, locale?: string): string {
  if (ms === null) return NOTHING;
  const { at, timeZone } = placed(ms, zone, brokerOffsetS);
  const options = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" } as const;
  return writer(timeZone ? { ...options, timeZone } : options, locale).format(at);
}

/** The time of day, to the minute: "17:31". */
export function hourAndMinute(ms: number | null, zone: Zone, brokerOffsetS: number | null = null, locale?: string): string {
  if (ms === null) return NOTHING;
  const { at, timeZone } = placed(ms, zone, brokerOffsetS);
  const options = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" } as const;
  return writer(timeZone ? { ...options, timeZone } : options, locale).format(at);
}

/** The day, without the year: "24 Nov". */
export function day(ms: number, zone: Zone, brokerOffsetS: number | null = null, locale?: string): string {
  const { at, timeZone } = placed(ms, zone, brokerOffsetS);
  const options = { day: "2-digit", month: "short" } as const;
  return writer(timeZone ? { ...options, timeZone } : options, locale).format(at);
}

/** Day and time of day, to the second. */
export function dayAndClock(ms: number | null, zone: Zone, brokerOffsetS: number | null = null, locale?: string): string {
  return ms === null ? NOTHING : `${day(ms, zone, brokerOffsetS, locale)} ${clock(ms, zone, brokerOffsetS, locale)}`;
}

/** How the broker's clock is ahead of UTC: "UTC+2". */
function offsetName(offsetS: number): string {
  const sign = offsetS < 0 ? "\u2212" : "+";
  const minutes = Math.round(Math.abs(offsetS) / 60);
  const rest = minutes % 60;
  return `UTC${sign}${Math.floor(minutes / 60)}${rest ? `:${String(rest).padStart(2, "0")}` : ""}`;
}

/** Which clock times are shown by: "broker, UTC+2". While the broker's is not known, or is no other, they are in UTC, and it says so. */
export function zoneWords(zone: Zone, brokerOffsetS: number | null): string {
  if (zone !== "broker") return ZONE_NAMES[zone];
  return brokerOffsetS ? `broker, ${offsetName(brokerOffsetS)}` : ZONE_NAMES.utc;
}

/** How long something took, in its two greatest units: "2 d 4 h", "3 h 05 min", "12 s". */
export function duration(ms: number | null): string {
  if (ms === null) return NOTHING;
  const s = Math.max(0, Math.floor(ms / 1000));
  const units = [Math.floor(s / 86_400), Math.floor(s / 3600) % 24, Math.floor(s / 60) % 60, s % 60];
  const first = units.findIndex((unit) => unit > 0);
  if (first === -1 || first === 3) return `${s}\u202fs`;
  const names = ["d", "h", "min", "s"];
  const second = String(units[first + 1]).padStart(first === 0 ? 1 : 2, "0");
  return `${units[first]}\u202f${names[first]} ${second}\u202f${names[first + 1]}`;
}

/** When a day begins in a zone: milliseconds since 1970; null for what is no day. `day` is like "2026-11-24". */
export function dayStart(day: string, zone: Zone, brokerOffsetS: number | null = null): number | null {
  const ms = Date.parse(zone === "local" ? `${day}T00:00` : `${day}T00:00Z`);
  if (Number.isNaN(ms)) return null;
  return zone === "broker" ? ms - (brokerOffsetS ?? 0) * 1000 : ms;
}

/** The day of a moment in a zone, like "2026-11-24". */
export function dayOf(ms: number, zone: Zone, brokerOffsetS: number | null = null): string {
  if (zone === "local") return new Date(ms - new Date(ms).getTimezoneOffset() * 60_000).toISOString().slice(0, 10);
  return new Date(zone === "broker" ? ms + (brokerOffsetS ?? 0) * 1000 : ms).toISOString().slice(0, 10);
}

/** A day like "2026-11-24" in words: "Tue, 24 Nov". */
export function dayName(day: string, locale?: string): string {
  return writer({ weekday: "short", day: "2-digit", month: "short", timeZone: "UTC" }, locale).format(Date.parse(`${day}T00:00Z`));
}

/** What is left until a moment: "2:05:09", or "04:59". */
export function countdown(ms: number): string {
  const s = Math.max(0, Math.ceil(ms / 1000));
  const two = (part: number): string => String(part).padStart(2, "0");
  const hours = Math.floor(s / 3600);
  return hours > 0 ? `${hours}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}` : `${two(Math.floor(s / 60))}:${two(s % 60)}`;
}
