/** Tells a person of a new alert beyond the page: by a tone, by the desktop. Both are off until somebody chooses otherwise. */

import type { AlertRow } from "fleetwire";
import { beep, soundWorks } from "./beep";
import { claimed } from "./claims";
import { fresh, gravity, keyOf } from "./fresh";
import { keep, kept } from "./kept";
import { live } from "./live.svelte";
import { href } from "./router.svelte";

export const HOW = ["off", "critical", "warning", "all"] as const;
export type How = (typeof HOW)[number];
const FROM: Record<How, number> = { off: Infinity, critical: 3, warning: 2, all: 0 };
const APART_MAX = 3; // more at once are one notification

class Announcer {
  sound = $state<How>(kept("sound", HOW, "off"));
  desktop = $state<How>(kept("desktop", HOW, "off"));
  /** Why a choice does not work here, in words; "" where it does. */
  why = $state("");
  #told = new Set<string>();
  #openedAt: number | null = null;

  /** Look at the alerts as they stand; called whenever any of them has changed. */
  hear(list: readonly AlertRow[]): void {
    if (!live.isLive && this.#openedAt === null) return;
    this.#openedAt ??= live.client?.serverNow() ?? Date.now();
    const found = fresh(list, this.#openedAt, this.#told);
    if (found.length > 0) void this.#tell(found);
  }

  async chooseSound(how: How): Promise<void> {
    this.sound = how;
    keep("sound", how);
    this.why = "";
    if (how !== "off" && !(await beep("info"))) this.why = "This browser plays no sound for this page.";
  }

  async chooseDesktop(how: How): Promise<void> {
    this.why = "";
    if (how !== "off" && !(await allowed())) {
      this.why = "Notification" in globalThis ? "The browser does not allow notifications for this page: its settings for this site can." : "This browser has no notifications for pages that come without TLS.";
      how = "off";
    }
    this.desktop = how;
    keep("desktop", how);
  }

  async #tell(found: readonly AlertRow[]): Promise<void> {
    const loud = found.filter((row) => gravity(row) >= FROM[this.sound]);
    const seen = found.filter((row) => gravity(row) >= FROM[this.desktop]);
    if (loud.length === 0 && seen.length === 0) return;
    // Of several tabs one tells.
    const mine = await claimed(found.map(keyOf));
    const first = loud.find((row) => mine.has(keyOf(row)));
    if (first !== undefined && !(await beep(first.level))) this.why = soundWorks;
    const own = seen.filter((row) => mine.has(keyOf(row)));
    if (own.length > APART_MAX) notify(`${own.length} alerts`, own[0]?.message ?? "", "many");
    else for (const row of own) notify(`${row.level}: ${row.rule.replaceAll("_", " ")}`, row.message, keyOf(row));
  }
}

async function allowed(): Promise<boolean> {
  if (!("Notification" in globalThis)) return false;
  return Notification.permission === "granted" || (await Notification.requestPermission()) === "granted";
}

function notify(title: string, body: string, tag: string): void {
  try {
    const shown = new Notification(title, { body, tag: `fleetwire-${tag}` });
    shown.onclick = () => {
      window.focus();
      location.hash = href("alerts");
    };
  } catch {
    // Phones have them from service workers only.
  }
}

export const announcer = new Announcer();
$effect.root(() => {
  $effect(() => announcer.hear(live.alerts.list));
});
