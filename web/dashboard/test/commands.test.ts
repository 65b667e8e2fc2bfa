import type { CommandRow, ExpertRow } from "fleetwire";
import { COMMANDS } from "fleetwire/commands";
import { describe, expect, it } from "vitest";
import { COMMAND_NAMES, formOf, listed, read, wordFor } from "../src/lib/parameters";
import { choices, meant, targetData } from "../src/lib/targets";
import { wholeAlert, wholeCommand, wholeExpert } from "../src/lib/whole";

const volume = COMMANDS.place_order.params.volume;
const ticket = COMMANDS.close_position.params.ticket;

describe("a parameter", () => {
  it.each([
    [volume, "0.1", 0.1],
    [volume, " 1\u202f000.5 ", 1000.5],
    [ticket, "7", 7],
    [COMMANDS.place_order.params.type, "buy_limit", "buy_limit"],
    [COMMANDS.set_parameter.params.value, "true", true],
    [COMMANDS.set_parameter.params.value, "2.5", 2.5],
    [COMMANDS.set_parameter.params.value, "London", "London"],
    [COMMANDS.close_position.params.volume, "", undefined],
  ])("%# is read", (form, written, value) => expect(read(form, written)).toEqual({ value, wrong: "" }));

  it.each([
    [volume, "0,1", "no commas"],
    [volume, "1,000", "no commas"],
    [volume, "0", "more than 0"],
    [volume, "1e3", "a number"],
    [volume, "Infinity", "a number"],
    [volume, "", "needed"],
    [ticket, "7.5", "a whole number"],
    [ticket, "9007199254740993", "a whole number"],
    [COMMANDS.dead_man.params.after_s, "4", "at least 5"],
    [COMMANDS.dead_man.params.action, "sell", "one of"],
    [COMMANDS.place_order.params.comment, "x".repeat(32), "at most 31"],
  ])("%# is wrong in words", (form, written, words) => {
    const found = read(form, written);
    expect(found.value).toBeUndefined();
    expect(found.wrong).toContain(words);
  });
});

describe("what closes", () => {
  it("has to be typed, and nothing else has", () => {
    const words = Object.fromEntries(COMMAND_NAMES.map((name) => [name, wordFor(name)]));
    for (const name of COMMAND_NAMES) expect(words[name] !== "").toBe(formOf(name).closes);
    expect([words["emergency_stop"], words["close_all"], words["close_positions"], words["close_position"]]).toEqual(["STOP", "CLOSE", "CLOSE", "CLOSE"]);
    expect(words["pause"]).toBe("");
  });
});

describe("a target", () => {
  const rows = [
    { ea_id: 1, name: "London", strategy_tag: "", server: "A", login: 5, group: "gold" },
    { ea_id: 2, name: "Grid", strategy_tag: "grid", server: "A", login: 5, group: "" },
    { ea_id: 3, name: "Other", strategy_tag: "grid", server: "B", login: 6, group: "gold" },
  ].map((row) => wholeExpert(row as ExpertRow));
  it.each([
    ["expert", "2", [2]],
    ["account", "A/5", [1, 2]],
    ["group", "gold", [1, 3]],
    ["group", "", []],
    ["strategy", "grid", [2, 3]],
    ["strategy", "London", [1]],
    ["all", "", [1, 2, 3]],
  ] as const)("%s %s means %o", (kind, value, ids) => expect(meant(rows, kind, value).map((row) => row.ea_id)).toEqual(ids));
  it("is told to the server as it has it", () => {
    expect([targetData("expert", "2"), targetData("account", "A/5"), targetData("all", "")]).toEqual([{ ea_id: 2 }, { account: "A/5" }, { all: true }]);
    expect(choices(rows, "strategy")).toEqual(["London", "grid"]);
  });
});

describe("rows that a program has published", () => {
  it("get a number that is nobody else's, and ask nobody to acknowledge them", () => {
    const alert = wholeAlert({ level: "warning", message: "hello" } as never, 17, "2026-01-01T00:00:00.000Z");
    expect([alert.alert_id, alert.status, alert.raised_at]).toEqual([-17, "told", "2026-01-01T00:00:00.000Z"]);
  });
  it("are issued when they were first heard of, and keep their status", () => {
    const row = wholeCommand({ command_id: 1, status: "executed", ea_id: 7 } as unknown as CommandRow, 3, "2026-01-01T00:00:05.000Z", (id) => (id === "1" ? "2026-01-01T00:00:00.000Z" : undefined));
    expect([row.command_id, row.status, row.issued_at, row.changed_at, row.target]).toEqual(["1", "executed", "2026-01-01T00:00:00.000Z", "2026-01-01T00:00:05.000Z", "EA 7"]);
  });
});

it("parameters are listed without what says nothing", () => {
  expect(listed({ ticket: 7, sl: null, results: {}, comment: "" })).toBe("ticket 7");
});
