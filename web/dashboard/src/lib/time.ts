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

/** Day and time of day, to the second. */
export function dayAndClock(ms: number | null, zone: Zone, brokerOffsetS: number | null = null, locale?: string): string {
  if (ms === null) return NOTHING;
  const { at, timeZone } = placed(ms, zone, brokerOffsetS);
  const options = { day: "2-digit", month: "short" } as const;
  const day = writer(timeZone ? { ...options, timeZone } : options, locale).format(at);
  return `${day} ${clock(ms, zone, brokerOffsetS, locale)}`;
}

/** How the broker's clock is ahead of UTC: "UTC+2". */
export function offsetName(offsetS: number | null): string {
  if (offsetS === null) return "UTC";
  const sign = offsetS < 0 ? "\u2212" : "+";
  const minutes = Math.round(Math.abs(offsetS) / 60);
  const rest = minutes % 60;
  return `UTC${sign}${Math.floor(minutes / 60)}${rest ? `:${String(rest).padStart(2, "0")}` : ""}`;
}

/** What is left until a moment: "2:05:09", or "04:59". */
export function countdown(ms: number): string {
  const s = Math.max(0, Math.ceil(ms / 1000));
  const two = (part: number): string => String(part).padStart(2, "0");
  const hours = Math.floor(s / 3600);
  return hours > 0 ? `${hours}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}` : `${two(Math.floor(s / 60))}:${two(s % 60)}`;
}
