/** Who listens: stores, iterations and handlers; and what has to be wanted of the server for all of them together. */

import type { Clock } from "./clock.js";
import type { Core } from "./core.js";
import type { Envelope, Json } from "./envelope.js";
import type { FleetwireError } from "./errors.js";
import { CHANNELS } from "./generated.js";
import { Interests } from "./interests.js";
import { call } from "./observable.js";
import type { Output } from "./output.js";
import { Store } from "./store.js";
import { Cursor, Stream } from "./stream.js";
import type * as types from "./types.js";

type Handler = (message: never) => void;

export class Listeners {
  readonly #interests = new Interests();
  #stores = new Map<string, Store<unknown>>();
  #streams = new Map<types.ChannelName, Set<Stream<unknown>>>();
  #handlers = new Map<string, Set<Handler>>();
  #cursors = new Map<types.ChannelName, Cursor>(); // of the handlers
  #dirty = new Set<{ flush(): void }>();
  #isSyncDue = false;
  #isClosed = false;

  /** @param sync lets the core ask for what is wanted */
  constructor(
    private readonly core: Core,
    private readonly clock: Clock,
    private readonly sync: () => void,
  ) {}

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
      serverNow: () => this.core.serverClock.now(this.clock.now()),
      used: (one, isUsed) => (isUsed ? begin() : this.#leave(name, one as Store<unknown>)),
    });
    const begin = (): void => {
      if (this.#stores.get(name) === store) return;
      this.#stores.set(name, store);
      this.#interests.add(store, { channel, keys, maxHz: options.maxHz });
      const { rows, isComplete } = this.core.channels.get(channel)!;
      for (const [key, row] of rows.held) store.take(key, row);
      store.stand(isComplete, null);
      this.#syncSoon();
    };
    begin();
    return store as Store<types.RowOf<C>>;
  }

  #leave(name: string, store: Store<unknown>): void {
    this.#interests.remove(store);
    this.#stores.delete(name);
    for (const key of [...store.rows.keys()]) store.take(key, null);
    store.stand(false, null);
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
    if (this.#isClosed) stream.finish(null);
    streams.add(stream as Stream<unknown>);
    this.#interests.add(stream, { channel, keys: null, maxHz: undefined });
    if (history) this.core.history(channel, history);
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
        this.#cursors.set(channel, new Cursor(this.#heard(channel), false));
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
    const known = this.core.channels.get(channel)!;
    return known.want && known.heardUntil;
  }

  /** Tell the core what is wanted, once for all that is asked for in one go. */
  #syncSoon(): void {
    if (this.#isSyncDue) return;
    this.#isSyncDue = true;
    queueMicrotask(() => {
      this.#isSyncDue = false;
      this.tellWants();
      this.sync();
    });
  }

  /** Tell the core what is wanted now. */
  tellWants(): void {
    for (const [channel, want] of this.#interests.changes()) this.core.want(channel, want);
  }

  /** Want a whole channel for a while. Gives what ends that. */
  hold(channel: types.ChannelName): () => void {
    const interest = {};
    this.#interests.add(interest, { channel, keys: null, maxHz: undefined });
    this.tellWants();
    return () => {
      this.#interests.remove(interest);
      this.#syncSoon();
    };
  }

  close(): void {
    this.#isClosed = true;
    for (const streams of this.#streams.values()) for (const stream of streams) stream.finish(null);
  }

  #schedule(store: { flush(): void }): void {
    const isScheduled = this.#dirty.size > 0;
    this.#dirty.add(store);
    if (isScheduled) return;
    this.clock.frame(() => {
      const due = [...this.#dirty];
      this.#dirty.clear();
      for (const one of due) one.flush();
    });
  }

  /** Take a message of the server. */
  message(message: Envelope): void {
    const channel = (message.channel ?? (message.data as Json | undefined)?.channel) as types.ChannelName;
    for (const stream of [...(this.#streams.get(channel) ?? [])]) stream.take(message);
    const cursor = this.#cursors.get(message.channel as types.ChannelName);
    if (cursor && !cursor.isNew(message.position)) return;
    for (const handler of [...(this.#handlers.get(message.type) ?? [])]) call(handler, message as never);
  }

  /** A channel's events are heard from here on. */
  begun({ channel, position, history, isNewEpoch }: Output & { do: "begun" }): void {
    for (const stream of this.#streams.get(channel) ?? []) stream.cursor.begun(position, history, isNewEpoch);
    this.#cursors.get(channel)?.begun(position, history, isNewEpoch);
  }

  /** The server refuses a channel. */
  refused(channel: types.ChannelName, error: FleetwireError): void {
    const known = this.core.channels.get(channel)!;
    this.eachStore(channel, (store) => {
      const refusal = known.refusal(store.keys);
      if (refusal) store.stand(false, refusal);
    });
    for (const stream of this.#streams.get(channel) ?? []) stream.finish(error);
    const data = { code: error.code, message: `${channel}: ${error.message}`, temporary: false };
    this.message({ type: "error", data });
  }

  /** Tell the stores of a channel whether all their rows are told; those that are refused theirs never have them. */
  stand(channel: types.ChannelName, isComplete: boolean): void {
    const known = this.core.channels.get(channel)!;
    this.eachStore(channel, (store) => {
      const error = known.refusal(store.keys);
      store.stand(isComplete && !error, error);
    });
  }

  /** Do something with every store of a channel. */
  eachStore(channel: types.ChannelName, each: (store: Store<unknown>) => void): void {
    for (const store of this.#interests.of(channel)) if (store instanceof Store) each(store);
  }
}
