/** One channel: what is wanted of it, what the server was asked for, and until where it was heard. */

import { CHANNELS } from "./generated.js";
import { Rows } from "./rows.js";
import type { Json } from "./envelope.js";
import type { FleetwireError } from "./errors.js";

export type ChannelName = keyof typeof CHANNELS;

/** What the program wants of a channel. */
export interface Want {
  /** The whole channel; else the keys alone. */
  whole: boolean;
  keys: readonly string[];
  /** How often at most rows are told, in messages a second; undefined for as often as they change. */
  maxHz: number | undefined;
}

export class Channel {
  readonly isEvent: boolean;
  readonly rows = new Rows();
  /** What was asked for on this connection. */
  readonly asked = new Set<string>();
  /** What the server refused on this connection: not asked for again before somebody else wants it. */
  readonly refused = new Map<string, FleetwireError>();
  askedHz: number | undefined;
  want: Want | null = null;
  /** How many of its last messages are still to be asked for. */
  historyDue = 0;
  #historyAsked = 0;
  epoch: string | null = null;
  /** The position until which it was heard; null where it can't be gone on with. */
  last: number | null = null;
  /** Until where the snapshot or history reaches that is on its way. */
  pastUntil: number | null = null;
  /** A patch did not fit: nothing of it is believed until it is told anew. */
  isDistrusted = false;
  /** Rows are all that there are. */
  isComplete = false;
  /** A loss that the server has not told of yet. */
  owed: Json | null = null;

  constructor(readonly name: ChannelName) {
    this.isEvent = CHANNELS[name].kind === "event";
  }

  /** The topics that are wanted: the channel, or keys of it. */
  get topics(): string[] {
    if (!this.want) return [];
    return this.want.whole ? [this.name] : this.want.keys.map((key) => `${this.name}:${key}`);
  }

  hears(key: string | undefined): boolean {
    return this.want !== null && (this.want.whole || (key !== undefined && this.want.keys.includes(key)));
  }

  /** Why not all is heard of the channel, or of some of its keys; null where nothing is refused. */
  refusal(keys: Iterable<string> | null): FleetwireError | null {
    const topics = [this.name, ...[...(keys ?? [])].map((key) => `${this.name}:${key}`)];
    return topics.map((topic) => this.refused.get(topic)).find((error) => error) ?? null;
  }

  /** Whether a new connection can go on where the last one ended: single keys are few, and told anew. */
  get canResume(): boolean {
    return this.last !== null && this.epoch !== null && this.want?.whole === true;
  }

  /** Note that the connection is lost. A snapshot that was not all told can't be gone on with; rows stay, as old ones. */
  lost(): void {
    if (this.isEvent) this.last = this.heardUntil;
    else if (!this.isComplete) this.last = null;
    this.historyDue = Math.max(this.historyDue, this.#historyAsked);
    this.#historyAsked = 0;
    this.asked.clear();
    this.refused.clear();
    this.rows.forgetSnapshots();
    this.pastUntil = this.owed = null;
    this.isComplete = this.isDistrusted = false;
  }

  /** Note that nothing of it is wanted any more. */
  forget(): void {
    this.want = this.last = this.owed = null;
    this.historyDue = 0;
    this.rows.forgetSnapshots();
    this.isComplete = false;
  }

  askHistory(): void {
    this.#historyAsked = this.historyDue;
    this.historyDue = 0;
  }

  /** Note that everything of the past has been heard. */
  endPast(): void {
    if (this.pastUntil !== null) this.heard(this.pastUntil);
    this.pastUntil = null;
    this.#historyAsked = 0;
  }

  /** Until where those have heard it who begin now: what is older is history. */
  get heardUntil(): number | null {
    return this.last ?? this.pastUntil;
  }

  heard(position: number | undefined): void {
    if (position !== undefined) this.last = Math.max(this.last ?? 0, position);
  }
}
