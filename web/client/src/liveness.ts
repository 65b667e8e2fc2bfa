/**
 * Whether the server is still there. Nobody in a page sees the server's pings, so silence is broken by a question: only
 * a question that stays without any answer is a verdict.
 *
 * Timers can't be trusted: a hidden tab's come once a minute, a sleeping machine's not at all. What was heard can: messages
 * are handed over in a hidden tab as well. So a verdict that comes too late is no verdict, but the reason to ask again.
 */

const QUIET_MS = 5_000; // of silence: ask
const PATIENCE_MS = 5_000; // without an answer: what is shown is old
const DEAD_MS = 15_000; // without an answer: the connection is dropped
const LATE_MS = 1_500; // that a timer may come late in a page that is looked at
const SLEPT_MS = 90_000; // more silence than a hidden tab's timers explain

export type Verdict = "ask" | "dead" | null;

export class Liveness {
  isStale = false;
  #heardAt: number;
  #askedAt: number | null = null;
  #deadMs = DEAD_MS;
  #isExcused = false;

  constructor(now: number) {
    this.#heardAt = now;
  }

  heard(now: number): void {
    this.#heardAt = now;
    this.#askedAt = null;
    this.#isExcused = this.isStale = false;
  }

  /** When to check next. */
  get due(): number {
    if (this.#askedAt === null) return this.#heardAt + QUIET_MS;
    return this.#askedAt + (this.isStale ? this.#deadMs : PATIENCE_MS);
  }

  /** Judge the silence. */
  check(now: number): Verdict {
    const late = now - this.due;
    if (late < 0) return null;
    if (now - this.#heardAt > SLEPT_MS) this.isStale = true;
    if (this.#askedAt === null) return this.#ask(now);
    if (late > LATE_MS && !this.#isExcused) {
      this.#isExcused = true;
      return this.#ask(now);
    }
    if (now - this.#askedAt >= this.#deadMs) return "dead";
    this.isStale = true;
    return null;
  }

  /** How long nothing has been heard. */
  silenceMs(now: number): number {
    return now - this.#heardAt;
  }

  /** Look at once: the page is seen again, or the machine has woken after a sleep that its monotonic clock slept through. */
  wake(now: number, sleptMs: number): Verdict {
    this.#heardAt -= sleptMs;
    if (now - this.#heardAt < LATE_MS) return null;
    if (now - this.#heardAt > SLEPT_MS) this.isStale = true;
    // Who looks at the page must not wait long for a link that is most likely dead.
    return this.#ask(now, PATIENCE_MS);
  }

  #ask(now: number, deadMs = DEAD_MS): Verdict {
    this.#askedAt = now;
    this.#deadMs = deadMs;
    return "ask";
  }
}
