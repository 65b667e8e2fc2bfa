/** Whether the server has another version of this page: looked at whenever the connection has come back. */

import { live } from "./live.svelte";
import { session } from "./session.svelte";

class Newer {
  is = $state(false);
  #first: string | null = null;

  /** Look after each time that the page becomes live. Called once, by the page itself. */
  watch(): void {
    $effect(() => {
      if (live.isLive && session.isOpen && !import.meta.env.DEV) void this.#look();
    });
  }

  async #look(): Promise<void> {
    try {
      const answer = await fetch(location.pathname, { method: "HEAD", cache: "no-store" });
      const now = answer.headers.get("ETag");
      if (!answer.ok || now === null) return;
      this.#first ??= now;
      this.is = now !== this.#first;
    } catch {
      // It is looked at again when the connection has come back.
    }
  }
}

export const newer = new Newer();
