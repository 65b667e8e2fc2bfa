/** Lets a cell breathe once when what it shows changes: only its ground, so that nothing moves. */

const MS = 150;
const CALM_MS = 900; // what changes all the time is seen to change: only what was calm breathes
const calm = window.matchMedia("(prefers-reduced-motion: reduce)");

interface Shown {
  /** Whose figure it is: another one is no change. */
  of: string;
  text: string;
}

/** A Svelte action. */
export function breath(cell: HTMLElement, shown: Shown): { update: (shown: Shown) => void } {
  let before = shown;
  let at = 0;
  return {
    update(now) {
      const changed = now.of === before.of && now.text !== before.text;
      before = now;
      if (!changed || calm.matches) return;
      const moment = performance.now();
      const wasCalm = moment - at >= CALM_MS;
      at = moment;
      if (!wasCalm) return;
      cell.animate({ backgroundColor: ["var(--accent-soft)", "transparent"] }, { duration: MS, easing: "ease-out" });
    },
  };
}
