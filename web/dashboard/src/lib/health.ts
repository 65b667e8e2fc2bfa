/** The answer to "is everything all right?", in words. */

import type { AlertRow, ExpertRow } from "fleetwire";
import { age, count } from "./formats";
import type { Link } from "./link";

export type Tone = "good" | "late" | "alarm" | "unknown";

export interface Health {
  tone: Tone;
  words: string;
}

export interface Fleet {
  total: number;
  late: number;
  /** Stale or lost, and not because the market is closed. */
  silent: number;
  /** Silent because their market is closed. */
  resting: number;
}

/** Whether an expert is silent so that somebody should look. */
export function isSilent(row: ExpertRow): boolean {
  return (row.link === "stale" || row.link === "lost") && row.why !== "market_closed" && row.status !== "history";
}

export function counted(rows: Iterable<ExpertRow>): Fleet {
  const fleet = { total: 0, late: 0, silent: 0, resting: 0 };
  for (const row of rows) {
    if (row.status === "history") continue;
    fleet.total += 1;
    if (isSilent(row)) fleet.silent += 1;
    else if (row.link === "late") fleet.late += 1;
    else if (row.link !== "fresh") fleet.resting += 1;
  }
  return fleet;
}

/**
 * Say it.
 *
 * @param link the connection: without it nothing else is known.
 * @param complete whether all rows have come.
 * @param fleet how many experts are how.
 * @param oldestMs the age of the oldest number of an expert that should report.
 * @param open the alerts that are not cleared.
 */
export function answer(link: Link, complete: boolean, fleet: Fleet, oldestMs: number | null, open: readonly AlertRow[]): Health {
  if (link.kind === "refused") return { tone: "alarm", words: link.words };
  if (link.kind === "offline" || link.kind === "stale") return { tone: "late", words: link.words };
  if (link.kind === "waiting" || !complete) return { tone: "unknown", words: link.kind === "waiting" ? link.words : "Reading the fleet" };
  if (fleet.total === 0) return { tone: "unknown", words: "No expert has reported yet" };
  const wanted = open.filter((alert) => alert.level !== "info" && alert.status === "raised");
  const critical = wanted.filter((alert) => alert.level === "critical").length;
  const parts = [];
  if (fleet.silent > 0) parts.push(`${count(fleet.silent, "expert")} silent`);
  if (critical > 0) parts.push(count(critical, "critical alert"));
  if (wanted.length > critical) parts.push(count(wanted.length - critical, critical > 0 ? "other alert" : "alert"));
  if (parts.length > 0) return { tone: critical > 0 || fleet.silent > 0 ? "alarm" : "late", words: parts.join(", ") };
  const oldest = oldestMs === null ? "" : `, oldest number ${age(oldestMs)}`;
  if (fleet.late > 0) return { tone: "late", words: `${fleet.late} of ${count(fleet.total, "expert")} late${oldest}` };
  const resting = fleet.resting > 0 ? `, ${fleet.resting} with a closed market` : "";
  const all = fleet.total === 1 ? "The one expert is" : `All ${count(fleet.total, "expert")}`;
  return { tone: "good", words: `${all} reporting${resting}${oldest}` };
}
