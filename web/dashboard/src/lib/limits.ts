/** What is left before each limit of an account is broken, nearest first. */

import type { AccountRow } from "fleetwire";
import { money, percent } from "./formats";

export interface Headroom {
  key: string;
  account: string;
  name: string;
  /** How much of the limit is used, in percent; over 100 it is broken. */
  usedPct: number;
  left: string;
  explain: string;
}

const NEAR_PCT = 80; // as the server's own rules have it

export function headrooms(accounts: readonly AccountRow[]): Headroom[] {
  return accounts.flatMap(of).sort((a, b) => b.usedPct - a.usedPct);
}

export function toneOfHeadroom(usedPct: number): "calm" | "late" | "alarm" {
  return usedPct >= 100 ? "alarm" : usedPct >= NEAR_PCT ? "late" : "calm";
}

function of(row: AccountRow): Headroom[] {
  const found: Headroom[] = [];
  for (const [name, words] of [
    ["daily_loss", "daily loss"],
    ["max_loss", "maximum loss"],
  ] as const) {
    const limit = row.limits?.[`${name}_max`];
    const used = row.limits?.[`${name}_used_pct`];
    if (limit === undefined || used === undefined) continue;
    const floor = row.limits?.[`${name}_floor`];
    found.push({
      key: `${row.account}/${name}`,
      account: row.account,
      name: words,
      usedPct: used,
      left: `${money(row.limits?.[`${name}_headroom`], row.currency)} left`,
      explain: `${percent(used, 0)} of ${money(limit, row.currency)} are used. It is broken at an equity of ${money(floor, row.currency)}; now it is ${money(row.equity, row.currency)}.`,
    });
  }
  if (row.margin_level !== undefined && row.margin_so_call !== undefined && row.margin_so_call > 0) {
    found.push({
      key: `${row.account}/margin`,
      account: row.account,
      name: "margin call",
      usedPct: (row.margin_so_call / row.margin_level) * 100,
      left: `margin level ${percent(row.margin_level, 0)}`,
      explain: `The broker calls for money at a margin level of ${percent(row.margin_so_call, 0)}, and closes positions at ${percent(row.margin_so_so, 0)}. Now it is ${percent(row.margin_level, 0)}.`,
    });
  }
  return found;
}
