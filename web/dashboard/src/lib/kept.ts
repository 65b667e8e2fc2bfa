/** What a person has chosen, kept in this browser. Where nothing can be kept, it lasts as long as the page. */

const PREFIX = "fleetwire.";

export function kept<T extends string>(name: string, allowed: readonly T[], otherwise: T): T {
  try {
    const found = localStorage.getItem(PREFIX + name);
    return allowed.find((one) => one === found) ?? otherwise;
  } catch {
    return otherwise;
  }
}

export function keep(name: string, value: string): void {
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch {
    // A browser that keeps nothing: the choice lasts until the page is left.
  }
}
