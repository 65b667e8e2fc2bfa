/** The time that ages are reckoned from: one tick for the whole page, four times a second while anybody looks. */

const TICK_MS = 250;

class PageClock {
  /** Milliseconds since 1970 by the server's clock, as far as it is known. */
  now = $state(Date.now());
  #read: () => number = Date.now;

  constructor() {
    const tick = (): void => {
      if (!document.hidden) this.now = this.#read();
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
