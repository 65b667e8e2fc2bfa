/** The columns of a table: what each shows, how it is sorted, and when there is no room for it. */

import type { Snippet } from "svelte";

export interface Column<R> {
  key: string;
  label: string;
  /** What the column is: formula and source. */
  explain: string;
  /** In rem: as wide as this at least. */
  width: number;
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

/** Choose the columns that fit. */
export function fitting<R>(columns: readonly Column<R>[], widthRem: number): Column<R>[] {
  let left = [...columns];
  let total = left.reduce((sum, column) => sum + column.width, 0);
  for (const column of [...columns].sort((a, b) => b.rank - a.rank)) {
    if (total <= widthRem || column.rank === 0) break;
    left = left.filter((one) => one !== column);
    total -= column.width;
  }
  return left;
}

/** Compare two values as people do; what is missing comes last either way. */
export function compare(a: number | string, b: number | string): number {
  if (typeof a === "string" || typeof b === "string") return String(a).localeCompare(String(b), undefined, { numeric: true });
  return a - b;
}
