/** For whom a command is, and how many experts that means now; as the server reckons it. */

import type { CommandRow, ExpertRow, TargetData } from "fleetwire";
import { accountOf } from "./experts";

export const TARGETS = ["expert", "account", "group", "strategy", "all"] as const;
export type TargetKind = (typeof TARGETS)[number];

/** What an expert is called by as a strategy: its own word, or its name. */
export const strategyOf = (row: ExpertRow): string => row.strategy_tag || row.name;

const NAMES: Record<Exclude<TargetKind, "expert" | "all">, (row: ExpertRow) => string> = {
  account: accountOf,
  group: (row) => row.group,
  strategy: strategyOf,
};

/** All experts that a target means. */
export function meant(rows: Iterable<ExpertRow>, kind: TargetKind, value: string): ExpertRow[] {
  const fits = (row: ExpertRow): boolean => {
    if (kind === "all") return true;
    if (value === "") return false;
    return kind === "expert" ? String(row.ea_id) === value : NAMES[kind](row) === value;
  };
  return [...rows].filter(fits);
}

/** What there is to choose from. */
export function choices(rows: Iterable<ExpertRow>, kind: TargetKind): string[] {
  if (kind === "all" || kind === "expert") return [];
  return [...new Set([...rows].map(NAMES[kind]))].filter(Boolean).sort();
}

export function targetData(kind: TargetKind, value: string): TargetData {
  if (kind === "all") return { all: true };
  return kind === "expert" ? { ea_id: Number(value) } : { [kind]: value };
}

/** The newest issue first; of one moment, by the id. */
export function newestFirst(a: CommandRow, b: CommandRow): number {
  return b.issued_at.localeCompare(a.issued_at) || a.command_id.localeCompare(b.command_id);
}
