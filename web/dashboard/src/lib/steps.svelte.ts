/** The steps that commands have taken, each with its time: the channel tells them one by one. */

import type { CommandRow } from "fleetwire";

const COMMANDS_MAX = 5_000;

export interface Step {
  status: string;
  /** UTC. */
  at: string;
}

export class Steps {
  #known = new Map<string, Step[]>();

  /** Note how a command stands; gives it back. */
  hear(row: CommandRow): CommandRow {
    const steps = this.#known.get(row.command_id) ?? [];
    if (steps.at(-1)?.status !== row.status) steps.push({ status: row.status, at: row.changed_at });
    this.#known.delete(row.command_id);
    this.#known.set(row.command_id, steps);
    if (this.#known.size > COMMANDS_MAX) this.#known.delete(this.#known.keys().next().value as string);
    return row;
  }

  /** When a command was heard of first. */
  firstOf(id: string): string | undefined {
    return this.#known.get(id)?.[0]?.at;
  }

  /** All that is known of a command's life: what was heard, where it began, and how it stands. */
  of(row: CommandRow): Step[] {
    const steps = [...(this.#known.get(row.command_id) ?? [])];
    if (steps[0]?.status !== "queued") steps.unshift({ status: "queued", at: row.issued_at });
    if (steps.at(-1)?.status !== row.status) steps.push({ status: row.status, at: row.changed_at });
    return steps;
  }

  clear(): void {
    this.#known.clear();
  }
}
