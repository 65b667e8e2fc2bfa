/** The columns of a table: what each shows, how it is sorted, and when there is no room for it. */

import type { Snippet } from "svelte";

export interface Column<R> {
  key: string;
  label: string;
  /** What the column is: formula and source. */
  explain: string;
  /** In rem: as wide as this at least. */
  width: number;
  /** Never cut: as wide as the longest text that is seen. What is not whole ends with an ellipsis, and says all of it when pointed at. */
  whole?: boolean;
  /** What stands in the cell beside the text, in rem. */
  beside?: number;
  /** Its part of what is left over; none keeps its width. */
  grows?: number;
  align?: "left" | "right";
  /** What gives way first where there is no room: the highest. 0 always stays. */
  rank: number;
  text: (row: R) => string;
  tone?: (row: R) => "gain" | "loss" | "muted" | "";
  /** What it is sorted by; without it, it is not. */
  by?: (row: R) => number | string;
  /** Instead of the text. */
  cell?: Snippet<[R]>;
  /** Whether its changes are seen. */
  breathes?: boolean;
}

const GAP_REM = 1.125; // of a cell, left and right, and a pixel or two
const SIGN_REM = 1; // beside a label: which way it is sorted
const WHOLE_REM_MAX = 16; // what a program has called something may be of any length

/**
 * Tell how wide a column has to be.
 *
 * @param rows those that are seen.
 * @param measure how wide a text is, in rem.
 * @param before what it was: a column never becomes narrower, so that nothing jumps to and fro.
 */
export function needed<R>(column: Column<R>, rows: readonly R[], measure: (text: string) => number, before = 0): number {
  if (!column.whole) return column.width;
  const texts = rows.map(column.text).map((text) => text.replace(/\d/g, "0"));
  // Of texts of one length none is measured twice: figures stand in columns, so that their digits are of one width.
  const longest = [...new Set(texts)].sort((a, b) => b.length - a.length).slice(0, 6);
  const widest = Math.max(0, ...longest.map(measure)) + (column.beside ?? 0);
  const label = measure(column.label) + (column.by ? SIGN_REM : 0);
  return Math.max(column.width, before, Math.min(WHOLE_REM_MAX, Math.max(widest, label) + GAP_REM));
}

/** Choose the columns that fit. `width` tells how wide each has to be, in rem. */
export function fitting<R>(columns: readonly Column<R>[], widthRem: number, width: (column: Column<R>) => number = (column) => column.width): Column<R>[] {
  let left = [...columns];
  let total = left.reduce((sum, column) => sum + width(column), 0);
  for (const column of [...columns].sort((a, b) => b.rank - a.rank)) {
    if (total <= widthRem || column.rank === 0) break;
    left = left.filter((one) => one !== column);
    total -= width(column);
  }
  return left;
}

/** Compare two values as people do; what is missing comes last either way. */
export function compare(a: number | string, b: number | string): number {
  if (typeof a === "string" || typeof b === "string") return String(a).localeCompare(String(b), undefined, { numeric: true });
  return a - b;
}
