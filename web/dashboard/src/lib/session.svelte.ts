/** The token: in the storage of this tab's session and nowhere else; and the ticket that the address may bring, once. */

const KEY = "fleetwire.token";

function stored(): string | null {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null;
  }
}

/** Take the ticket out of the address before anything else can read, log or share it. */
function takenTicket(): string | null {
  const found = /^#ticket=([A-Za-z0-9_-]+)$/.exec(location.hash);
  if (found?.[1] === undefined) return null;
  history.replaceState(null, "", location.pathname + location.search);
  return found[1];
}

class Session {
  ticket = $state.raw<string | null>(takenTicket());
  token = $state.raw<string | null>(stored());
  /** Why a token is asked for, in words; "" at the first time. */
  why = $state("");

  /** How often somebody has wanted to give the token beside what a ticket has opened. */
  wanted = $state(0);

  /** Lead to the place where the token is given. */
  ask(): void {
    this.wanted += 1;
  }

  /** Whether there is anything to authenticate with. */
  get isOpen(): boolean {
    return this.token !== null || this.ticket !== null;
  }

  enter(token: string): void {
    this.token = token;
    this.why = "";
    try {
      sessionStorage.setItem(KEY, token);
    } catch {
      // It lasts as long as the page.
    }
  }

  /** Forget everything, and say why a token is asked for again. */
  leave(why: string): void {
    this.token = null;
    this.ticket = null;
    this.why = why;
    try {
      sessionStorage.removeItem(KEY);
    } catch {
      // There was nothing.
    }
  }
}

export const session = new Session();
