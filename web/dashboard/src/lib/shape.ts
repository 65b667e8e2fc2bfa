/**
 * What rows should look like. Programs of somebody's own may tell whatever they like: what is no number is shown as none,
 * is named, and is never guessed at. One wrong row must not stop a page.
 */

type Kind = "number" | "text" | "flag" | "id" | "any";
export type Form = Kind | { list: Form } | { map: Form } | { row: Record<string, Form> };
type Fields = Record<string, unknown>;

const EMPTY: Record<Kind, unknown> = { number: NaN, text: "", flag: false, id: "", any: null };
const IS: Record<Kind, (value: unknown) => boolean> = {
  number: (value) => typeof value === "number",
  text: (value) => typeof value === "string",
  flag: (value) => typeof value === "boolean",
  id: (value) => typeof value === "string" || typeof value === "number",
  any: () => true,
};

const row = (texts: string, numbers: string, more: Record<string, Form> = {}): { row: Record<string, Form> } => {
  const all = (names: string, kind: Kind): [string, Form][] => names.split(" ").filter(Boolean).map((name) => [name, kind]);
  return { row: { ...Object.fromEntries([...all(texts, "text"), ...all(numbers, "number")]), ...more } };
};
const numbers: Form = { map: "number" };

export const DEAL = row("symbol name type entry reason comment time_server time_utc", "order time_msc position_id volume price commission swap fee profit", { ea_id: "id", ticket: "id", magic: "id", server: "id", login: "id" });
export const EXPERT = row(
  "symbol status name currency strategy_tag group timeframe link why blocked_until_utc last_report_utc last_report_server terminal boot_id coc_override",
  "current_profit drawdown_pct open_positions volume sl_value tp_value net_profit profit_today",
  { ea_id: "id", magic: "id", server: "id", login: "id", trailing_active: "flag", paused: "flag", trading_blocked: "flag", module_status: { map: "any" }, performance_metrics: numbers, last_trades: { list: DEAL } },
);
const SUMS = row("currency", "total_profit drawdown_pct net_profit profit_today daily_result balance equity peak_equity margin margin_free margin_level");
const GROUP = row("", "eas positions", { profit: numbers, net_profit: numbers });
export const PORTFOLIO: { row: Record<string, Form> } = {
  row: {
    ...SUMS.row,
    ...row("portfolio", "active_eas total_eas total_positions", { links: numbers, exposure_by_symbol: numbers, exposure_by_currency: numbers, trading_blocked: { list: "text" } }).row,
    breakdown: { map: { map: GROUP } },
    by_currency: { map: SUMS },
    converted: SUMS,
    manual: row("", "positions", { profit: numbers }),
  },
};
export const PRICE = row("symbol market as_of", "bid ask time_msc", { server: "id" });
export const ALERT = row("level message account rule subject status raised_at acknowledged_at acknowledged_by cleared_at", "value threshold", { ea_id: "id", alert_id: "id" });
export const COMMAND = row("command status reason why parent_id target priority by issued_at expires_at changed_at boot_id", "", { command_id: "id", ea_id: "id", params: { map: "any" }, results: { map: "any" } });
export const NEWS = row("status name currency importance time_utc source blackout_from_utc blackout_until_utc", "", { id: "id", actual: "id", forecast: "id", previous: "id", trading_blocked: "flag", symbols: { list: "text" } });

/**
 * Take a row for what it should be.
 *
 * @param told as it came.
 * @param form what it should look like.
 * @param wrong is called with the name of each field that is something else, or has something else in it.
 * @returns the same object where all is well; else one without what can't be read: no number (NaN), no text, no list.
 */
export function shaped<R>(told: R, form: { row: Record<string, Form> }, wrong: (name: string) => void): R {
  if (isObject(told)) return fieldsOf(told, form.row, wrong, false) as R;
  wrong("all of it");
  return {} as R;
}

function fieldsOf(told: Fields, forms: Record<string, Form>, wrong: (name: string) => void, fills: boolean): Fields {
  let taken = told;
  for (const name in forms) {
    const form = forms[name] as Form;
    const value = told[name];
    const isMissing = value === undefined;
    if (isMissing && (!fills || typeof form === "string")) continue;
    const known = isMissing ? emptyOf(form) : valueOf(value, form, () => wrong(name));
    if (known === value) continue;
    if (taken === told) taken = { ...told };
    taken[name] = known;
  }
  return taken;
}

/** What has been found to be right: a patched row shares most of what is in it with the one before. */
const right = new WeakSet<object>();

function valueOf(value: unknown, form: Form, wrong: () => void): unknown {
  if (typeof form === "string") {
    if (IS[form](value)) return value;
    if (value !== null) wrong(); // many programs write null for what there is none of
    return EMPTY[form];
  }
  const isRight = "list" in form ? Array.isArray(value) : isObject(value);
  if (!isRight) {
    if (value !== null) wrong();
    return emptyOf(form);
  }
  if (right.has(value as object)) return value;
  const taken = "row" in form ? fieldsOf(value as Fields, form.row, wrong, true) : itemsOf(value as Fields, form, wrong);
  if (taken === value) right.add(value as object);
  return taken;
}

/** Items that are no object, and should be, are left out; and so are those that should be a number, and are none. */
function itemsOf(items: Fields, form: { list: Form } | { map: Form }, wrong: () => void): unknown {
  const inner = "list" in form ? form.list : form.map;
  const taken: [string, unknown][] = [];
  let isSame = true;
  for (const name in items) {
    const item = valueOf(items[name], inner, wrong);
    if (item !== items[name]) isSame = false;
    if (item === items[name] || (isObject(items[name]) && isObject(item))) taken.push([name, item]);
  }
  if (isSame) return items;
  return "list" in form ? taken.map(([, item]) => item) : Object.fromEntries(taken);
}

const emptyOf = (form: Form): unknown => (typeof form === "string" ? EMPTY[form] : "list" in form ? [] : {});

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
