/** What went by and should be known: messages that were missed or could not be read. Calm, and there until it is closed. */

/** `at` is milliseconds since 1970, by the server's clock; null while that is not known. */
export interface Notice {
  kind: "missed" | "unreadable" | "wrong" | "expiring";
  at: number | null;
  words: string;
}

const CLOSED_MAX = 100;

export class Notices {
  /** One of each kind at most, the newest first. */
  list = $state.raw<readonly Notice[]>([]);
  #closed = new Set<string>(); // of the kind that is told again with every message: said once is enough

  say(kind: Notice["kind"], words: string, at: number | null): void {
    const before = this.of(kind);
    if (before?.words === words || this.#closed.has(words)) return;
    if (kind === "wrong" && before !== undefined) return; // one after the other: nothing that somebody reads changes
    this.list = [{ kind, at, words }, ...this.list.filter((one) => one !== before)];
  }

  of(kind: Notice["kind"]): Notice | undefined {
    return this.list.find((one) => one.kind === kind);
  }

  /** Take one away: it holds no more, or somebody has read it. */
  end(kind: Notice["kind"]): void {
    const ended = this.of(kind);
    if (ended === undefined) return;
    this.list = this.list.filter((one) => one !== ended);
    if (kind === "wrong" && this.#closed.size < CLOSED_MAX) this.#closed.add(ended.words);
  }

  clear(): void {
    this.list = [];
    this.#closed.clear();
  }
}
