/** Which alerts a person has still to be told of. */

import type { AlertRow } from "fleetwire";

const GRAVITY: Record<string, number> = { info: 1, warning: 2, critical: 3 };

export const gravity = (row: AlertRow): number => GRAVITY[row.level] ?? 0;

/** One alert is the same however often it is told again; its number alone is not, after a new beginning of the server. */
export const keyOf = (row: AlertRow): string => `${row.alert_id}/${row.raised_at}`;

/**
 * Alerts that a page should tell of, the gravest first: raised since it was opened, not seen by anybody, and not told
 * by it before. `told` remembers.
 */
export function fresh(list: readonly AlertRow[], openedAt: number, told: Set<string>): AlertRow[] {
  const isNew = (row: AlertRow): boolean =>
    (row.status === "raised" || row.status === "told") && Date.parse(row.raised_at) >= openedAt && !told.has(keyOf(row));
  const found = list.filter(isNew);
  for (const row of found) told.add(keyOf(row));
  return found.sort((a, b) => gravity(b) - gravity(a) || b.raised_at.localeCompare(a.raised_at));
}
