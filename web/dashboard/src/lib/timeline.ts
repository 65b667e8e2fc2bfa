/** Values of many at common moments: what was before somebody looked, and what is seen from then on. */

export type Value = number | null;

export class Timeline {
  #times: number[] = [];
  #rows = new Map<string, Value[]>();

  /** @param size how many moments are kept. */
  constructor(private readonly size: number) {}

  /** The values of one, oldest first; null where there was none, as before it was first seen. */
  of(key: string): readonly Value[] {
    return this.#rows.get(key) ?? [];
  }

  /** Go on by one moment. Who is not named any more is forgotten. */
  add(ms: number, values: ReadonlyMap<string, Value>): void {
    this.#times = [...this.#times, ms].slice(-this.size);
    const rows = new Map<string, Value[]>();
    for (const [key, value] of values) rows.set(key, [...this.#padded(key, this.#times.length - 1), value]);
    this.#rows = rows;
  }

  /**
   * Put in front what somebody else has noted: its word counts up to its end, and what is newer stays.
   *
   * @param asOf when the last of its values was taken, in milliseconds since 1970; the others were each a step before.
   */
  begin(asOf: number, stepMs: number, values: Readonly<Record<string, readonly Value[]>>): void {
    const newer = this.#times.filter((ms) => ms > asOf + stepMs / 2);
    const length = Math.max(0, ...Object.values(values).map((row) => row.length));
    const before = this.#times.length;
    const rows = new Map<string, Value[]>();
    for (const key of new Set([...Object.keys(values), ...this.#rows.keys()])) {
      const noted = values[key] ?? [];
      const own = newer.length === 0 ? [] : this.#padded(key, before).slice(-newer.length);
      rows.set(key, [...Array<Value>(length - noted.length).fill(null), ...noted, ...own].slice(-this.size));
    }
    this.#times = [...Array.from({ length }, (_, at) => asOf - (length - 1 - at) * stepMs), ...newer].slice(-this.size);
    this.#rows = rows;
  }

  /** The last so many values of one; nothing is known of what was before its first. */
  #padded(key: string, length: number): Value[] {
    const known = this.#rows.get(key) ?? [];
    return length <= 0 ? [] : [...Array<Value>(Math.max(0, length - known.length)).fill(null), ...known].slice(-length);
  }
}
