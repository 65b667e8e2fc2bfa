/** A world without time and without a network: a clock that is moved by hand, and sockets whose other end is the test. */

import { Client } from "../src/client.js";
import type { Clock } from "../src/clock.js";
import type { Transport, TransportEvents } from "../src/transport.js";
import type { ConnectOptions } from "../src/types.js";

export class FakeClock implements Clock {
  #now = 1_000;
  /** What the wall clock is ahead of the monotonic one. */
  ahead = Date.parse("2026-11-24T12:00:00Z");
  /** A hidden page: timers come once a minute, frames never. */
  isThrottled = false;
  #timers: { due: number; callback: () => void }[] = [];
  #frames: (() => void)[] = [];
  #wake = new Set<() => void>();

  now(): number {
    return this.#now;
  }

  wall(): number {
    return this.#now + this.ahead;
  }

  setTimeout(callback: () => void, ms: number): unknown {
    const timer = { due: this.#now + ms, callback };
    this.#timers.push(timer);
    return timer;
  }

  clearTimeout(timer: unknown): void {
    this.#timers = this.#timers.filter((one) => one !== timer);
  }

  frame(callback: () => void): void {
    this.#frames.push(callback);
  }

  onWake(callback: () => void): () => void {
    this.#wake.add(callback);
    return () => void this.#wake.delete(callback);
  }

  /** Let time go by: every timer fires at its own moment; in a throttled page, at the next full minute. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (let rounds = 0; ; rounds++) {
      if (rounds > 100_000) throw new Error("a timer is set for ever");
      const next = this.#timers.reduce<number>((first, timer) => Math.min(first, this.#firesAt(timer.due)), Infinity);
      if (next > end) break;
      this.#now = Math.max(this.#now, next);
      const due = this.#timers.filter((timer) => this.#firesAt(timer.due) <= this.#now);
      this.#timers = this.#timers.filter((timer) => !due.includes(timer));
      for (const timer of due) timer.callback();
    }
    this.#now = end;
  }

  #firesAt(due: number): number {
    return this.isThrottled ? Math.ceil(due / 60_000) * 60_000 : due;
  }

  /** The machine sleeps: nothing fires. Some monotonic clocks go on meanwhile. */
  sleep(ms: number, monotonicGoesOn: boolean): void {
    if (monotonicGoesOn) this.#now += ms;
    else this.ahead += ms;
  }

  draw(): void {
    for (const frame of this.#frames.splice(0)) frame();
  }

  get frames(): number {
    return this.#frames.length;
  }

  get timers(): number {
    return this.#timers.length;
  }

  wake(): void {
    for (const callback of [...this.#wake]) callback();
  }
}

export class FakeSocket implements Transport {
  readonly sent: Record<string, any>[] = [];
  isClosed = false;
  version = 0;
  #taken = 0;

  constructor(
    readonly url: string,
    readonly offers: string[],
    readonly events: TransportEvents,
  ) {}

  send(text: string): void {
    const said = JSON.parse(text);
    this.sent.push(...(Array.isArray(said) ? said : [said]));
  }

  close(): void {
    this.isClosed = true;
  }

  /** What the client has said since the last look. */
  heard(): Record<string, any>[] {
    const news = this.sent.slice(this.#taken);
    this.#taken = this.sent.length;
    return news;
  }

  say(...messages: object[]): void {
    if (this.version === 2) this.events.received(JSON.stringify(messages));
    else for (const message of messages) this.events.received(JSON.stringify(message));
  }

  last(type: string): Record<string, any> {
    const found = this.sent.filter((message) => message.type === type).at(-1);
    if (!found) throw new Error(`the client has not said ${type}`);
    return found;
  }
}

export const TOKEN = "s3cret";
export const EPOCH = "e1";

export class World {
  readonly clock = new FakeClock();
  readonly sockets: FakeSocket[] = [];
  readonly client: Client;
  chance = 0.5;
  serverAhead = 0; // of the client's wall clock, in milliseconds
  epoch = EPOCH;
  position = 0;

  constructor(options: ConnectOptions = { token: TOKEN }, url = "ws://server/") {
    this.client = new Client({
      url,
      token: options.token ?? null,
      ticket: options.ticket ?? null,
      version: options.version ?? 2,
      clock: this.clock,
      random: () => this.chance,
      transport: (address, offers, events) => {
        this.sockets.push(new FakeSocket(address, offers, events));
        return this.socket;
      },
    });
  }

  get socket(): FakeSocket {
    return this.sockets.at(-1)!;
  }

  get state(): string {
    return this.client.status.value.state;
  }

  utc(): string {
    return new Date(this.clock.wall() + this.serverAhead).toISOString();
  }

  /** The server takes the connection. */
  async open(version = 2): Promise<void> {
    this.socket.version = version;
    this.socket.events.opened(version === 2 ? "fleetwire.v2.json" : "");
    this.socket.say({ type: "connection", data: { status: "connected", protocol: version, epoch: this.epoch, server_time: this.utc() } });
    await turn();
  }

  async admit(expires_at?: string): Promise<void> {
    const { id } = this.socket.last("auth");
    this.socket.say({ type: "auth_response", id, data: { status: "authenticated", success: true, role: "admin", expires_at } });
    await turn();
  }

  async refuseToken(): Promise<void> {
    const { id } = this.socket.last("auth");
    this.socket.say({ type: "auth_response", id, data: { status: "failed", success: false, error: "token_invalid", message: "not known here" } });
    await turn();
  }

  /** Answer every open question about subscriptions; gives what was asked. */
  answer(recovered: Record<string, boolean> = {}, rejected: object[] = []): Record<string, any>[] {
    const asked = this.socket.heard().filter((message) => message.type === "subscribe" || message.type === "unsubscribe");
    for (const { id, type, data } of asked)
      this.socket.say({
        type: "subscription_response",
        id,
        data: { status: `${type}d`, channels: data.channels, rejected, epoch: this.epoch, position: this.position, recovered },
      });
    return asked.map((message) => message.data);
  }

  ended(...channels: string[]): void {
    this.socket.say({ type: "snapshot_end", data: { channels, position: this.position } });
  }

  row(key: string, data: object, position = ++this.position): object {
    return { type: "ea_update", channel: "ea_updates", key, position, timestamp: this.utc(), data: { ea_id: Number(key), ...data } };
  }

  patch(key: string, patch: object, base: number, position = ++this.position): object {
    return { type: "ea_update", channel: "ea_updates", key, position, base, timestamp: this.utc(), patch };
  }

  alert(position = ++this.position, data: object = {}): object {
    return { type: "alert", channel: "alerts", seq: position, position, timestamp: this.utc(), data: { message: `at ${position}`, ...data } };
  }

  /** Everything up to the moment at which it is live. */
  async live(version = 2): Promise<void> {
    await turn();
    await this.open(version);
    await this.admit();
    this.answer();
    await turn();
  }

  /** The connection breaks; the next one is opened. */
  async comeBack(version = 2): Promise<void> {
    this.socket.events.closed(null, "");
    this.clock.advance(1_000);
    await this.open(version);
    await this.admit();
  }
}

/** Let promises have their turn. */
export async function turn(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}
