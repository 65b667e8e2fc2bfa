import type { AlertRow, ExpertRow } from "fleetwire";
import { describe, expect, it } from "vitest";
import { answer, counted, isSilent } from "../src/lib/health";
import type { Link } from "../src/lib/link";
import { wholeExpert } from "../src/lib/whole";

const LIVE: Link = { kind: "live", name: "live", words: "" };
const row = (more: Partial<ExpertRow>): ExpertRow => wholeExpert({ ea_id: 1, ...more } as ExpertRow);
const alert = (level: string, status = "raised"): AlertRow => ({ alert_id: 1, level, status, message: "", rule: "", subject: "", raised_at: "" });
const fleet = (late = 0, silent = 0, resting = 0) => ({ total: 40, late, silent, resting });
const words = (...asked: Parameters<typeof answer>) => [answer(...asked).tone, answer(...asked).words.replaceAll("\u202f", " ")];

describe("the answer", () => {
  it("is that all report, and how old the oldest number is", () => {
    expect(words(LIVE, true, fleet(), 900, [])).toEqual(["good", "All 40 experts reporting, oldest number 0.9 s"]);
  });
  it("names silent experts and alerts before all else", () => {
    expect(words(LIVE, true, fleet(2, 3), 900, [alert("warning")])).toEqual(["alarm", "3 experts silent, 1 alert"]);
    expect(words(LIVE, true, fleet(), 900, [alert("critical"), alert("warning")])).toEqual(["alarm", "1 critical alert, 1 other alert"]);
  });
  it("is not disturbed by what was acknowledged, and by what is only told", () => {
    expect(answer(LIVE, true, fleet(), 900, [alert("critical", "acknowledged"), alert("info")]).tone).toBe("good");
  });
  it("is late where experts are", () => {
    expect(words(LIVE, true, fleet(2), 6200, [])).toEqual(["late", "2 of 40 experts late, oldest number 6.2 s"]);
  });
  it("does not call a closed market a fault", () => {
    expect(words(LIVE, true, fleet(0, 0, 5), 900, [])).toEqual(["good", "All 40 experts reporting, 5 with a closed market, oldest number 0.9 s"]);
  });
  it.each(["offline", "stale", "refused"] as const)("says nothing of the fleet while the connection is %s", (kind) => {
    const [tone, said] = words({ kind, name: "", words: "The connection was lost" }, true, fleet(), 900, []);
    expect(said).toBe("The connection was lost");
    expect(tone).not.toBe("good");
  });
  it("is not known before all rows are there", () => {
    expect(answer(LIVE, false, fleet(), 900, []).tone).toBe("unknown");
    expect(answer(LIVE, true, { ...fleet(), total: 0 }, null, []).tone).toBe("unknown");
  });
});

describe("experts", () => {
  it("are counted by how they are", () => {
    const rows = [row({}), row({ link: "late" }), row({ link: "stale", why: "terminal_down" }), row({ link: "stale", why: "market_closed" }), row({ link: "lost", status: "history" })];
    expect(counted(rows)).toEqual({ total: 4, late: 1, silent: 1, resting: 1 });
    expect(rows.map(isSilent)).toEqual([false, false, true, false, false]);
  });
});
