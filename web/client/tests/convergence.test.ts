/**
 * Whatever is published, removed, trimmed, lost and restarted, in whatever order: rows are those of the server, and every
 * event comes once and in order, or a gap names it. A model of a server in version 2, and many seeds.
 */

import { expect, test } from "vitest";
import { TOKEN, World, turn } from "./world.js";

/** A small generator of random numbers (mulberry32): the same seed gives the same run. */
function random(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Told {
  position: number;
  data: Record<string, unknown> | null; // null for a row that is removed
}

class Model {
  epoch = 1;
  position = 0;
  events: number[] = [];
  forgotten = 0; // events up to here are not kept
  rows = new Map<string, Told>();
  removed = new Map<string, number>();
  rowsForgotten = 0; // ends up to here are not remembered
  #told = new Map<string, Told>(); // what the client was sent last, of each key
  #hears = new Set<string>();
  wire: object[] = []; // on its way to the client

  publishRow(key: string, data: Record<string, unknown> | null): void {
    const position = ++this.position;
    if (data) this.rows.set(key, { position, data });
    else if (!this.rows.delete(key)) return;
    if (!data) this.removed.set(key, position);
    if (this.#hears.has("ea_updates")) this.#sendRow(key, { position, data });
  }

  publishEvent(): void {
    this.events.push(++this.position);
    if (this.#hears.has("alerts")) this.#sendEvent(this.position);
  }

  forget(): void {
    this.forgotten = this.events.at(-1) ?? this.forgotten;
    this.events = [];
    this.rowsForgotten = this.position;
    this.removed.clear();
  }

  lose(): void {
    this.wire = [];
    this.#told.clear();
    this.#hears.clear();
  }

  restart(isNew: boolean): void {
    if (isNew) {
      this.epoch++;
      this.position = this.forgotten = this.rowsForgotten = 0;
      this.events = [];
      this.rows.clear();
      this.removed.clear();
    } else this.rowsForgotten = this.position; // rows are told anew after a restart
  }

  answer(id: number, data: Record<string, any>): void {
    const recovered: Record<string, boolean> = {};
    const isKnown = data.since?.epoch === String(this.epoch);
    const after: (() => void)[] = [];
    const ended: string[] = [];
    for (const channel of data.channels as string[]) {
      const at: number | undefined = data.since?.positions[channel];
      this.#hears.add(channel);
      if (channel === "ea_updates") {
        const goesOn = at !== undefined && isKnown && at >= this.rowsForgotten;
        if (at !== undefined) recovered[channel] = goesOn;
        const from = goesOn ? at : -1;
        const ends = goesOn ? [...this.removed].map(([key, position]): [string, Told] => [key, { position, data: null }]) : [];
        const due = [...this.rows, ...ends].filter(([, told]) => told.position > from);
        due.sort(([, one], [, other]) => one.position - other.position); // whoever is cut off goes on with the next
        after.push(() => due.forEach(([key, told]) => this.#sendRow(key, told, true)));
        if (!goesOn) ended.push(channel);
      } else {
        const goesOn = at !== undefined && isKnown && at >= this.forgotten;
        if (at !== undefined) recovered[channel] = goesOn;
        let from = at ?? this.position;
        if (at !== undefined && !goesOn) {
          from = isKnown ? this.forgotten : 0;
          const gap = { channel, since: at, epoch: data.since.epoch, ...(isKnown ? { until: this.forgotten } : {}) };
          after.push(() => this.wire.push({ type: "gap", data: gap }));
        }
        const missed = this.events.filter((position) => position > from);
        after.push(() => missed.forEach((position) => this.#sendEvent(position)));
        ended.push(channel);
      }
    }
    const answer = { status: "subscribed", channels: data.channels, rejected: [], epoch: String(this.epoch), position: this.position, recovered };
    this.wire.push({ type: "subscription_response", id, data: answer });
    for (const send of after) send();
    if (ended.length) this.wire.push({ type: "snapshot_end", data: { channels: ended, position: this.position } });
  }

  #sendRow(key: string, { position, data }: Told, isWhole = false): void {
    const before = this.#told.get(key);
    const message = { type: "ea_update", channel: "ea_updates", key, position };
    if (!data) this.wire.push({ ...message, data: { status: "removed" } });
    else if (!before?.data || isWhole) this.wire.push({ ...message, data });
    else {
      const patch: Record<string, unknown> = { ...data };
      for (const name of Object.keys(before.data)) if (!(name in data)) patch[name] = null;
      this.wire.push({ ...message, patch, base: before.position });
    }
    this.#told.set(key, { position, data });
  }

  #sendEvent(position: number): void {
    this.wire.push({ type: "alert", channel: "alerts", seq: position, position, data: { epoch: this.epoch } });
  }
}

class Run {
  readonly model = new Model();
  readonly world: World;
  readonly heard: (number | "gap")[] = [];
  readonly published = new Map<number, number[]>(); // by epoch

  constructor(private readonly draw: () => number) {
    this.world = new World({ token: TOKEN });
    this.world.client.state("ea_updates");
    this.world.client.on("alert", ({ position, data }) => this.heard.push((data as any).epoch * 1e6 + position));
    this.world.client.on("gap", ({ data }) => data.channel === "alerts" && this.heard.push("gap"));
  }

  async connect(): Promise<void> {
    this.world.epoch = String(this.model.epoch);
    await this.world.open();
    await this.world.admit();
    this.ask();
  }

  /** Let the server take what the client has asked. */
  ask(): void {
    for (const { id, type, data } of this.world.socket.heard()) if (type === "subscribe") this.model.answer(id, data);
  }

  /** Some of what is on its way arrives, in frames of any size. */
  deliver(count: number): void {
    while (count > 0 && this.model.wire.length && this.world.state !== "offline") {
      const frame = this.model.wire.splice(0, Math.min(count, 1 + Math.floor(this.draw() * 3)));
      count -= frame.length;
      this.world.socket.say(...frame);
      this.ask();
    }
  }

  async step(): Promise<void> {
    const { model, draw } = this;
    const kind = draw();
    const key = String(1 + Math.floor(draw() * 4));
    if (kind < 0.3) model.publishRow(key, { n: Math.floor(draw() * 9), ...(draw() < 0.5 ? { extra: model.position } : {}) });
    else if (kind < 0.36) model.publishRow(key, null);
    else if (kind < 0.6) model.publishEvent();
    else if (kind < 0.86) this.deliver(1 + Math.floor(draw() * 6));
    else if (kind < 0.89) model.forget();
    else if (kind < 0.9) this.world.socket.say({ type: "ea_update", channel: "ea_updates", key, position: model.position, patch: { n: -1 }, base: -7 });
    else {
      model.lose();
      if (kind > 0.95) model.restart(kind > 0.975);
      this.world.socket.events.closed(null, "");
      this.world.clock.advance((this.world.client.status.value as { retryInMs: number }).retryInMs);
      await this.connect();
    }
    this.ask();
    const { epoch } = model;
    this.published.set(epoch, [...new Set([...(this.published.get(epoch) ?? []), ...model.events])]);
  }

  /** Compare what the client made of it with what is true. */
  check(): void {
    const rows = Object.fromEntries([...this.world.client.state("ea_updates").rows].sort());
    expect(rows).toEqual(Object.fromEntries([...this.model.rows].sort().map(([key, told]) => [key, told.data])));
    expect(this.world.client.state("ea_updates").complete).toBe(true);
    let last: number | null = null;
    let isExcused = true; // before the first one anything may have been
    for (const one of this.heard) {
      if (one === "gap") {
        isExcused = true;
        continue;
      }
      if (last !== null) expect(one).toBeGreaterThan(last);
      if (!isExcused) {
        const between = (this.published.get(Math.floor(one / 1e6)) ?? []).filter((position) => position > last! % 1e6 && position < one % 1e6);
        expect(Math.floor(one / 1e6)).toBe(Math.floor(last! / 1e6));
        expect(between).toEqual([]);
      }
      last = one;
      isExcused = false;
    }
  }
}

test("hundreds of runs converge", async () => {
  let rows = 0;
  let events = 0;
  let gaps = 0;
  for (let seed = 1; seed <= 300; seed++) {
    const run = new Run(random(seed));
    try {
      await turn();
      await run.connect();
      for (let step = 0; step < 120; step++) await run.step();
      run.deliver(Infinity);
      await turn();
      run.deliver(Infinity);
      run.check();
    } catch (error) {
      throw new Error(`seed ${seed}: ${String(error)}`, { cause: error });
    }
    rows += run.model.rows.size;
    events += run.heard.filter((one) => one !== "gap").length;
    gaps += run.heard.filter((one) => one === "gap").length;
    run.world.client.close();
  }
  expect(Math.min(rows, events, gaps)).toBeGreaterThan(300); // it was worth looking at
}, 60_000);
