/** Light or dark: what the system says, until somebody chooses. */

import { keep, kept } from "./kept";

const CHOICES = ["system", "light", "dark"] as const;
export type Theme = (typeof CHOICES)[number];

class ThemeChoice {
  choice = $state<Theme>(kept("theme", CHOICES, "system"));
  #system = $state<"light" | "dark">("light");

  constructor() {
    const dark = window.matchMedia("(prefers-color-scheme: dark)");
    this.#system = dark.matches ? "dark" : "light";
    dark.addEventListener("change", (event) => {
      this.#system = event.matches ? "dark" : "light";
      this.apply();
    });
  }

  /** What is shown. */
  get shown(): "light" | "dark" {
    return this.choice === "system" ? this.#system : this.choice;
  }

  apply(): void {
    document.documentElement.dataset["theme"] = this.shown;
  }

  /** Show the other one; back to the system's where that is the same. */
  switch(): void {
    const other = this.shown === "dark" ? "light" : "dark";
    this.choice = other === this.#system ? "system" : other;
    keep("theme", this.choice);
    this.apply();
  }
}

export const theme = new ThemeChoice();
