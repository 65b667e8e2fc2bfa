/** Where the core meets the world: sockets, timers, tokens, frames, and the program's own functions. */

import type { Channel } from "./channel.js";
import { type Clock, SleepDetector } from "./clock.js";
import { Core } from "./core.js";
import type { Envelope, Json } from "./envelope.js";
import { FleetwireError } from "./errors.js";
import { CHANNELS, type AlertRow } from "./generated.js";
import { Interests } from "./interests.js";
import { Value, call } from "./observable.js";
import type { Output } from "./output.js";
import { Store } from "./store.js";
import { Cursor, Stream } from "./stream.js";
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
  readonly #interests = new Interests();
  #socket: Transport | null = null;
  #socketSerial = 0;
  #timer: unknown = null;
  #ticker: unknown = null;
  #isRunning = false;
  #isSyncDue = false;
  #token: types.TokenSource | null;
  #lastToken: types.TokenSource | null; // that was taken by the server
  #unWake: () => void;
  #stores = new Map<string, Store<unknown>>();
  #streams = new Map<types.EventChannel, Set<Stream<unknown>>>();
  #handlers = new Map<string, Set<(message: never) => void>>();
  #cursors = new Map<types.EventChannel, Cursor>(); // of the handlers
  #answers = new Map<number, Waiting<unknown>>();
  #authenticating: Waiting<void>[] = [];
  #dirty = new Set<{ flush(): void }>();

  constructor(private readonly settings: Settings) {
    const { clock, token, ticket, version } = settings;
    this.#token = this.#lastToken = token;
    this.#sleep = new SleepDetector(clock);
    this.#core = new Core(token !== null, ticket, version);
    this.#unWake = clock.onWake(() => this.#run(() => this.#core.wake(clock.now(), this.#sleep.look())));
    this.#tick();
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

  state<C extends types.StateChannel>(
    channel: C,
    options: { keys?: readonly string[]; maxHz?: number } = {},
  ): types.StateStore<types.RowOf<C>> {
    const keys = options.keys ? [...new Set(options.keys)].sort() : null;
    const name = JSON.stringify([channel, keys, options.maxHz]);
    const known = this.#stores.get(name);
    if (known) return known as Store<types.RowOf<C>>;
    const store = new Store<unknown>(keys && new Set(keys), {
      schedule: (one) => this.#schedule(one),
      serverNow: () => this.#core.serverClock.now(this.settings.clock.now()),
      used: (one, isUsed) => (isUsed ? begin() : this.#leave(name, one as Store<unknown>)),
    });
    const begin = (): void => {
      this.#stores.set(name, store);
      this.#interests.add(store, { channel, keys, maxHz: options.maxHz });
      const { rows, isComplete } = this.#core.channels.get(channel)!;
      for (const [key, row] of rows.held) store.take(key, row);
      store.stand(isComplete);
      this.#syncSoon();
    };
    begin();
    return store as Store<types.RowOf<C>>;
  }

  #leave(name: string, store: Store<unknown>): void {
    this.#interests.remove(store);
    this.#stores.delete(name);
    for (const key of [...store.rows.keys()]) store.take(key, null);
    store.stand(false);
    this.#syncSoon();
  }

  events<C extends types.EventChannel>(channel: C, options: { history?: number } = {}): AsyncIterable<types.MessageOf<C>> {
    const history = options.history ?? 0;
    return { [Symbol.asyncIterator]: () => this.#stream(channel, history) };
  }

  #stream<C extends types.EventChannel>(channel: C, history: number): Stream<types.MessageOf<C>> {
    const streams = this.#streams.get(channel) ?? new Set();
    this.#streams.set(channel, streams);
    const stream = new Stream<types.MessageOf<C>>(new Cursor(this.#heard(channel), history > 0), () => {
      streams.delete(stream as Stream<unknown>);
      this.#interests.remove(stream);
      this.#syncSoon();
    });
    if (this.status.value.state === "closed") stream.finish(null);
    streams.add(stream as Stream<unknown>);
    this.#interests.add(stream, { channel, keys: null, maxHz: undefined });
    if (history) this.#core.history(channel, history);
    this.#syncSoon();
    return stream;
  }

  on<T extends types.MessageType>(type: T, handler: (message: types.Message<T>) => void): () => void {
    const own = (message: never): void => handler(message); // the same function may be registered twice
    const handlers = this.#handlers.get(type) ?? new Set();
    this.#handlers.set(type, handlers.add(own));
    const channel = (Object.keys(CHANNELS) as types.ChannelName[]).find((name) => CHANNELS[name].type === (type as string));
    if (channel) {
      if (CHANNELS[channel].kind === "event" && handlers.size === 1)
        this.#cursors.set(channel as types.EventChannel, new Cursor(this.#heard(channel), false));
      this.#interests.add(own, { channel, keys: null, maxHz: undefined });
      this.#syncSoon();
    }
    return () => {
      handlers.delete(own);
      this.#interests.remove(own);
      this.#syncSoon();
    };
  }

  /** The position until which a channel is heard already; null where it is not. */
  #heard(channel: types.ChannelName): number | null {
    const known: Channel = this.#core.channels.get(channel)!;
    return known.want === null ? null : known.last;
  }

  /** Tell the core what is wanted, once for all that is asked for in one go. */
  #syncSoon(): void {
    if (this.#isSyncDue) return;
    this.#isSyncDue = true;
    queueMicrotask(() => {
      this.#isSyncDue = false;
      this.#run(() => {
        for (const [channel, want] of this.#interests.changes()) this.#core.want(channel, want);
        this.#core.sync(this.settings.clock.now());
      });
    });
  }

  #schedule(store: { flush(): void }): void {
    this.#dirty.add(store);
    if (this.#dirty.size > 1) return;
    this.settings.clock.frame(() => {
      const due = [...this.#dirty];
      this.#dirty.clear();
      for (const one of due) one.flush();
    });
  }

  // ------------------------------------------------------------------------------------------------------------ asking

  command(request: types.CommandRequest, options?: types.RequestOptions): Promise<types.CommandResponse> {
    const key = request.idempotency_key || randomKey();
    return this.#ask("command", { ...request, idempotency_key: key }, options);
  }

  cancel(commandId: string, options: types.RequestOptions & { reason?: string } = {}): Promise<types.CommandResponse> {
    return this.#ask("command_cancel", { command_id: commandId, reason: options.reason ?? "" }, options);
  }

  async acknowledge(alertId: number, options?: types.RequestOptions): Promise<AlertRow> {
    const interest = {}; // the alert itself answers, on its channel
    this.#interests.add(interest, { channel: "alerts", keys: null, maxHz: undefined });
    for (const [channel, want] of this.#interests.changes()) this.#core.want(channel, want);
    try {
      return await this.#ask("alert_ack", { alert_id: alertId }, options);
    } finally {
      this.#interests.remove(interest);
      this.#syncSoon();
    }
  }

  #ask<T>(type: string, data: Json, options: types.RequestOptions = {}): Promise<T> {
    const { signal, timeoutMs = REQUEST_TIMEOUT_MS } = options;
    return new Promise<T>((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const { state } = this.status.value;
      if (state === "closed") return reject(new FleetwireError("closed", "the client is closed"));
      this.#run(() => {
        const id = this.#core.request(this.settings.clock.now(), timeoutMs, type, data);
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
    for (const streams of this.#streams.values()) for (const stream of streams) stream.finish(null);
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
    this.age.set(this.#core.ageMs(this.settings.clock.now()));
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
  #tick(): void {
    const { clock, random } = this.settings;
    this.#ticker = clock.setTimeout(() => {
      this.#tick();
      const slept = this.#sleep.look();
      this.#run(() => (slept ? this.#core.wake(clock.now(), slept) : this.#core.tick(clock.now(), random())));
    }, AGE_TICK_MS);
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
        return this.#message(output.message);
      case "row":
        return this.#eachStore(output.channel, (store) => store.take(output.key, output.row));
      case "complete":
        return this.#eachStore(output.channel, (store) => store.stand(output.isComplete));
      case "begun":
        return this.#begun(output);
      case "refused":
        return this.#refused(output.channel, output.error);
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

  #message(message: Envelope): void {
    const channel = (message.channel ?? (message.data as Json | undefined)?.channel) as types.EventChannel;
    for (const stream of [...(this.#streams.get(channel) ?? [])]) stream.take(message);
    const cursor = this.#cursors.get(message.channel as types.EventChannel);
    if (cursor && !cursor.isNew(message.position)) return;
    for (const handler of [...(this.#handlers.get(message.type) ?? [])]) call(handler, message as never);
  }

  #begun({ channel, position, history, isNewEpoch }: Output & { do: "begun" }): void {
    const name = channel as types.EventChannel;
    for (const stream of this.#streams.get(name) ?? []) stream.cursor.begun(position, history, isNewEpoch);
    this.#cursors.get(name)?.begun(position, history, isNewEpoch);
  }

  #refused(channel: types.ChannelName, error: FleetwireError): void {
    this.#eachStore(channel, (store) => store.stand(false, error));
    for (const stream of this.#streams.get(channel as types.EventChannel) ?? []) stream.finish(error);
    const data = { code: error.code, message: `${channel}: ${error.message}`, temporary: false };
    this.#message({ type: "error", data });
  }

  #eachStore(channel: types.ChannelName, each: (store: Store<unknown>) => void): void {
    for (const store of this.#interests.of(channel)) if (store instanceof Store) each(store);
  }
}

/** Make a key that nobody else makes. (`randomUUID` is missing in pages that came over plain http.) */
function randomKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
