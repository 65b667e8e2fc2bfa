import type { AccountRow, ExpertRow, PortfolioRow } from "fleetwire";
import { describe, expect, it } from "vitest";
import { compare, fitting as columnsThatFit, type Column } from "../src/components/columns";
import { fitting } from "../src/lib/experts";
import { headrooms, toneOfHeadroom } from "../src/lib/limits";
import { may } from "../src/lib/roles";
import { wholeExpert, wholePortfolio } from "../src/lib/whole";

const NOTHING = { q: "", symbol: "", strategy: "", account: "", state: "" };
const grid = wholeExpert({ ea_id: 1012, name: "Gold Grid", symbol: "XAUUSD", strategy_tag: "grid", server: "Broker", login: 5, paused: true } as ExpertRow);

describe("filters", () => {
  it.each([
    [{}, true],
    [{ q: "xau gold" }, true],
    [{ q: "1012" }, true],
    [{ q: "gold eur" }, false],
    [{ symbol: "XAUUSD", strategy: "grid", account: "Broker/5", state: "paused" }, true],
    [{ symbol: "XAU" }, false],
    [{ account: "Broker/6" }, false],
    [{ state: "silent" }, false],
  ])("take %o for %s", (asked, fits) => expect(fitting({ ...NOTHING, ...asked })(grid)).toBe(fits));
});

describe("rows that somebody else's program tells", () => {
  it("are made whole: the brief's own example is shown", () => {
    const row = wholeExpert({ ea_id: 12345, symbol: "EURUSD", status: "active", current_profit: 150.75 } as ExpertRow);
    expect([row.current_profit, row.last_trades, row.performance_metrics, row.link]).toEqual([150.75, [], {}, "fresh"]);
    const total = wholePortfolio({ total_profit: 2450.3, active_eas: 15, drawdown_pct: 3.8 } as PortfolioRow);
    expect([total.active_eas, total.by_currency, total.trading_blocked]).toEqual([15, {}, []]);
  });
  it("are made whole where only some of it is missing", () => {
    const row = wholeExpert({ ea_id: 7, link: "fresh", last_trades: [] } as unknown as ExpertRow);
    expect([row.performance_metrics, row.module_status]).toEqual([{}, {}]);
    expect(wholePortfolio({ by_currency: {}, breakdown: {} } as PortfolioRow).trading_blocked).toEqual([]);
  });
  it("are not believed to be fresh where they do not say so in words", () => expect(wholeExpert({ ea_id: 7, link: "" } as ExpertRow).link).toBe("stale"));
  it("that are whole stay the same object", () => expect(wholeExpert(grid)).toBe(grid));
});

describe("headroom", () => {
  const account = { account: "Firm/5", currency: "USD", equity: 9700, margin_level: 500, margin_so_call: 100, margin_so_so: 50 } as AccountRow;
  it("has the nearest limit first, and says what is left", () => {
    const limits = { daily_loss_max: 500, daily_loss_used: 420, daily_loss_used_pct: 84, daily_loss_headroom: 80, daily_loss_floor: 9620 };
    const found = headrooms([{ ...account, limits }]);
    expect(found.map((one) => [one.name, one.usedPct])).toEqual([
      ["daily loss", 84],
      ["margin call", 20],
    ]);
    expect(found[0]?.left).toContain("80.00");
  });
  it("is told by how much is used", () => expect([79, 80, 100].map(toneOfHeadroom)).toEqual(["calm", "late", "alarm"]));
  it("is none where no margin is used and no limit set", () => {
    const { margin_level: _, ...idle } = account;
    expect(headrooms([idle as AccountRow])).toEqual([]);
  });
});

describe("columns", () => {
  const column = (key: string, width: number, rank: number): Column<null> => ({ key, width, rank, label: "", explain: "", text: () => "" });
  const columns = [column("name", 9, 0), column("state", 8, 1), column("lots", 4, 2)];
  it("give way by their rank where there is no room", () => {
    expect(columnsThatFit(columns, 30).length).toBe(3);
    expect(columnsThatFit(columns, 20).map((one) => one.key)).toEqual(["name", "state"]);
    expect(columnsThatFit(columns, 3).map((one) => one.key)).toEqual(["name"]);
  });
  it("are sorted as people do", () => {
    expect(["EA 10", "EA 9"].sort(compare)).toEqual(["EA 9", "EA 10"]);
    expect([3, -1, 2].sort(compare)).toEqual([-1, 2, 3]);
  });
});

it("offers a role what the server's table allows it", () => {
  expect((["read", "acknowledge", "command", "see_clients"] as const).map((right) => ["admin", "operator", "viewer", "expert"].filter((role) => may(role, right)))).toEqual([
    ["admin", "operator", "viewer"],
    ["admin", "operator"],
    ["admin", "operator"],
    ["admin"],
  ]);
  expect(may(null, "read")).toBe(false);
});
