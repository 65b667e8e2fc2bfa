/** The forms of what a program gives to the client and gets from it. */

import type { FleetwireError } from "./errors.js";
import type {
  AlertRow,
  CommandResponseData,
  Gap,
  KindByChannel,
  MessageByType,
  PublishedByChannel,
  RowByChannel,
} from "./generated.js";
import type { Clock } from "./clock.js";
import type { CommandRequest } from "./orders.js";
import type { TransportFactory } from "./transport.js";

/** How it stands with the connection. Times in milliseconds; `code` is a close code, an error code, or null where nobody gave one. */
export type Status =
  | { readonly state: "connecting" }
  | { readonly state: "authenticating" }
  | { readonly state: "live" }
  /** Connected, and yet nothing is heard: what is shown is old. */
  | { readonly state: "stale"; readonly ageMs: number }
  /** Comes back by itself. */
  | { readonly state: "offline"; readonly retryInMs: number; readonly reason: string; readonly code: number | string | null }
  /** Does not come back before `authenticate` is called. */
  | { readonly state: "refused"; readonly reason: string; readonly code: number | string | null }
  | { readonly state: "closed" };

/** Who the server takes us for. `expiresAt` is UTC; null for a token that does not expire. */
export interface Identity {
  readonly role: string;
  readonly expiresAt: string | null;
  /** What the token is limited to, where the server tells. */
  readonly scopes: readonly string[] | null;
  /** The commands that it may give, where it may not give all of its role. */
  readonly commands?: readonly string[];
}

/** Gives the token of the moment. */
export type TokenSource = string | (() => string | Promise<string>);

export interface ConnectOptions {
  /** The token, or what gives it: asked anew for every connection. It never stands in a URL. */
  token?: TokenSource;
  /** A single-use ticket for the first connection (POST /api/v1/ticket). */
  ticket?: string;
  /** Speak version 1 only. By default version 2 is spoken, and version 1 where the server does not know it. */
  version?: 1 | 2;
  /** Time; `performance.now`, `Date.now` and `setTimeout` by default. */
  clock?: Clock;
  /** What opens sockets; `globalThis.WebSocket` by default. */
  transport?: TransportFactory;
  /** Draws the jitter, evenly from 0 to 1. */
  random?: () => number;
}

/** A value that changes. */
export interface Observable<T> {
  readonly value: T;
  /** Calls at once with the current value, and then with each new one. Gives what ends it. */
  subscribe(listener: (value: T) => void): () => void;
}

export type ChannelName = keyof RowByChannel;
export type StateChannel = { [C in ChannelName]: KindByChannel[C] extends "state" ? C : never }[ChannelName];
export type EventChannel = Exclude<ChannelName, StateChannel>;
export type RowOf<C extends ChannelName> = RowByChannel[C];
/** What an event channel gives: its messages, or word of a loss. */
export type MessageOf<C extends ChannelName> = PublishedByChannel[C] | Gap;
export type MessageType = keyof MessageByType;
export type Message<T extends MessageType> = MessageByType[T];
export type CommandResponse = CommandResponseData;

export interface StateStore<R> {
  /** Always the merged truth. The map lives on, rows are replaced and never mutated. */
  readonly rows: ReadonlyMap<string, R>;
  /** On this connection all rows that there are have been told. */
  readonly complete: boolean;
  /** Why the server refuses the channel; null where it does not. */
  readonly error: FleetwireError | null;
  /**
   * Calls at once with all rows, then at most once per animation frame with those that changed or ceased to exist, and
   * with none where only `complete` or `error` changed. When the last listener has left, the channel is heard no more.
   */
  subscribe(listener: (rows: ReadonlyMap<string, R>, changed: ReadonlySet<string>) => void): () => void;
  /** How long ago the source said this row, by the server's clock; null where nobody knows. */
  ageMs(key: string): number | null;
}

export interface RequestOptions {
  /** How long an answer is waited for, a lost connection included (10 s). */
  timeoutMs?: number;
  signal?: AbortSignal;
}

export interface Fleetwire {
  readonly status: Observable<Status>;
  /** Milliseconds since the server was last heard; moves by itself. Null before the first time. */
  readonly age: Observable<number | null>;
  readonly identity: Observable<Identity | null>;
  /** The server's time minus this machine's, in milliseconds; 0 while nothing is known. */
  readonly clockOffsetMs: number;
  /** Milliseconds since 1970 by the server's clock. */
  serverNow(): number;
  /** Rows by key, of the whole channel or of some keys. Those who ask for the same share one store. */
  state<C extends StateChannel>(channel: C, options?: { keys?: readonly string[]; maxHz?: number }): StateStore<RowOf<C>>;
  /** Every message, in order, or a `gap`. Each iteration hears for itself; leaving it ends it. */
  events<C extends EventChannel>(channel: C, options?: { history?: number }): AsyncIterable<MessageOf<C>>;
  /** Hears every message of a type; of a published one, its channel is subscribed to. Gives what ends it. */
  on<T extends MessageType>(type: T, handler: (message: Message<T>) => void): () => void;
  /**
   * Asks that experts do something. Where the connection is lost, it is sent again with the same `idempotency_key` (one
   * is made where none is given), so that it counts once. Rejects with a FleetwireError.
   */
  command(request: CommandRequest, options?: RequestOptions): Promise<CommandResponse>;
  /** Takes a command back that no expert has been given yet. */
  cancel(commandId: string, options?: RequestOptions & { reason?: string }): Promise<CommandResponse>;
  acknowledge(alertId: number, options?: RequestOptions): Promise<AlertRow>;
  /** Another token: from now on, in place, or with a new connection where the old token was refused. */
  authenticate(token: string): Promise<void>;
  close(): void;
}
