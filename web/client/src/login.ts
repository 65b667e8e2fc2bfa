/** Which token a connection was shown, what became of it, and until when another is waited for. */

import type { FleetwireError } from "./errors.js";

/** Of the server's auth_deadline: who is later than that is told never to come back. */
const TOKEN_PATIENCE = 0.8;
const AUTH_DEADLINE_S = 10;

export class Login {
  /** When a token that was asked for is waited for no longer. */
  due = Infinity;
  /** Why the token that was shown last was not taken. */
  refusal: FleetwireError | null = null;
  #shown: string | null = null; // on this connection; never told

  /** The server waits for a token. */
  awaited(now: number, deadlineS: unknown): void {
    this.due = now + (typeof deadlineS === "number" ? deadlineS : AUTH_DEADLINE_S) * 1000 * TOKEN_PATIENCE;
  }

  /** Take a token; tells whether it is the one that was shown last. */
  given(token: string): boolean {
    this.due = Infinity;
    if (token === this.#shown) return true;
    if (token) this.#shown = token;
    return false;
  }

  taken(): void {
    this.refusal = null;
  }

  /** A token was not taken in place of one that was: that one may be shown again. */
  kept(): void {
    this.#shown = null;
  }

  lost(): void {
    this.#shown = this.refusal = null;
    this.due = Infinity;
  }
}
