import { FleetwireError } from "./errors.js";
import { call } from "./observable.js";
import type { Row } from "./rows.js";
import { utcMs } from "./serverclock.js";
import type { StateStore } from "./types.js";

type Listener<R> = (rows: ReadonlyMap<string, R>, changed: ReadonlySet<string>) => void;

/** What a store needs of its client. */
export interface StoreHost {
  /** Call `store.flush` with the next frame. */
  schedule(store: { flush(): void }): void;
  serverNow(): number | null;
  /** A store has got its first listener, or lost its last. */
  used(store: object, isUsed: boolean): void;
}

/** The rows of a state channel, or of some keys of it, for those who draw them. */
export class Store<R> implements StateStore<R> {
  readonly rows = new Map<string, R>();
  complete = false;
  error: FleetwireError | null = null;
  #asOf = new Map<string, number | null>();
  #changed = new Set<string>();
  #listeners = new Set<Listener<R>>();

  constructor(
    readonly keys: ReadonlySet<string> | null,
    private readonly host: StoreHost,
  ) {}

  take(key: string, row: Row | null): void {
    if (this.keys && !this.keys.has(key)) return;
    if (row) {
      this.rows.set(key, row.data as R);
      this.#asOf.set(key, utcMs(row.asOf));
    } else {
      this.rows.delete(key);
      this.#asOf.delete(key);
    }
    this.#changed.add(key);
    this.host.schedule(this);
  }

  stand(complete: boolean, error: FleetwireError | null): void {
    if (complete === this.complete && error === this.error) return;
    this.complete = complete;
    this.error = error;
    this.host.schedule(this);
  }

  /** Tell the listeners what has changed since the last frame. */
  flush(): void {
    const changed = this.#changed;
    this.#changed = new Set();
    for (const listener of [...this.#listeners]) call(() => listener(this.rows, changed), undefined);
  }

  subscribe(listener: Listener<R>): () => void {
    const own: Listener<R> = (rows, changed) => listener(rows, changed);
    this.#listeners.add(own);
    if (this.#listeners.size === 1) this.host.used(this, true);
    call(() => own(this.rows, new Set(this.rows.keys())), undefined);
    return () => {
      if (this.#listeners.delete(own) && this.#listeners.size === 0) this.host.used(this, false);
    };
  }

  ageMs(key: string): number | null {
    const now = this.host.serverNow();
    const asOf = this.#asOf.get(key) ?? null;
    return now === null || asOf === null ? null : Math.max(0, now - asOf);
  }
}
