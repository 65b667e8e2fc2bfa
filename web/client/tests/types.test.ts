/** What a program sees of the types: read by the compiler, as every other file here. */

import { expect, expectTypeOf, test } from "vitest";
import type { Alert, AlertRow, CommandParams, CommandRequest, CommandResponse, ExpertRow, Fleetwire, Gap, PortfolioRow, Status, TradeUpdate } from "../src/index.js";

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

test("a command is what the server takes, or it is no program", () => {
  expectTypeOf<CommandParams<"close_position">>().toEqualTypeOf<{ ticket: number; volume?: number }>();
  expectTypeOf<CommandParams<"dead_man">>().toEqualTypeOf<{ after_s: number; action: "close" | "none" | "pause" }>();
  expectTypeOf<CommandParams<"set_parameter">["value"]>().toEqualTypeOf<boolean | number | string>();
  const target = { ea_id: 7 };
  const taken: CommandRequest[] = [
    { command: "pause", target: { ea_id: 7 }, reason: "news" },
    { command: "pause", target: { account: "Broker/1" }, params: {} },
    { command: "emergency_stop", target: { all: true } },
    { command: "emergency_stop", target: { strategy: "Grid" }, params: { close: false }, confirm: "c", expires_in_s: 60 },
    { command: "close_positions", target: { group: "eu" }, params: { symbol: "EURUSD", result: "loss" } },
    { command: "place_order", target, params: { symbol: "EURUSD", type: "buy_limit", volume: 0.1, price: 1.1 } },
  ];
  const refused: CommandRequest[] = [
    // @ts-expect-error no such command
    { command: "pauze", target },
    // @ts-expect-error no such parameter
    { command: "pause", target, params: { symbol: "EURUSD" } },
    // @ts-expect-error a parameter is missing
    { command: "close_position", target, params: { volume: 1 } },
    // @ts-expect-error all parameters are missing
    { command: "max_positions", target },
    // @ts-expect-error a number is meant
    { command: "close_position", target, params: { ticket: "1" } },
    // @ts-expect-error no such choice
    { command: "dead_man", target, params: { after_s: 60, action: "panic" } },
    // @ts-expect-error for nobody
    { command: "pause", target: {} },
    // @ts-expect-error for two
    { command: "pause", target: { ea_id: 7, all: true } },
    // @ts-expect-error "all" is said with yes
    { command: "pause", target: { all: false } },
    // @ts-expect-error a slip in a field's name
    { command: "pause", target, expires_in: 60 },
  ];
  expect(new Set(taken.map(({ command }) => command)).size + refused.length).toBe(14);
});
