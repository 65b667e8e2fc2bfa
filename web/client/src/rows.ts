/** The rows of one state channel as they were told last: what patches are applied to, and what a snapshot does not name. */

import { type Envelope, fields } from "./envelope.js";
import { REMOVED } from "./generated.js";
import { applyPatch } from "./patch.js";

export interface Row {
  data: unknown;
  position: number | undefined;
  /** When its source said it, or else when it was published (UTC). */
  asOf: string | undefined;
}

export class Rows {
  readonly held = new Map<string, Row>();
  #unnamed = new Map<string, Set<string>>(); // topic -> keys that its snapshot has not named so far

  /** Take a row, whole or as a patch. Gives what is held now, null where it has ceased to exist, undefined where the patch is of another row. */
  take(key: string, envelope: Envelope): Row | null | undefined {
    const { patch, position } = envelope;
    const before = this.held.get(key);
    let data = envelope.data;
    if (patch) {
      if (before?.position === undefined || before.position !== envelope.base) return undefined;
      data = applyPatch(before.data, patch);
    }
    for (const unnamed of this.#unnamed.values()) unnamed.delete(key);
    if (fields(data).status === REMOVED) {
      this.held.delete(key);
      return null;
    }
    const row = { data, position, asOf: envelope.as_of ?? envelope.timestamp };
    this.held.set(key, row);
    return row;
  }

  /** Note that all rows of a topic are about to be told anew. */
  begin(topic: string): void {
    const key = keyOf(topic);
    const held = key === null ? this.held.keys() : this.held.has(key) ? [key] : [];
    this.#unnamed.set(topic, new Set(held));
  }

  /** Drop what was not told anew; gives its keys. */
  end(topic: string): string[] {
    const gone = this.#unnamed.get(topic);
    this.#unnamed.delete(topic);
    return gone?.size ? this.drop((key) => gone.has(key)) : [];
  }

  /** Whether no snapshot is on its way. */
  get isComplete(): boolean {
    return this.#unnamed.size === 0;
  }

  /** Wait for no snapshot any more: its connection is lost. */
  forgetSnapshots(): void {
    this.#unnamed.clear();
  }

  /** Drop rows; gives the keys of those that were there. */
  drop(chosen: (key: string) => boolean): string[] {
    const gone = [...this.held.keys()].filter(chosen);
    for (const key of gone) this.held.delete(key);
    return gone;
  }
}

/** The key of a topic like "ea_updates:12345"; null for a whole channel. */
export function keyOf(topic: string): string | null {
  const at = topic.indexOf(":");
  return at < 0 ? null : topic.slice(at + 1);
}

export function channelOf(topic: string): string {
  const at = topic.indexOf(":");
  return at < 0 ? topic : topic.slice(0, at);
}
