/** How figures are written: decimals by the reader's locale, thin spaces between thousands, real signs, always a unit. */

const THIN = "\u202f"; // does not break a line
const MINUS = "\u2212";
export const NOTHING = "\u2013";

const cache = new Map<string, Intl.NumberFormat>();

function writer(options: Intl.NumberFormatOptions, locale?: string): Intl.NumberFormat {
  const key = `${locale ?? ""}${JSON.stringify(options)}`;
  let found = cache.get(key);
  if (found === undefined) {
    found = new Intl.NumberFormat(locale, options);
    cache.set(key, found);
  }
  return found;
}

function written(value: number, options: Intl.NumberFormatOptions, locale?: string): string {
  return writer(options, locale)
    .formatToParts(value)
    .map((part) => (part.type === "group" ? THIN : part.type === "minusSign" ? MINUS : part.value))
    .join("");
}

/** A number with so many decimals. */
export function number(value: number | null | undefined, decimals = 2, locale?: string): string {
  if (value == null || !Number.isFinite(value)) return NOTHING;
  return written(value, { minimumFractionDigits: decimals, maximumFractionDigits: decimals }, locale);
}

/** A number that always shows its sign; zero has none. */
export function signed(value: number | null | undefined, decimals = 2, locale?: string): string {
  if (value == null || !Number.isFinite(value)) return NOTHING;
  const options = { minimumFractionDigits: decimals, maximumFractionDigits: decimals, signDisplay: "exceptZero" } as const;
  return written(value, options, locale);
}

/** Money with its currency behind it. */
export function money(value: number | null | undefined, currency: string, locale?: string): string {
  return value == null ? NOTHING : `${number(value, decimalsOf(currency), locale)}${THIN}${currency}`;
}

/** A result: money with its sign. */
export function result(value: number | null | undefined, currency: string, locale?: string): string {
  return value == null ? NOTHING : `${signed(value, decimalsOf(currency), locale)}${THIN}${currency}`;
}

/** A result without its currency, which stands elsewhere, and decides upon the decimals. */
export function amount(value: number | null | undefined, currency: string, locale?: string): string {
  return signed(value, decimalsOf(currency), locale);
}

/** Percent that are percent already: 3.5 is "3.50 %". */
export function percent(value: number | null | undefined, decimals = 2, locale?: string): string {
  return value == null || !Number.isFinite(value) ? NOTHING : `${number(value, decimals, locale)}${THIN}%`;
}

/** A volume in lots. */
export function lots(value: number | null | undefined, locale?: string): string {
  return value == null ? NOTHING : `${number(value, 2, locale)}${THIN}lots`;
}

/** A price: as many decimals as it has, at most eight. */
export function price(value: number | null | undefined, locale?: string): string {
  return value == null ? NOTHING : written(value, { maximumFractionDigits: 8, minimumFractionDigits: 2 }, locale);
}

/** Bytes, short: "80 B", "1.5 kB", "12 MB"; a kB has a thousand. */
export function bytes(value: number | null | undefined, locale?: string): string {
  if (value == null || !Number.isFinite(value)) return NOTHING;
  const units = ["B", "kB", "MB", "GB", "TB"];
  let at = 0;
  for (; value >= 999.5 && at < units.length - 1; at += 1) value /= 1000;
  return `${number(value, at > 0 && value < 9.95 ? 1 : 0, locale)}${THIN}${units[at] ?? ""}`;
}

/** "40 experts", "1 expert". */
export function count(value: number, one: string, many = `${one}s`): string {
  return `${number(value, 0)} ${value === 1 ? one : many}`;
}

/** How long ago, short: "80 ms", "0.9 s", "12 s", "3 min", "2 h", "4 d". */
export function age(ms: number | null | undefined, locale?: string): string {
  if (ms == null || !Number.isFinite(ms)) return NOTHING;
  const past = Math.max(0, ms);
  if (past < 10_000) return `${number(past / 1000, 1, locale)}${THIN}s`;
  if (past < 120_000) return `${number(past / 1000, 0, locale)}${THIN}s`;
  if (past < 7_200_000) return `${number(past / 60_000, 0, locale)}${THIN}min`;
  if (past < 172_800_000) return `${number(past / 3_600_000, 0, locale)}${THIN}h`;
  return `${number(past / 86_400_000, 0, locale)}${THIN}d`;
}

/** "gain", "loss" or "": the class of a result. */
export function toneOf(value: number | null | undefined): "gain" | "loss" | "" {
  if (value == null || value === 0) return "";
  return value > 0 ? "gain" : "loss";
}

/** A shape that says the same as the colour: ▲ ▼ or none. */
export function shapeOf(value: number | null | undefined): string {
  if (value == null || value === 0) return "";
  return value > 0 ? "▲" : "▼";
}

function decimalsOf(currency: string): number {
  return currency === "JPY" || currency === "HUF" || currency === "KRW" ? 0 : 2;
}
