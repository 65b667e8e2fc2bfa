/** What there is to choose from in the filters of lists: names in their order. */

import type { ExpertRow } from "fleetwire";
import { accountOf } from "./experts";

export interface Choices {
  symbol: string[];
  strategy: string[];
  account: string[];
}

export function choicesOf(experts: Iterable<ExpertRow>, accounts: Iterable<string> = []): Choices {
  const found = { symbol: new Set<string>(), strategy: new Set<string>(), account: new Set(accounts) };
  for (const row of experts) {
    found.symbol.add(row.symbol);
    found.strategy.add(row.strategy_tag || row.name);
    found.account.add(accountOf(row));
  }
  const sorted = (names: Set<string>): string[] => [...names].filter(Boolean).sort((a, b) => a.localeCompare(b));
  return { symbol: sorted(found.symbol), strategy: sorted(found.strategy), account: sorted(found.account) };
}
