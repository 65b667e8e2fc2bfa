/** What went by and should be known: messages that were missed or could not be read. Calm, and there until it is closed. */

/** `at` is milliseconds since 1970, by the server's clock; null while that is not known. */
export interface Notice {
  kind: "missed" | "unreadable" | "wrong" | "expiring";
  at: number | null;
  words: string;
}

export class Notices {
  /** One of each kind at most, the newest first. */
  list = $state.raw<readonly Notice[]>([]);
  #closed = new Map<string, string>(); // kind -> words: what somebody has closed is not said again

  say(kind: Notice["kind"], words: string, at: number | null): void {
    if (this.#closed.get(kind) === words || this.of(kind)?.words === words) return;
    this.list = [{ kind, at, words }, ...this.list.filter((one) => one.kind !== kind)];
  }

  of(kind: Notice["kind"]): Notice | undefined {
    return this.list.find((one) => one.kind === kind);
  }

  /** Take one away because it holds no more. */
  end(kind: Notice["kind"]): void {
    if (this.of(kind) !== undefined) this.list = this.list.filter((one) => one.kind !== kind);
    this.#closed.delete(kind);
  }

  /** Somebody has read it. */
  close(notice: Notice): void {
    this.end(notice.kind);
    if (notice.kind === "wrong") this.#closed.set(notice.kind, notice.words); // it is told again with every message
  }

  clear(): void {
    this.list = [];
    this.#closed.clear();
  }
}
