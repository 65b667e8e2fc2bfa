/** Which experts are meant: by text, symbol, strategy, account and state. */

import type { ExpertRow } from "fleetwire";
import { isSilent } from "./health";

export interface Asked {
  q: string;
  symbol: string;
  strategy: string;
  account: string;
  state: string;
}

export const STATES: Record<string, { name: string; fits: (row: ExpertRow) => boolean }> = {
  fresh: { name: "reporting", fits: (row) => row.link === "fresh" },
  late: { name: "late", fits: (row) => row.link === "late" },
  silent: { name: "silent", fits: isSilent },
  closed: { name: "market closed", fits: (row) => row.why === "market_closed" },
  paused: { name: "paused", fits: (row) => row.paused },
  blocked: { name: "news blackout", fits: (row) => row.trading_blocked },
  open: { name: "with positions", fits: (row) => row.open_positions > 0 },
  history: { name: "history", fits: (row) => row.status === "history" },
};

export const accountOf = (row: ExpertRow): string => `${row.server}/${row.login}`;

/** Make a test of what is asked; a row has to fit in everything. Words may stand in any order. */
export function fitting(asked: Asked): (row: ExpertRow) => boolean {
  const words = asked.q.toLowerCase().split(/\s+/).filter(Boolean);
  const state = STATES[asked.state];
  return (row) => {
    if (asked.symbol && row.symbol !== asked.symbol) return false;
    if (asked.strategy && row.strategy_tag !== asked.strategy) return false;
    if (asked.account && accountOf(row) !== asked.account) return false;
    if (state && !state.fits(row)) return false;
    if (words.length === 0) return true;
    const text = `${row.ea_id} ${row.name} ${row.symbol} ${row.strategy_tag} ${accountOf(row)} ${row.group} ${row.timeframe}`.toLowerCase();
    return words.every((word) => text.includes(word));
  };
}
