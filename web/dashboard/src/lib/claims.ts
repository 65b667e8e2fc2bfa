/** Several tabs hear the same alert, and one of them tells: whoever writes its key down first, in the storage they share. */

const NAME = "fleetwire.told";
const KEPT_MAX = 500;

/** Give those of the keys that nobody has taken before; they are this tab's from now on. */
export async function claimed(keys: readonly string[]): Promise<Set<string>> {
  const take = (): Set<string> => {
    try {
      const before = (localStorage.getItem(NAME) ?? "").split("\n").filter(Boolean);
      const mine = keys.filter((key) => !before.includes(key));
      localStorage.setItem(NAME, [...before, ...mine].slice(-KEPT_MAX).join("\n"));
      return new Set(mine);
    } catch {
      return new Set(keys); // nothing is shared: each page is alone
    }
  };
  // Pages that came over plain http have no locks: there two tabs may rarely both tell.
  return navigator.locks === undefined ? take() : navigator.locks.request(NAME, take);
}
