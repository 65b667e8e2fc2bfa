/** A state channel for components: they read `version`, and are run again once per frame in which anything changed. */

import type { StateStore } from "fleetwire";

export class Rows<R> {
  readonly rows = new Map<string, R>();
  /** How often anything has changed. */
  version = $state(0);
  /** How often rows have come or gone: what lists of keys depend on. */
  shape = $state(0);
  complete = $state(false);
  #store: StateStore<R> | null = null;

  constructor(private readonly whole: (row: R, key: string) => R) {}

  /** Follow a store of the client, from now on and until the next. */
  follow(store: StateStore<R>): () => void {
    this.#store = store;
    return store.subscribe((rows, changed) => {
      this.complete = store.complete;
      let isOther = false;
      for (const key of changed) {
        const row = rows.get(key);
        if ((row === undefined) === this.rows.has(key)) isOther = true;
        if (row === undefined) this.rows.delete(key);
        else this.rows.set(key, this.whole(row, key));
      }
      if (isOther) this.shape += 1;
      this.version += 1;
    });
  }

  /** One row as it is now; whoever reads it is run again when anything changes. */
  get(key: string): R | undefined {
    void this.version;
    return this.rows.get(key);
  }

  ageMs(key: string): number | null {
    return this.#store?.ageMs(key) ?? null;
  }

  clear(): void {
    this.rows.clear();
    this.complete = false;
    this.#store = null;
    this.version += 1;
    this.shape += 1;
  }
}
