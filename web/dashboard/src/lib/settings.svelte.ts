/** What a person has chosen for this browser. */

import { keep, kept } from "./kept";
import { ZONES, type Zone } from "./time";

class Settings {
  zone = $state<Zone>(kept("zone", ZONES, "broker"));

  nextZone(): void {
    this.zone = ZONES[(ZONES.indexOf(this.zone) + 1) % ZONES.length] ?? "utc";
    keep("zone", this.zone);
  }
}

export const settings = new Settings();
