/** Where the core meets the world: sockets, timers, tokens, frames, and the program's own functions. */

import { type Clock, SleepDetector } from "./clock.js";
import { Core } from "./core.js";
import { type Json, plain } from "./envelope.js";
import { FleetwireError } from "./errors.js";
import type { AlertRow } from "./generated.js";
import { Listeners } from "./listeners.js";
import { Value } from "./observable.js";
import type { CommandRequest } from "./orders.js";
import type { Output } from "./output.js";
import type { Transport, TransportFactory } from "./transport.js";
import type * as types from "./types.js";

const REQUEST_TIMEOUT_MS = 10_000;
const AGE_TICK_MS = 1_000;

/** What `connect` has made of its options. */
export interface Settings {
  url: string;
  token: types.TokenSource | null;
  ticket: string | null;
  version: number;
  clock: Clock;
  transport: TransportFactory;
  random: () => number;
}

interface Waiting<T> {
  resolve(value: T): void;
  reject(error: unknown): void;
}

export class Client implements types.Fleetwire {
  readonly status = new Value<types.Status>({ state: "connecting" });
  readonly age = new Value<number | null>(null);
  readonly identity = new Value<types.Identity | null>(null);
  readonly #core: Core;
  readonly #sleep: SleepDetector;
  readonly #listeners: Listeners;
  #socket: Transport | null = null;
  #socketSerial = 0;
  #timer: unknown = null;
  #ticker: unknown = null;
  #isRunning = false;
  #token: types.TokenSource | null;
  #lastToken: types.TokenSource | null; // that was taken by the server
  #unWake: () => void;
  #answers = new Map<number, Waiting<unknown>>();
  #authenticating: Waiting<void>[] = [];

  constructor(private readonly settings: Settings) {
    const { clock, token, ticket, version } = settings;
    this.#token = this.#lastToken = token;
    this.#sleep = new SleepDetector(clock);
    this.#core = new Core(token !== null, ticket, version);
    this.#listeners = new Listeners(this.#core, clock, () => this.#run(() => this.#core.sync(clock.now())));
    this.#unWake = clock.onWake(() => this.#look(true));
    this.#tickSoon();
    this.#run(() => this.#core.start(clock.now()));
  }

  get clockOffsetMs(): number {
    const now = this.#core.serverClock.now(this.settings.clock.now());
    return now === null ? 0 : now - this.settings.clock.wall();
  }

  serverNow(): number {
    return this.settings.clock.wall() + this.clockOffsetMs;
  }

  // ----------------------------------------------------------------------------------------------------------- hearing

  state<C extends types.StateChannel>(channel: C, options?: { keys?: readonly string[]; maxHz?: number }): types.StateStore<types.RowOf<C>> {
    return this.#listeners.state(channel, options);
  }

  events<C extends types.EventChannel>(channel: C, options?: { history?: number }): AsyncIterable<types.MessageOf<C>> {
    return this.#listeners.events(channel, options);
  }

  on<T extends types.MessageType>(type: T, handler: (message: types.Message<T>) => void): () => void {
    return this.#listeners.on(type, handler);
  }

  // ------------------------------------------------------------------------------------------------------------ asking

  command(request: CommandRequest, options?: types.RequestOptions): Promise<types.CommandResponse> {
    const key = request.idempotency_key || randomKey();
    return this.#ask("command", { ...request, idempotency_key: key }, options);
  }

  cancel(commandId: string, options: types.RequestOptions & { reason?: string } = {}): Promise<types.CommandResponse> {
    return this.#ask("command_cancel", { command_id: commandId, reason: options.reason ?? "" }, options);
  }

  async acknowledge(alertId: number, options?: types.RequestOptions): Promise<AlertRow> {
    const release = this.#listeners.hold("alerts"); // the alert itself answers, on its channel
    try {
      return await this.#ask("alert_ack", { alert_id: alertId }, options);
    } finally {
      release();
    }
  }

  #ask<T>(type: string, data: Json, options: types.RequestOptions = {}): Promise<T> {
    const { signal, timeoutMs = REQUEST_TIMEOUT_MS } = options;
    return new Promise<T>((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      if (!(timeoutMs >= 0)) return reject(new FleetwireError("config", `timeoutMs is ${timeoutMs}: milliseconds are meant`));
      const said = plain(data); // as it is now, whatever the program does with it later
      const { state } = this.status.value;
      if (state === "closed") return reject(new FleetwireError("closed", "the client is closed"));
      this.#run(() => {
        const id = this.#core.request(this.settings.clock.now(), timeoutMs, type, said);
        const abort = (): void => {
          this.#core.abandon(id);
          this.#answers.delete(id);
          reject(signal!.reason);
        };
        const settled = (): void => signal?.removeEventListener("abort", abort);
        signal?.addEventListener("abort", abort);
        this.#answers.set(id, {
          resolve: (value) => (settled(), resolve(value as T)),
          reject: (error) => (settled(), reject(error)),
        });
      });
    });
  }

  authenticate(token: string): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.status.value.state === "closed") return reject(new FleetwireError("closed", "the client is closed"));
      this.#token = token;
      this.#authenticating.push({ resolve, reject });
      this.#run(() => this.#core.renewIdentity(this.settings.clock.now()));
    });
  }

  close(): void {
    if (this.status.value.state === "closed") return;
    this.#unWake();
    this.#run(() => this.#core.close());
    this.settings.clock.clearTimeout(this.#ticker);
    this.settings.clock.clearTimeout(this.#timer);
    this.#listeners.close();
  }

  // ----------------------------------------------------------------------------------------------------- carrying out

  /** Let something happen to the core, and do what it wants done. What happens meanwhile has its turn after that. */
  #run(happens: () => void): void {
    happens();
    if (this.#isRunning) return;
    this.#isRunning = true;
    try {
      for (let due = this.#core.take(); due.length; due = this.#core.take()) for (const output of due) this.#perform(output);
    } finally {
      this.#isRunning = false;
    }
    this.#setTimer();
  }

  #setTimer(): void {
    const { clock, random } = this.settings;
    clock.clearTimeout(this.#timer);
    const due = this.#core.due;
    if (due === Infinity) return;
    this.#timer = clock.setTimeout(() => this.#run(() => this.#core.tick(clock.now(), random())), Math.max(0, due - clock.now()));
  }

  /** Age goes by while nothing happens; and so does the sleep of the machine. */
  #tickSoon(): void {
    this.#ticker = this.settings.clock.setTimeout(() => {
      this.#tickSoon();
      this.#look(false);
    }, AGE_TICK_MS);
  }

  #look(hasWoken: boolean): void {
    const { clock, random } = this.settings;
    const slept = this.#sleep.look();
    this.#run(() => (slept || hasWoken ? this.#core.wake(clock.now(), slept) : this.#core.tick(clock.now(), random())));
    this.#tellAge();
  }

  #tellAge(): void {
    this.age.set(this.#core.ageMs(this.settings.clock.now()));
  }

  #perform(output: Output): void {
    switch (output.do) {
      case "open":
        return this.#open(output.offers, output.ticket);
      case "send":
        return this.#socket?.send(output.text);
      case "drop":
        return this.#drop();
      case "ask":
        return this.#askToken(output.serial);
      case "status":
        this.#tellAge();
        return this.status.set(output.status);
      case "identity":
        return this.identity.set(output.identity);
      case "authenticated":
        this.#lastToken = this.#token;
        return this.#authenticating.splice(0).forEach((one) => one.resolve());
      case "unauthenticated":
        if (this.status.value.state === "live") this.#token = this.#lastToken; // the session goes on with it
        return this.#authenticating.splice(0).forEach((one) => one.reject(output.error));
      case "message":
        return this.#listeners.message(output.message);
      case "row":
        return this.#listeners.eachStore(output.channel, (store) => store.take(output.key, output.row));
      case "complete":
        return this.#listeners.stand(output.channel, output.isComplete);
      case "begun":
        return this.#listeners.begun(output);
      case "refused":
        return this.#listeners.refused(output.channel, output.error);
      case "answered":
        this.#answers.get(output.id)?.resolve(output.value);
        return void this.#answers.delete(output.id);
      case "failed":
        this.#answers.get(output.id)?.reject(output.error);
        return void this.#answers.delete(output.id);
    }
  }

  #open(offers: string[], ticket: string | null): void {
    const { clock, random, transport } = this.settings;
    const serial = ++this.#socketSerial;
    const url = new URL(this.settings.url);
    if (ticket !== null) url.searchParams.set("ticket", ticket);
    const ifCurrent = (happens: () => void): void => {
      if (serial === this.#socketSerial) this.#run(happens);
    };
    const closed = (code: number | null, reason: string): void =>
      ifCurrent(() => {
        this.#drop();
        this.#core.closed(clock.now(), random(), code, reason);
      });
    try {
      this.#socket = transport(url.href, offers, {
        opened: (subprotocol) => ifCurrent(() => this.#core.opened(subprotocol)),
        received: (text) => ifCurrent(() => this.#core.frame(clock.now(), random(), text)),
        closed,
      });
    } catch (error) {
      closed(null, `the socket could not be opened: ${String(error)}`);
    }
  }

  #drop(): void {
    this.#socketSerial++; // whatever it still tells is of no interest
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  #askToken(serial: number): void {
    const { clock, random } = this.settings;
    const token = this.#token;
    Promise.resolve()
      .then(() => (typeof token === "function" ? token() : (token ?? "")))
      .then(
        (given) => this.#run(() => this.#core.token(serial, clock.now(), random(), given)),
        (error: unknown) => this.#run(() => this.#core.tokenFailed(serial, clock.now(), random(), String(error))),
      );
  }
}

/** Make a key that nobody else makes. (`randomUUID` is missing in pages that came over plain http.) */
function randomKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
