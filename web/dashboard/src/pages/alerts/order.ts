/** In which order a person looks at alerts, and what each of them is about. */

import type { AlertRow } from "fleetwire";
import type { BadgeTone } from "../../components/Badge.svelte";
import { href } from "../../lib/router.svelte";

export const LEVELS = ["critical", "warning", "info"] as const;
export const TONES: Record<string, BadgeTone> = { critical: "alarm", warning: "late", info: "info" };

const rank = (row: AlertRow): number => LEVELS.findIndex((level) => level === row.level);

/** What nobody has seen first; of these the gravest, and of equal ones the newest. */
export function byNeed(a: AlertRow, b: AlertRow): number {
  return Number(a.status !== "raised") - Number(b.status !== "raised") || rank(a) - rank(b) || b.raised_at.localeCompare(a.raised_at);
}

export function fits(row: AlertRow, level: string, words: string): boolean {
  if (level && row.level !== level) return false;
  const text = `${row.message} ${row.rule} ${row.subject} ${row.ea_id ?? ""} ${row.account ?? ""} ${row.acknowledged_by ?? ""}`.toLowerCase();
  return words.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

/** Where its subject is shown, and how that is called. Subjects are like "ea:1007", "account:Server/5", "command:17". */
export function about(row: AlertRow): { name: string; to: string } | null {
  const [kind = "", ...rest] = row.subject.split(":");
  const name = rest.join(":");
  if (row.ea_id !== undefined) return { name: `expert ${row.ea_id}`, to: href("experts", { ea: String(row.ea_id) }) };
  if (row.account !== undefined) return { name: `account ${row.account}`, to: href("experts", { account: row.account }) };
  if (kind === "command" && name) return { name: `command ${name}`, to: href("commands", { id: name }) };
  if (kind === "news") return { name: "the calendar", to: href("news") };
  return null;
}
