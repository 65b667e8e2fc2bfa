/** Time, timers, frames, and the moments at which a page comes to itself. Tests have another one. */

export interface Clock {
  /** Monotonic milliseconds. */
  now(): number;
  /** Milliseconds since 1970, as this machine has it. */
  wall(): number;
  setTimeout(callback: () => void, ms: number): unknown;
  clearTimeout(timer: unknown): void;
  /** Calls once, when something may be drawn next. */
  frame(callback: () => void): void;
  /** Calls whenever the page is seen again, the network is back, or the page is taken out of a freezer. Gives what ends it. */
  onWake(callback: () => void): () => void;
}

const FRAME_MS = 16;
/** Where a page is hidden there are no frames; its rows are told now and then all the same. */
const FRAME_MS_MAX = 250;
const WAKING = ["online", "pageshow", "focus"];
const WAKING_DOCUMENT = ["visibilitychange", "resume"];

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  setTimeout: (callback, ms) => setTimeout(callback, ms),
  clearTimeout: (timer) => clearTimeout(timer as number),
  frame(callback) {
    if (typeof requestAnimationFrame !== "function") {
      setTimeout(callback, FRAME_MS);
      return;
    }
    let isDue = true;
    const once = (): void => {
      if (isDue) callback();
      isDue = false;
    };
    requestAnimationFrame(once);
    setTimeout(once, FRAME_MS_MAX);
  },
  onWake(callback) {
    if (typeof document === "undefined") return () => {};
    const woken = (): void => {
      if (!document.hidden) callback();
    };
    for (const name of WAKING) addEventListener(name, woken);
    for (const name of WAKING_DOCUMENT) document.addEventListener(name, woken);
    return () => {
      for (const name of WAKING) removeEventListener(name, woken);
      for (const name of WAKING_DOCUMENT) document.removeEventListener(name, woken);
    };
  },
};

const JUMP_MS = 2_000; // what is less is a timer that came late

/**
 * Finds out that the machine slept. The monotonic clock of a page may stand still meanwhile; the wall clock does not, but
 * may be set. One that has jumped ahead is taken for sleep: better too old than too young, until the server is heard.
 */
export class SleepDetector {
  #ahead: number;

  constructor(private readonly clock: Clock) {
    this.#ahead = clock.wall() - clock.now();
  }

  /** Milliseconds that the monotonic clock does not know of, since the last look. */
  look(): number {
    const ahead = this.clock.wall() - this.clock.now();
    const jump = ahead - this.#ahead;
    this.#ahead = ahead;
    return jump > JUMP_MS ? jump : 0;
  }
}
