/** Which page is shown, by the part of the address behind "#": `#/experts?q=grid`. The server never sees it. */

export const PAGES = ["overview", "experts", "trades", "positions", "alerts", "news", "commands", "connections"] as const;
export type Page = (typeof PAGES)[number];

interface Place {
  page: Page;
  asked: URLSearchParams;
}

function placeOf(hash: string): Place {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  return { page: PAGES.find((page) => page === path) ?? "overview", asked: new URLSearchParams(query) };
}

class Router {
  #place = $state.raw<Place>(placeOf(location.hash));

  constructor() {
    window.addEventListener("hashchange", () => {
      this.#place = placeOf(location.hash);
    });
  }

  get page(): Page {
    return this.#place.page;
  }

  /** A parameter of the page, or "". */
  asked(name: string): string {
    return this.#place.asked.get(name) ?? "";
  }

  /** Change parameters of this page in place: going back leads to the page before, not to each letter typed. */
  ask(changed: Record<string, string>): void {
    const asked = new URLSearchParams(this.#place.asked);
    for (const [name, value] of Object.entries(changed)) {
      if (value) asked.set(name, value);
      else asked.delete(name);
    }
    history.replaceState(null, "", href(this.#place.page, Object.fromEntries(asked)));
    this.#place = { page: this.#place.page, asked };
  }

  go(page: Page, asked: Record<string, string> = {}): void {
    location.hash = href(page, asked);
  }
}

/** Where a link to a page leads. */
export function href(page: Page, asked: Record<string, string> = {}): string {
  const query = new URLSearchParams(asked).toString();
  return `#/${page}${query ? `?${query}` : ""}`;
}

export const router = new Router();
