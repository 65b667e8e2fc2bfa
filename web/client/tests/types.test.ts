/** What a program sees of the types: read by the compiler, as every other file here. */

import { expectTypeOf, test } from "vitest";
import type { Alert, AlertRow, CommandResponse, ExpertRow, Fleetwire, Gap, PortfolioRow, Status, TradeUpdate } from "../src/index.js";

test("channels and messages have their own types", () => {
  type State = ReturnType<Fleetwire["state"]>;
  expectTypeOf<State["complete"]>().toEqualTypeOf<boolean>();
  const check = (fw: Fleetwire): void => {
    expectTypeOf(fw.state("ea_updates").rows).toEqualTypeOf<ReadonlyMap<string, ExpertRow>>();
    expectTypeOf(fw.state("portfolio_updates", { keys: ["total"], maxHz: 1 }).rows.get("total")).toEqualTypeOf<PortfolioRow | undefined>();
    expectTypeOf(fw.events("alerts")).toEqualTypeOf<AsyncIterable<Alert | Gap>>();
    expectTypeOf(fw.command({ command: "pause", target: { ea_id: 7 } })).toEqualTypeOf<Promise<CommandResponse>>();
    expectTypeOf(fw.acknowledge(1)).toEqualTypeOf<Promise<AlertRow>>();
    fw.on("trade_update", (message) => expectTypeOf(message).toEqualTypeOf<TradeUpdate>());
    fw.on("gap", ({ data }) => expectTypeOf(data.channel).toEqualTypeOf<string>());
    // @ts-expect-error rows of events are no state
    fw.state("alerts");
    // @ts-expect-error states have no events
    fw.events("ea_updates");
    // @ts-expect-error no such message
    fw.on("weather", () => {});
    // @ts-expect-error a command without a target
    fw.command({ command: "pause" });
    const status: Status = fw.status.value;
    if (status.state === "offline") expectTypeOf(status.retryInMs).toEqualTypeOf<number>();
  };
  expectTypeOf(check).parameter(0).toEqualTypeOf<Fleetwire>();
});
