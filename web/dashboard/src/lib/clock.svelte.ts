/** The time that ages are reckoned from: one tick for the whole page, four times a second while anybody looks. */

const TICK_MS = 250;
const SLEPT_MS = 5_000; // that a tick comes late: the page or the machine has slept

class PageClock {
  /** Milliseconds since 1970 by the server's clock, as far as it is known. */
  now = $state(Date.now());
  /** Nobody has looked yet whether what is shown still holds: whoever looks takes it away. */
  hasSlept = $state(false);
  #read: () => number = Date.now;
  #tickedAt = Date.now();

  constructor() {
    const tick = (): void => {
      if (document.hidden) return;
      if (Date.now() - this.#tickedAt > SLEPT_MS) this.hasSlept = true;
      this.#tickedAt = Date.now();
      this.now = this.#read();
    };
    setInterval(tick, TICK_MS);
    document.addEventListener("visibilitychange", tick);
  }

  /** Take the server's time from now on: this machine's own may be an hour off. */
  follow(read: () => number): void {
    this.#read = read;
    this.now = read();
  }
}

export const clock = new PageClock();
