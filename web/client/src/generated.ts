// Written by `python -m fleetwire.spec` from fleetwire/wire: change it there.

/** What a client asks for to be spoken to in version 2. */
export const SUBPROTOCOL = "fleetwire.v2.json";
/** The `status` of a state row's last message. */
export const REMOVED = "removed";
/** Every channel: which type it carries, and how it remembers. */
export const CHANNELS = {
  ea_updates: { type: "ea_update", kind: "state" },
  portfolio_updates: { type: "portfolio_update", kind: "state" },
  price_updates: { type: "price_update", kind: "state" },
  trade_updates: { type: "trade_update", kind: "event" },
  news_updates: { type: "news_update", kind: "event" },
  command_updates: { type: "command_update", kind: "event" },
  alerts: { type: "alert", kind: "event" },
} as const;
/** Every error code, and whether the same request may succeed later. */
export const ERROR_CODES = {
  malformed_json: { temporary: false, meaning: "the message is not JSON" },
  invalid_message: { temporary: false, meaning: "the message is JSON, but not of the form that its type has" },
  unknown_type: { temporary: false, meaning: "no message of this type exists" },
  too_deep: { temporary: false, meaning: "the message is nested too deeply" },
  not_authenticated: { temporary: false, meaning: "authenticate first" },
  token_invalid: { temporary: false, meaning: "the token is not known here, is revoked, or has expired" },
  token_expiring: { temporary: true, meaning: "the token expires soon: send another auth" },
  unknown_channel: { temporary: false, meaning: "no channel of this name exists" },
  too_many_channels: { temporary: false, meaning: "one session can't hear that many channels" },
  invalid_data: { temporary: false, meaning: "the channel, or the fleet, does not take this data" },
  no_reports_taken: { temporary: false, meaning: "this server keeps no fleet" },
  not_kept: { temporary: true, meaning: "the report can't be kept now, and was not taken: report it again" },
  forbidden: { temporary: false, meaning: "the role of the token does not allow this" },
  not_found: { temporary: false, meaning: "what the message names does not exist" },
  conflict: { temporary: false, meaning: "it contradicts what is known already: a state, a key used before, an older run" },
  confirmation_needed: { temporary: false, meaning: "a command of this weight has to be sent twice: send it again with `confirm`" },
  rate_limited: { temporary: true, meaning: "too much at once: try again later" },
  store_unavailable: { temporary: true, meaning: "what has to be kept can't be kept now" },
  internal_error: { temporary: true, meaning: "the server failed; the failure is in its log" },
} as const;
/** Every close code of the server, and when a client may come back. */
export const CLOSE_CODES = {
  1000: { name: "normal", meaning: "done", comesBack: "later" },
  1002: { name: "protocol_error", meaning: "the WebSocket protocol was broken", comesBack: "later" },
  1003: { name: "unsupported_data", meaning: "data of this kind is not spoken", comesBack: "later" },
  1007: { name: "invalid_data", meaning: "a text frame is not UTF-8", comesBack: "later" },
  1008: { name: "policy_violation", meaning: "a limit of the protocol was broken", comesBack: "later" },
  1009: { name: "message_too_big", meaning: "a message is too long", comesBack: "later" },
  1011: { name: "internal_error", meaning: "the server failed", comesBack: "later" },
  1012: { name: "service_restart", meaning: "the server stops; it may come back", comesBack: "later" },
  4001: { name: "token_invalid", meaning: "three tokens were refused, or the token was revoked", comesBack: "never" },
  4002: { name: "auth_timeout", meaning: "no authentication in time", comesBack: "never" },
  4003: { name: "forbidden", meaning: "not allowed", comesBack: "never" },
  4005: { name: "too_many_errors", meaning: "too many malformed messages", comesBack: "never" },
  4100: { name: "rate_limited", meaning: "too many requests", comesBack: "later" },
  4101: { name: "too_slow", meaning: "the reader is too slow", comesBack: "later" },
  4102: { name: "full", meaning: "the server is full", comesBack: "later" },
  4103: { name: "draining", meaning: "the server takes no new sessions", comesBack: "later" },
  4200: { name: "heartbeat_lost", meaning: "no sign of life", comesBack: "at_once" },
  4201: { name: "token_expired", meaning: "the token has expired: refresh it", comesBack: "at_once" },
} as const;
export interface KindByChannel {
  ea_updates: "state";
  portfolio_updates: "state";
  price_updates: "state";
  trade_updates: "event";
  news_updates: "event";
  command_updates: "event";
  alerts: "event";
}

/** Says who the client is. */
export interface AuthMessage {
  type: "auth";
  data: AuthData;
  id?: number | string;
}

/** Asks to hear channels. */
export interface SubscribeMessage {
  type: "subscribe";
  data: SubscribeData;
  id?: number | string;
}

/** Asks to hear channels no more. */
export interface UnsubscribeMessage {
  type: "unsubscribe";
  data: UnsubscribeData;
  id?: number | string;
}

/** A sign of life; `data` may be anything, and its `client_time` is echoed. */
export interface HeartbeatMessage {
  type: "heartbeat";
  data?: unknown;
  id?: number | string;
}

/** Tells all who subscribed to a channel. */
export interface PublishMessage {
  type: "publish";
  data: PublishData;
  id?: number | string;
}

/** What an expert is doing now. */
export interface EaReportMessage {
  type: "ea_report";
  data: Record<string, unknown>;
  id?: number | string;
}

/** What a terminal knows of its account. */
export interface AccountReportMessage {
  type: "account_report";
  data: Record<string, unknown>;
  id?: number | string;
}

/** A deal that an expert made. */
export interface DealReportMessage {
  type: "deal";
  data: Record<string, unknown>;
  id?: number | string;
}

/** An event of the economic calendar. */
export interface NewsReportMessage {
  type: "news_report";
  data: Record<string, unknown>;
  id?: number | string;
}

/** A symbol's price, and what the symbol is. */
export interface PriceReportMessage {
  type: "price_report";
  data: Record<string, unknown>;
  id?: number | string;
}

/** All open positions of an account, whoever opened them. */
export interface PositionsReportMessage {
  type: "positions_report";
  data: Record<string, unknown>;
  id?: number | string;
}

/** Acknowledges an open alert; the alert itself answers, on its channel. */
export interface AlertAckMessage {
  type: "alert_ack";
  data: AlertAckData;
  id?: number | string;
}

/** Asks that experts do something; the answer comes once that is on disk. */
export interface CommandMessage {
  type: "command";
  data: CommandData;
  id?: number | string;
}

/** Takes a command back that nobody has been given yet. */
export interface CommandCancelMessage {
  type: "command_cancel";
  data: CommandCancelData;
  id?: number | string;
}

/** What an expert says of a command that it was given: that it has it, or how it ended. */
export interface CommandAckMessage {
  type: "command_ack";
  data: Record<string, unknown>;
  id?: number | string;
}

export type ClientMessage =
  | AuthMessage
  | SubscribeMessage
  | UnsubscribeMessage
  | HeartbeatMessage
  | PublishMessage
  | EaReportMessage
  | AccountReportMessage
  | DealReportMessage
  | NewsReportMessage
  | PriceReportMessage
  | PositionsReportMessage
  | AlertAckMessage
  | CommandMessage
  | CommandCancelMessage
  | CommandAckMessage;

/** The first message on every connection. */
export interface Connection {
  type: "connection";
  data: ConnectionData;
  timestamp: string;
  id?: number | string;
}

/** Answers `auth`. */
export interface AuthResponse {
  type: "auth_response";
  data: AuthResponseData;
  timestamp: string;
  id?: number | string;
}

/** Answers `subscribe` and `unsubscribe`. */
export interface SubscriptionResponse {
  type: "subscription_response";
  data: SubscriptionResponseData;
  timestamp: string;
  id?: number | string;
}

/** Answers `heartbeat`. */
export interface HeartbeatResponse {
  type: "heartbeat_response";
  data: HeartbeatResponseData;
  timestamp: string;
  id?: number | string;
}

/** Answers `publish`. */
export interface PublishResponse {
  type: "publish_response";
  data: PublishResponseData;
  timestamp: string;
  id?: number | string;
}

/** Refuses a message; the connection lives on. */
export interface Error {
  type: "error";
  data: ErrorData;
  timestamp: string;
  id?: number | string;
}

/** Gives a command to the expert that it is for. */
export interface Order {
  type: "command";
  data: OrderData;
  timestamp: string;
  id?: number | string;
}

/** Answers `command` and `command_cancel`. */
export interface CommandResponse {
  type: "command_response";
  data: CommandResponseData;
  timestamp: string;
  id?: number | string;
}

/** Ends a snapshot, for those who asked for one in words. */
export interface SnapshotEnd {
  type: "snapshot_end";
  data: SnapshotEndData;
  timestamp: string;
  id?: number | string;
}

/** Names a loss. */
export interface Gap {
  type: "gap";
  data: GapData;
  timestamp: string;
  id?: number | string;
}

/** What an expert is doing. */
export interface EaUpdate {
  type: "ea_update";
  data: ExpertRow;
  timestamp: string;
  id?: number | string;
  channel: "ea_updates";
  position: number;
  key: string;
  as_of?: string;
}

/** What the experts are doing together. */
export interface PortfolioUpdate {
  type: "portfolio_update";
  data: PortfolioRow;
  timestamp: string;
  id?: number | string;
  channel: "portfolio_updates";
  position: number;
  key: string;
  as_of?: string;
}

/** A symbol's price. */
export interface PriceUpdate {
  type: "price_update";
  data: PriceRow;
  timestamp: string;
  id?: number | string;
  channel: "price_updates";
  position: number;
  key: string;
  as_of?: string;
}

/** A deal. */
export interface TradeUpdate {
  type: "trade_update";
  data: DealRow;
  timestamp: string;
  id?: number | string;
  channel: "trade_updates";
  position: number;
  seq: number;
  key?: string;
  as_of?: string;
}

/** A calendar event. */
export interface NewsUpdate {
  type: "news_update";
  data: NewsRow;
  timestamp: string;
  id?: number | string;
  channel: "news_updates";
  position: number;
  seq: number;
  key?: string;
  as_of?: string;
}

/** A step in a command's life. */
export interface CommandUpdate {
  type: "command_update";
  data: CommandRow;
  timestamp: string;
  id?: number | string;
  channel: "command_updates";
  position: number;
  seq: number;
  key?: string;
  as_of?: string;
}

/** Something that a person should know. */
export interface Alert {
  type: "alert";
  data: AlertRow;
  timestamp: string;
  id?: number | string;
  channel: "alerts";
  position: number;
  seq: number;
  key?: string;
  as_of?: string;
}

export type ServerMessage =
  | Connection
  | AuthResponse
  | SubscriptionResponse
  | HeartbeatResponse
  | PublishResponse
  | Error
  | Order
  | CommandResponse
  | SnapshotEnd
  | Gap
  | EaUpdate
  | PortfolioUpdate
  | PriceUpdate
  | TradeUpdate
  | NewsUpdate
  | CommandUpdate
  | Alert;

export interface MessageByType {
  connection: Connection;
  auth_response: AuthResponse;
  subscription_response: SubscriptionResponse;
  heartbeat_response: HeartbeatResponse;
  publish_response: PublishResponse;
  error: Error;
  command: Order;
  command_response: CommandResponse;
  snapshot_end: SnapshotEnd;
  gap: Gap;
  ea_update: EaUpdate;
  portfolio_update: PortfolioUpdate;
  price_update: PriceUpdate;
  trade_update: TradeUpdate;
  news_update: NewsUpdate;
  command_update: CommandUpdate;
  alert: Alert;
}

export interface RowByChannel {
  ea_updates: ExpertRow;
  portfolio_updates: PortfolioRow;
  price_updates: PriceRow;
  trade_updates: DealRow;
  news_updates: NewsRow;
  command_updates: CommandRow;
  alerts: AlertRow;
}

export interface PublishedByChannel {
  ea_updates: EaUpdate;
  portfolio_updates: PortfolioUpdate;
  price_updates: PriceUpdate;
  trade_updates: TradeUpdate;
  news_updates: NewsUpdate;
  command_updates: CommandUpdate;
  alerts: Alert;
}

/** A deal: the data of a `trade_update`. One made by hand has no `ea_id`; without a known offset no `time_utc`. */
export interface DealRow {
  ea_id?: number;
  symbol: string;
  name?: string;
  ticket: number;
  order: number;
  time_msc: number;
  type: string;
  entry: string;
  magic: number;
  position_id: number;
  reason: string;
  volume: number;
  price: number;
  commission: number;
  swap: number;
  fee: number;
  profit: number;
  comment: string;
  time_server: string;
  time_utc?: string;
  server?: string;
  login?: number;
}

/**
 * What an expert does: the data of an `ea_update`.
 *
 * `status` is what the expert said (`active`, `paused`, ...), or `stale` or `lost` once it has been silent for too
 * long, or `history` where all that is known of it is from a file. `link` is `fresh`, `late`, `stale` or `lost`; `why`
 * says what is in the way: `expert_stopped`, `algo_trading_off`, `terminal_down`, `broker_connection_lost` or
 * `market_closed`. `trading_blocked` is true inside a news blackout of its symbol, until `blocked_until_utc`.
 */
export interface ExpertRow {
  ea_id: number;
  symbol: string;
  status: string;
  current_profit: number;
  name: string;
  currency: string;
  drawdown_pct: number;
  magic: number;
  server: string;
  login: number;
  strategy_tag: string;
  group: string;
  timeframe: string;
  open_positions: number;
  volume: number;
  sl_value?: number;
  tp_value?: number;
  trailing_active: boolean;
  module_status: Record<string, string>;
  performance_metrics: Record<string, number>;
  net_profit: number;
  profit_today: number;
  last_trades: DealRow[];
  paused: boolean;
  link: string;
  why?: string;
  trading_blocked: boolean;
  blocked_until_utc?: string;
  last_report_utc: string;
  last_report_server?: string;
  terminal?: string;
  boot_id?: string;
  coc_override?: string;
}

/**
 * The sums of the accounts of one currency, and of their experts.
 *
 * `profit_today` is closed since the broker's midnight, `daily_result` the change of the equity since then without
 * what was paid in or out. `drawdown_pct` is the fall from `peak_equity`, deposits moving both alike.
 */
export interface Sums {
  total_profit: number;
  drawdown_pct: number;
  currency: string;
  net_profit: number;
  profit_today: number;
  daily_result: number;
  balance: number;
  equity: number;
  peak_equity: number;
  margin: number;
  margin_free: number;
  margin_level?: number;
}

/** Some experts together; money by currency. */
export interface Group {
  eas: number;
  positions: number;
  profit: Record<string, number>;
  net_profit: Record<string, number>;
}

/** Open positions that no expert owns; profit by currency. */
export interface Manual {
  positions: number;
  profit: Record<string, number>;
}

/**
 * What the experts do together: the data of a `portfolio_update`; always the sum of the `ea_update`s before it.
 *
 * Money stands at the top only where all accounts share one currency, and always in `by_currency`; `converted` is all
 * of it in one currency, where a source has given the rates. `exposure_by_symbol` is in lots, `exposure_by_currency`
 * in units of the currency; sold below zero. `links` counts experts by their link. `trading_blocked` lists symbols.
 */
export interface PortfolioRow {
  total_profit?: number;
  active_eas: number;
  drawdown_pct?: number;
  currency?: string;
  net_profit?: number;
  profit_today?: number;
  daily_result?: number;
  balance?: number;
  equity?: number;
  peak_equity?: number;
  margin?: number;
  margin_free?: number;
  margin_level?: number;
  portfolio: string;
  total_eas: number;
  total_positions: number;
  links: Record<string, number>;
  exposure_by_symbol: Record<string, number>;
  exposure_by_currency: Record<string, number>;
  breakdown: Record<string, Record<string, Group>>;
  by_currency: Record<string, Sums>;
  converted?: Sums;
  manual?: Manual;
  trading_blocked: string[];
}

/**
 * An account, as the API lists it. `limits` tells the headroom to each limit that is set for it.
 *
 * `margin_so_call` and `margin_so_so` are the broker's levels of the margin call and the stop out, in percent.
 */
export interface AccountRow {
  account: string;
  server: string;
  login: number;
  name: string;
  company: string;
  currency: string;
  leverage: number;
  balance: number;
  credit: number;
  profit: number;
  equity: number;
  margin: number;
  margin_free: number;
  margin_level?: number;
  margin_so_call?: number;
  margin_so_so?: number;
  trade_allowed: boolean;
  trade_expert: boolean;
  link: string;
  why?: string;
  profit_today: number;
  daily_result: number;
  daily_result_pct?: number;
  day_open_balance: number;
  day_open_equity: number;
  drawdown_pct: number;
  peak_equity: number;
  deposits: number;
  utc_offset_s?: number;
  clock_skew_s?: number;
  limits?: Record<string, number>;
  experts: number;
  open_positions: number;
  as_of: string;
}

/** A terminal, as the API lists it. */
export interface TerminalRow {
  terminal: string;
  account: string;
  name: string;
  build: number;
  connected: boolean;
  trade_allowed: boolean;
  ping_ms?: number;
  link: string;
  why?: string;
  clock_skew_s?: number;
  as_of: string;
}

/**
 * An open position, as the API lists it. `ea_id` is absent for one opened by hand.
 *
 * `exposure` is what it adds to each currency, in units of it, sold below zero; absent where it is not known what the
 * symbol is.
 */
export interface PositionRow {
  ea_id?: number;
  account: string;
  currency: string;
  ticket: number;
  position_id: number;
  symbol: string;
  type: string;
  volume: number;
  price_open: number;
  price_current: number;
  sl: number;
  tp: number;
  swap: number;
  profit: number;
  magic: number;
  comment: string;
  exposure?: Record<string, number>;
  time_msc: number;
  time_server: string;
  time_utc?: string;
  as_of: string;
}

/**
 * All deals of one position: a trade. `result` is profit + swap + commission + fee.
 *
 * `status` is `open` or `closed`; prices are averages over volume. A position whose entry is not known has no
 * `price_open`. `time_last_utc` is when its last deal was made, also of an open one: trades are listed by it.
 */
export interface TradeRow {
  account: string;
  ea_id?: number;
  position_id: number;
  symbol: string;
  type: string;
  status: string;
  volume: number;
  volume_closed: number;
  price_open?: number;
  price_close?: number;
  profit: number;
  commission: number;
  swap: number;
  fee: number;
  result: number;
  deals: number;
  magic: number;
  time_open_msc: number;
  time_open_utc: string;
  time_close_msc?: number;
  time_close_utc?: string;
  time_last_utc: string;
}

/** One point of a curve: the last balance and equity of its stretch of time, and the lowest and highest equity. */
export interface EquityPoint {
  utc: string;
  balance: number;
  equity: number;
  equity_min: number;
  equity_max: number;
}

/**
 * What experts have earned of late, closed and open together, in the currency of their accounts; the latest last.
 *
 * `experts` has, by ea_id, one value for each `step_ms`, at most three minutes of them; null where it was silent. The
 * last is of `as_of`.
 */
export interface SparklinesRow {
  as_of: string;
  step_ms: number;
  experts: Record<string, (number | null)[]>;
}

/**
 * What a person should know: the data of an `alert`. `status` is `raised`, `acknowledged` or `cleared`.
 *
 * `ea_id` (or `account`) is the subject where it has one. `value` is what the rule looked at.
 */
export interface AlertRow {
  level: string;
  message: string;
  ea_id?: number;
  account?: string;
  alert_id: number;
  rule: string;
  subject: string;
  status: string;
  value?: number;
  threshold?: number;
  raised_at: string;
  acknowledged_at?: string;
  acknowledged_by?: string;
  cleared_at?: string;
}

/**
 * A calendar event, or the opening or closing of its blackout: the data of a `news_update`.
 *
 * `status` is `announced`, `blackout_opened` or `blackout_closed`. `symbols` are those of the fleet that the blackout
 * blocks, or will block; an event that is announced on the channel does not tell them yet, the API does.
 */
export interface NewsRow {
  id: number | string;
  status: string;
  name: string;
  currency: string;
  importance: string;
  time_utc: string;
  actual?: number | string;
  forecast?: number | string;
  previous?: number | string;
  source: string;
  trading_blocked?: boolean;
  symbols?: string[];
  blackout_from_utc?: string;
  blackout_until_utc?: string;
}

/**
 * A command: the data of a `command_update`, and as the API lists it.
 *
 * `status` is `queued delivered accepted executed partial rejected failed expired cancelled` or `unknown`; `why` says
 * why it is that one. A command for several experts has no `ea_id`; each expert's part of it names it as `parent_id`.
 */
export interface CommandRow {
  command_id: string;
  ea_id?: number;
  command: string;
  status: string;
  params: Record<string, unknown>;
  reason: string;
  results?: Record<string, unknown>;
  why?: string;
  parent_id?: string;
  target: string;
  priority: string;
  by: string;
  issued_at: string;
  expires_at: string;
  changed_at: string;
  boot_id?: string;
}

/**
 * Who did what, when, from where and why, as the API lists it: a row of the audit.
 *
 * `who` is a token's id, `EA 1007` or `server`. `before` is absent for what was not there. `details` is JSON, cut
 * where it is long. `hash` is that of the row in its chain.
 */
export interface AuditedRow {
  number: number;
  time_utc: string;
  who: string;
  address?: string;
  action: string;
  subject?: string;
  before?: string;
  after?: string;
  why?: string;
  details?: string;
  hash: string;
}

/** A symbol's price, as the API lists it. `market` is `open`, `closed`, or absent where no sessions are known. */
export interface PriceRow {
  server: string;
  symbol: string;
  bid: number;
  ask: number;
  market?: string;
  time_msc?: number;
  as_of: string;
}

/** Everything at a glance, as the API gives it. `as_of` is when the portfolio was last told. */
export interface FleetRow {
  portfolio: PortfolioRow;
  accounts: AccountRow[];
  terminals: TerminalRow[];
  alerts_open: number;
  as_of: string;
  server_time: string;
}

/** A part of a list. `next` is the cursor of the part that follows; absent at the end. */
export interface Page {
  items: unknown[];
  total?: number;
  next?: string;
}

/** The token that says who the client is; it shows in no repr. */
export interface AuthData {
  token: string;
}

/**
 * Which channels, and from where on.
 *
 * `snapshot`: begin state channels with their current rows. `history`: begin event channels with their last n
 * messages. `since`: go on after this position. `max_hz`: be told of state channels at most so often, each or all of
 * them; what changes in between is told once, with its last value.
 */
export interface SubscribeData {
  channels: string[];
  since?: Since;
  history?: number;
  snapshot?: boolean;
  max_hz?: Record<string, number> | number;
}

/** Which channels. */
export interface UnsubscribeData {
  channels: string[];
}

/**
 * What to tell on a channel. `key` names the subject where the channel's own field does not.
 *
 * `ack`: whether it is answered; a refusal always is.
 */
export interface PublishData {
  channel: string;
  data: Record<string, unknown>;
  key?: number | string;
  ack?: boolean;
}

/** Which alert. */
export interface AlertAckData {
  alert_id: number;
}

/**
 * What is to be done, by whom, and why. Whatever is not meant here is refused: a slip must not move money.
 *
 * `idempotency_key`: sent again with the same key, the first answer is given again. `expires_in_s`: seconds after
 * which nobody may begin with it. `confirm`: what `command_response` asked to be repeated, where two steps are wanted.
 */
export interface CommandData {
  target: TargetData;
  command: string;
  params?: Record<string, unknown>;
  idempotency_key?: string;
  expires_in_s?: number;
  reason?: string;
  confirm?: string;
}

/** Which command, and why. */
export interface CommandCancelData {
  command_id: string;
  reason?: string;
}

/**
 * The welcome. Intervals and deadlines in seconds.
 *
 * `role` is there for whom a ticket has let in already; `commands` as in `auth_response`.
 */
export interface ConnectionData {
  status: string;
  message: string;
  client_id: string;
  protocol: number;
  epoch: string;
  server_time: string;
  heartbeat_interval: number;
  heartbeat_timeout: number;
  auth_deadline: number;
  role?: string;
  commands?: string[];
}

/**
 * The answer to `auth`: `status` is "authenticated" or "failed".
 *
 * `commands` are those that the token may give, where its scopes name some; without it, all that its role may.
 */
export interface AuthResponseData {
  status: string;
  success: boolean;
  role?: string;
  expires_at?: string;
  commands?: string[];
  error?: string;
  message?: string;
}

/**
 * The answer to `subscribe` and `unsubscribe`.
 *
 * `channels` are those accepted by this request; `recovered` tells for each channel that was resumed whether nothing
 * is missing.
 */
export interface SubscriptionResponseData {
  status: string;
  channels: string[];
  rejected: Rejected[];
  epoch: string;
  position: number;
  recovered: Record<string, boolean>;
}

/** The server's time, and the client's as it sent it. */
export interface HeartbeatResponseData {
  server_time: string;
  client_time?: unknown;
}

/** Where the message stands: its position, and its `seq` on an event channel. */
export interface PublishResponseData {
  status: string;
  channel: string;
  position: number;
  seq?: number;
}

/** What was refused, why, and whether it may succeed later. */
export interface ErrorData {
  code: string;
  message: string;
  temporary: boolean;
  id?: number | string;
}

/**
 * One command for one expert.
 *
 * Whoever has a key reads the command from `signed`, and from nowhere else; the fields beside it say the same for
 * those who have none, and for people.
 *
 * Args:
 *     id: of the command; an expert carries out each id once.
 *     target: the id of the expert that it is for.
 *     command: what to do.
 *     params: how.
 *     issued: when it was asked for, in milliseconds since 1970 (UTC).
 *     expires: from when on nobody may begin with it, likewise.
 *     nonce: makes it like no other.
 *     boot_id: the run of the expert that it is for; empty for any.
 *     signed: the canonical form of all of these, the very text that is signed.
 *     signature: hexadecimal; empty where the expert has no key, since it uses a token that it shares with others.
 *     server_time: what time it is for the server, in milliseconds since 1970; `expires` is judged by it.
 */
export interface OrderData {
  id: string;
  target: number;
  command: string;
  params: Record<string, unknown>;
  issued: number;
  expires: number;
  nonce: string;
  boot_id: string;
  signed: string;
  signature: string;
  server_time: number;
}

/**
 * What became of a request: the commands as they stand now, on disk.
 *
 * `status` is `accepted`, `cancelled`, or `confirm`: then the same request has to be repeated with this `confirm`
 * before `confirm_until`, and `message` says what it would do. `command_id` names what was asked for; `children` are
 * its parts, where it is for several experts.
 */
export interface CommandResponseData {
  status: string;
  command_id?: string;
  command?: CommandRow;
  children?: CommandRow[];
  message?: string;
  confirm?: string;
  confirm_until?: string;
}

/** The channels whose snapshot is complete: a row that was not in it does not exist. */
export interface SnapshotEndData {
  channels: string[];
  position: number;
}

/** What was lost of an event channel: by `seq` where the whole channel is heard, and by position. */
export interface GapData {
  channel: string;
  from_seq?: number;
  to_seq?: number;
  since?: number;
  until?: number;
  epoch?: string;
}

/** Where a client stopped hearing: one position for all channels, or one for each. */
export interface Since {
  epoch: string;
  position?: number;
  positions?: Record<string, number>;
}

/** For whom a command is: exactly one of these. `account` is written as Server/login. */
export interface TargetData {
  ea_id?: number;
  account?: string;
  group?: string;
  strategy?: string;
  all?: boolean;
}

/** Why a channel was not accepted. */
export interface Rejected {
  channel: string;
  code: string;
  message: string;
}
