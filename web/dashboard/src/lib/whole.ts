/** Rows as the pages want them. What a program of somebody's own has broadcast may lack most of a row's fields. */

import type { AlertRow, CommandRow, ExpertRow, NewsRow, PortfolioRow, Sums } from "fleetwire";

const EXPERT: Omit<ExpertRow, "ea_id"> = {
  symbol: "",
  status: "",
  current_profit: 0,
  name: "",
  currency: "",
  drawdown_pct: 0,
  magic: 0,
  server: "",
  login: 0,
  strategy_tag: "",
  group: "",
  timeframe: "",
  open_positions: 0,
  volume: 0,
  trailing_active: false,
  module_status: {},
  performance_metrics: {},
  net_profit: 0,
  profit_today: 0,
  last_trades: [],
  paused: false,
  link: "fresh",
  trading_blocked: false,
  last_report_utc: "",
};

const EXPERT_FIELDS = Object.keys(EXPERT) as (keyof ExpertRow)[];

const SUMS: Sums = {
  total_profit: 0,
  drawdown_pct: 0,
  currency: "",
  net_profit: 0,
  profit_today: 0,
  daily_result: 0,
  balance: 0,
  equity: 0,
  peak_equity: 0,
  margin: 0,
  margin_free: 0,
};

const PORTFOLIO = {
  portfolio: "total",
  active_eas: 0,
  total_eas: 0,
  total_positions: 0,
  links: {},
  exposure_by_symbol: {},
  exposure_by_currency: {},
  breakdown: {},
  trading_blocked: [],
} satisfies Partial<PortfolioRow>;

/** What turns the direction of a line would turn what stands behind it, too: a name must not make figures of others read backwards. */
const TURNS = /[\u202A-\u202E\u2066-\u2069]/g;

export function wholeExpert(told: ExpertRow): ExpertRow {
  const row = typeof told.name === "string" && told.name.search(TURNS) >= 0 ? { ...told, name: told.name.replace(TURNS, "") } : told;
  if (EXPERT_FIELDS.every((name) => row[name] !== undefined) && row.link !== "") return row;
  return { ...EXPERT, ...row, link: row.link === "" ? "stale" : (row.link ?? "fresh") }; // one that can't be read is not believed
}

export function wholePortfolio(row: PortfolioRow): PortfolioRow {
  if (["by_currency", ...Object.keys(PORTFOLIO)].every((name) => row[name as keyof PortfolioRow] !== undefined)) return row;
  const sums = { ...SUMS, ...row } as Sums;
  const money = row.equity === undefined ? {} : { [sums.currency]: sums };
  return Object.assign({}, PORTFOLIO, { by_currency: money }, row);
}

/** An alert that a program has published has no number of the server's, and nobody can acknowledge it: it was told. */
export function wholeAlert(row: AlertRow, seq: number, utc: string): AlertRow {
  const whole = { ...{ level: "info", message: "", rule: "published", subject: "", raised_at: utc }, ...row };
  whole.message = whole.message.replace(TURNS, "");
  return row.alert_id !== undefined && row.status !== undefined ? whole : { ...whole, alert_id: -seq, status: "told" };
}

/** Likewise of a command: what a program tells of one of its own. It was issued when it was first heard of. */
export function wholeCommand(row: CommandRow, seq: number, utc: string, heardAt: (id: string) => string | undefined): CommandRow {
  const id = String(row.command_id || `published-${seq}`);
  const own = { command: "command", status: "told", params: {}, reason: "", target: row.ea_id === undefined ? "" : `EA ${row.ea_id}`, priority: "normal", by: "a program" };
  const times = { issued_at: row.issued_at ?? heardAt(id) ?? utc, expires_at: utc, changed_at: utc };
  return { ...own, ...times, ...row, command_id: id };
}

export function wholeNews(row: NewsRow): NewsRow {
  return { ...{ status: "", name: "", currency: "", importance: "", time_utc: "", source: "" }, ...row };
}
