/** Who wants to hear what, and what that is for each channel together. */

import type { ChannelName, Want } from "./channel.js";

export interface Interest {
  channel: ChannelName;
  /** Null for the whole channel. */
  keys: readonly string[] | null;
  maxHz: number | undefined;
}

export class Interests {
  #all = new Map<object, Interest>();
  #changed = new Set<ChannelName>();

  add(who: object, interest: Interest): void {
    this.#all.set(who, interest);
    this.#changed.add(interest.channel);
  }

  remove(who: object): void {
    const interest = this.#all.get(who);
    if (interest) this.#changed.add(interest.channel);
    this.#all.delete(who);
  }

  *of(channel: ChannelName): Iterable<object> {
    for (const [who, interest] of [...this.#all]) if (interest.channel === channel) yield who;
  }

  /** The channels of which something else may be wanted since the last look. */
  changes(): [ChannelName, Want | null][] {
    const changed = [...this.#changed].map((channel): [ChannelName, Want | null] => [channel, this.#want(channel)]);
    this.#changed.clear();
    return changed;
  }

  #want(channel: ChannelName): Want | null {
    const all = [...this.#all.values()].filter((interest) => interest.channel === channel);
    if (!all.length) return null;
    const whole = all.some((interest) => interest.keys === null);
    const keys = whole ? [] : [...new Set(all.flatMap((interest) => interest.keys ?? []))];
    // Nobody is told less often than asked for: a session has one rate for each channel.
    const rates = all.map((interest) => interest.maxHz);
    return { whole, keys, maxHz: rates.includes(undefined) ? undefined : Math.max(...(rates as number[])) };
  }
}
