/** How far two clocks may go apart in a millisecond: an old measurement is trusted that much less. */
const DRIFT = 0.0002;

/**
 * The server's time, as well as its messages tell it. A stamp was written between question and answer, and so it is known
 * to half of that time; the best known one is kept until it may have drifted further than a new one.
 */
export class ServerClock {
  #ahead: number | null = null; // the server's time minus our monotonic clock
  #error = 0;
  #learnedAt = 0;

  learn(serverTime: unknown, askedAt: number, heardAt: number): void {
    const server = utcMs(serverTime);
    if (server === null || askedAt > heardAt) return;
    const error = (heardAt - askedAt) / 2;
    if (this.#ahead === null || error <= this.#error + (heardAt - this.#learnedAt) * DRIFT) {
      this.#ahead = server - (askedAt + heardAt) / 2;
      this.#error = error;
      this.#learnedAt = heardAt;
    }
  }

  /** Note that the machine seems to have slept, which its clock did not count: anything new is trusted more than that. */
  slept(ms: number): void {
    if (this.#ahead !== null) this.#ahead += ms;
    this.#error = Infinity;
  }

  /** Milliseconds since 1970 by the server's clock; null while nothing is known. */
  now(now: number): number | null {
    return this.#ahead === null ? null : now + this.#ahead;
  }
}

/** Read a UTC stamp as milliseconds since 1970; null for anything else. */
export function utcMs(stamp: unknown): number | null {
  const read = typeof stamp === "string" ? Date.parse(stamp) : NaN;
  return Number.isNaN(read) ? null : read;
}
