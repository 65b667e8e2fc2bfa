/** A state channel for components: they read `version`, and are run again once per frame in which anything changed. */

import type { StateStore } from "fleetwire";

export class Rows<R> {
  rows: ReadonlyMap<string, R> = new Map();
  /** How often anything has changed. */
  version = $state(0);
  /** How often rows have come or gone: what lists of keys depend on. */
  shape = $state(0);
  complete = $state(false);
  #store: StateStore<R> | null = null;
  #told: ((changed: ReadonlySet<string>) => void)[] = [];

  /** Follow a store of the client, from now on and until the next. */
  follow(store: StateStore<R>): () => void {
    this.#store = store;
    let count = -1;
    return store.subscribe((rows, changed) => {
      this.rows = rows;
      this.complete = store.complete;
      if (rows.size !== count) {
        count = rows.size;
        this.shape += 1;
      }
      this.version += 1;
      for (const tell of this.#told) tell(changed);
    });
  }

  /** Be told which rows changed, once per frame. */
  onChange(tell: (changed: ReadonlySet<string>) => void): () => void {
    this.#told.push(tell);
    return () => {
      this.#told = this.#told.filter((one) => one !== tell);
    };
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
    this.rows = new Map();
    this.complete = false;
    this.#store = null;
    this.version += 1;
    this.shape += 1;
  }
}
