/** The events of one channel, for one iteration. */

import type { Envelope } from "./envelope.js";
import type { FleetwireError } from "./errors.js";

/** Messages that wait for an iteration that does not come to take them: beyond, the oldest go, and a `gap` names them. */
const WAITING_MAX = 10_000;

/** Chooses what is new to one listener: each message once, from its own beginning on. */
export class Cursor {
  #last: number | null;

  /** @param last the position until which it has heard; null to begin with the next `begun` */
  constructor(
    last: number | null,
    private readonly wantsHistory: boolean,
  ) {
    this.#last = wantsHistory ? null : last;
  }

  begun(position: number, history: boolean, isNewEpoch: boolean): void {
    if (this.#last !== null) {
      if (isNewEpoch) this.#last = -1;
    } else if (!this.wantsHistory) this.#last = position;
    else if (history) this.#last = -1;
  }

  get hasBegun(): boolean {
    return this.#last !== null;
  }

  isNew(position: number | undefined): boolean {
    if (this.#last === null) return false;
    if (position === undefined) return true;
    if (position <= this.#last) return false;
    this.#last = position;
    return true;
  }
}

export class Stream<M> implements AsyncIterator<M> {
  #waiting: Envelope[] = [];
  #takers: { resolve(result: IteratorResult<M>): void; reject(error: unknown): void }[] = [];
  #end: { error: FleetwireError | null } | null = null;

  constructor(
    readonly cursor: Cursor,
    private readonly left: () => void,
  ) {}

  take(message: Envelope): void {
    const isGap = message.type === "gap";
    if (this.#end || !(isGap ? this.cursor.hasBegun : this.cursor.isNew(message.position))) return;
    const taker = this.#takers.shift();
    if (taker) return taker.resolve({ done: false, value: message as M });
    this.#waiting.push(message);
    if (this.#waiting.length > WAITING_MAX) this.#overflow();
  }

  /** End it: with an error, or because nobody listens any more. What waits is still given. */
  finish(error: FleetwireError | null): void {
    if (this.#end) return;
    this.#end = { error };
    for (const taker of this.#takers.splice(0)) this.#settle(taker);
    if (error) this.left(); // a loop that is thrown out of does not say so
  }

  next(): Promise<IteratorResult<M>> {
    const message = this.#waiting.shift();
    if (message) return Promise.resolve({ done: false, value: message as M });
    return new Promise((resolve, reject) => {
      if (this.#end) this.#settle({ resolve, reject });
      else this.#takers.push({ resolve, reject });
    });
  }

  return(): Promise<IteratorResult<M>> {
    this.#waiting = [];
    this.finish(null);
    this.left();
    return Promise.resolve({ done: true, value: undefined });
  }

  #settle(taker: { resolve(result: IteratorResult<M>): void; reject(error: unknown): void }): void {
    if (this.#end?.error) taker.reject(this.#end.error);
    else taker.resolve({ done: true, value: undefined });
  }

  /** Let the older half go, and say so. */
  #overflow(): void {
    const gone = this.#waiting.splice(0, WAITING_MAX / 2);
    const first = gone[0]!;
    const last = gone.at(-1)!;
    const before = first.type === "gap" ? (first.data as { since?: number }).since : (first.position ?? 0) - 1;
    const data = { channel: last.channel, since: before, until: last.position };
    this.#waiting.unshift({ type: "gap", data });
  }
}
