import { SUBPROTOCOL } from "./generated.js";

/**
 * Which version to ask for. A page is not told why a socket does not open: some servers object to a subprotocol that they
 * do not know, and some browsers to a server that passes it over. So every other try is without, until one with it has
 * succeeded once.
 */
export class Offers {
  #isKnown: boolean | null = null; // version 2, by the server

  /** @param newest the newest version to speak */
  constructor(private readonly newest: number) {}

  get subprotocols(): string[] {
    return this.newest > 1 && this.#isKnown !== false ? [SUBPROTOCOL] : [];
  }

  /** Note what was agreed on; gives the version. One that speaks version 1 now may be replaced by another. */
  agreed(subprotocol: string): 1 | 2 {
    const isSecond = subprotocol === SUBPROTOCOL;
    if (this.#isKnown !== true) this.#isKnown = isSecond || null;
    return isSecond ? 2 : 1;
  }

  /** Note that no socket was opened. */
  failed(): void {
    if (this.#isKnown !== true) this.#isKnown = this.#isKnown === null ? false : null;
  }
}
