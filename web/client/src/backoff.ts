/** When to come back after a loss: full jitter under a ceiling that grows with every try. Times in milliseconds. */

const FIRST_RETRY_MS_MAX = 1_000;
const EARLY_OUTAGE_MS = 60_000;
const EARLY_RETRY_MS_MAX = 5_000;
const LATE_RETRY_MS_MAX = 30_000;
/** A server that asks for more patience than this is asked again anyway. */
const RETRY_AFTER_MS_MAX = 600_000;
/** A server that sends a client away (4xxx) sooner than this after it was found is left alone longer each time. */
const STEADY_MS = 5_000;

const RETRY_AFTER = /\bretry_after\s*[=:]\s*(\d{1,9}(?:\.\d{1,9})?)/;

export type Return = "never" | "later" | "at_once";

/** Tell from a close code when a client may come back: its range says it. */
export function comesBack(code: number): Return {
  const range = Math.floor(code / 100);
  return range === 40 ? "never" : range === 42 ? "at_once" : "later";
}

/** Read how long the server asks to be left alone. */
export function retryAfterMs(reason: string): number {
  const found = RETRY_AFTER.exec(reason);
  return found ? Math.min(Number(found[1]) * 1000, RETRY_AFTER_MS_MAX) : 0;
}

export class Backoff {
  #beganAt: number | null = null; // the outage
  #foundAt: number | null = null;
  #tries = 0;

  /** Note that the connection works again. */
  found(now: number): void {
    this.#foundAt = now;
  }

  /** How long to wait before the next try; null where the server says not to come back. `chance` is drawn from 0 to 1. */
  nextDelayMs(now: number, chance: number, code: number | null, reason: string): number | null {
    const when = code === null ? "later" : comesBack(code);
    if (when === "never") return null;
    const sentAway = code !== null && code >= 4000;
    const isOver = this.#foundAt !== null && (!sentAway || now - this.#foundAt >= STEADY_MS);
    if (this.#beganAt === null || isOver) {
      this.#beganAt = now;
      this.#tries = 0;
    }
    this.#foundAt = null;
    const tries = this.#tries++;
    if (when === "at_once" && tries === 0) return 0;
    const cap = now - this.#beganAt < EARLY_OUTAGE_MS ? EARLY_RETRY_MS_MAX : LATE_RETRY_MS_MAX;
    return retryAfterMs(reason) + chance * Math.min(cap, FIRST_RETRY_MS_MAX * 2 ** Math.min(tries, 16));
  }
}
