import type { Observable } from "./types.js";

/** Call a program's own function: what it throws, now or later, is its own affair: it is told, and must not stop ours. */
export function call<T>(listener: (value: T) => unknown, value: T): void {
  const failed = (error: unknown): void => console.error(error);
  try {
    const done = listener(value);
    if (typeof (done as PromiseLike<unknown> | undefined)?.then === "function") Promise.resolve(done).catch(failed);
  } catch (error) {
    failed(error);
  }
}

/** A value whose listeners are told when it changes. */
export class Value<T> implements Observable<T> {
  #listeners = new Set<(value: T) => void>();

  constructor(private current: T) {}

  get value(): T {
    return this.current;
  }

  set(value: T): void {
    if (value === this.current) return;
    this.current = value;
    for (const listener of [...this.#listeners]) call(listener, value);
  }

  subscribe(listener: (value: T) => void): () => void {
    const own = (value: T): void => listener(value); // the same function may subscribe twice
    this.#listeners.add(own);
    call(own, this.current);
    return () => void this.#listeners.delete(own);
  }
}
