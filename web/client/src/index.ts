export { connect } from "./connect.js";
export { FleetwireError } from "./errors.js";
export { webSocketTransport } from "./transport.js";
export { systemClock } from "./clock.js";
export * from "./generated.js";
export type { Clock } from "./clock.js";
export type { CommandName, CommandParams, CommandRequest, CommandTarget } from "./orders.js";
export type { Transport, TransportEvents, TransportFactory, WebSocketClass } from "./transport.js";
export type {
  ChannelName,
  CommandResponse,
  ConnectOptions,
  EventChannel,
  Fleetwire,
  Identity,
  Message,
  MessageOf,
  MessageType,
  Observable,
  RequestOptions,
  RowOf,
  StateChannel,
  StateStore,
  Status,
  TokenSource,
} from "./types.js";
