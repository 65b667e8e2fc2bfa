/** What event channels have told, the newest kept: alerts and commands as they stand, trades and news as they came. */

/** The newest rows, one for each key, at most so many. The order is that of their last word, newest first. */
export class Latest<R> {
  #rows = new Map<string, R>();
  #asked = false;
  list = $state.raw<readonly R[]>([]);

  constructor(
    private readonly keyOf: (row: R) => string,
    private readonly countMax: number,
  ) {}

  put(row: R): void {
    const key = this.keyOf(row);
    this.#rows.delete(key);
    this.#rows.set(key, row);
    if (this.#rows.size > this.countMax) this.#rows.delete(this.#rows.keys().next().value as string);
    this.#ask();
  }

  /** Fill in rows that the API has told: what a channel has told already is newer. */
  fill(rows: readonly R[]): void {
    const known = this.#rows;
    this.#rows = new Map();
    for (const row of rows.toReversed()) if (!known.has(this.keyOf(row))) this.#rows.set(this.keyOf(row), row);
    for (const [key, row] of known) this.#rows.set(key, row);
    this.#ask();
  }

  get(key: string): R | undefined {
    void this.list;
    return this.#rows.get(key);
  }

  clear(): void {
    this.#rows.clear();
    this.list = [];
  }

  /** Once per frame, however fast they come; by a timer while the page is hidden, when there are no frames. */
  #ask(): void {
    if (this.#asked) return;
    this.#asked = true;
    const tell = (): void => {
      this.#asked = false;
      this.list = [...this.#rows.values()].reverse();
    };
    if (document.hidden) setTimeout(tell, 250);
    else requestAnimationFrame(tell);
  }
}
