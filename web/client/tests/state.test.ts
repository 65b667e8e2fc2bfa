/** A store is always the merged truth: snapshot, live rows, patches, ends; over losses, restarts and changes of mind. */

import { expect, test } from "vitest";
import { World, turn } from "./world.js";

function experts(world: World): Record<string, unknown> {
  return Object.fromEntries([...world.client.state("ea_updates").rows].map(([key, row]) => [key, (row as any).n]));
}

async function begun(version = 2): Promise<World> {
  const world = new World();
  world.client.state("ea_updates");
  world.position = 10;
  await world.live(version);
  world.socket.say(world.row("1", { n: 1 }, 4), world.row("2", { n: 2 }, 9));
  world.ended("ea_updates");
  return world;
}

test.each([1, 2])("a snapshot, then what changes (version %i)", async (version) => {
  const world = await begun(version);
  const store = world.client.state("ea_updates");
  expect(store.complete).toBe(true);
  expect(experts(world)).toEqual({ "1": 1, "2": 2 });
  world.socket.say(world.row("1", { n: 5 }), world.row("3", { n: 3 }), world.row("2", { status: "removed" }));
  expect(experts(world)).toEqual({ "1": 5, "3": 3 });
});

test("it is not complete before the end of its snapshot", async () => {
  const world = new World();
  const store = world.client.state("ea_updates");
  await world.live();
  world.socket.say(world.row("1", { n: 1 }));
  expect(store.complete).toBe(false);
  expect(store.rows.size).toBe(1);
});

test("patches are merged into new rows, and old ones are never changed", async () => {
  const world = await begun();
  const before = world.client.state("ea_updates").rows.get("1");
  world.socket.say(world.patch("1", { n: 7, deep: { a: 1 } }, 4, 11), world.patch("1", { deep: { b: 2 }, ea_id: null }, 11, 12));
  expect(world.client.state("ea_updates").rows.get("1")).toEqual({ n: 7, deep: { a: 1, b: 2 } });
  expect(before).toEqual({ ea_id: 1, n: 1 });
});

test("a field called __proto__ is a field", async () => {
  const world = await begun();
  const text = JSON.stringify([world.patch("1", {}, 4)]).replace('"patch":{}', '"patch":{"__proto__":{"polluted":true}}');
  world.socket.events.received(text);
  expect(({} as any).polluted).toBeUndefined();
  expect(Object.keys(world.client.state("ea_updates").rows.get("1")!)).toContain("__proto__");
});

test("a patch that does not fit has its channel told anew, and nothing of it is believed until then", async () => {
  const world = await begun();
  world.socket.heard();
  world.socket.say(world.patch("1", { n: 9 }, 5, 11), world.patch("2", { n: 9 }, 9, 12));
  expect(experts(world)).toEqual({ "1": 1, "2": 2 });
  expect(world.client.state("ea_updates").complete).toBe(false);
  expect(world.answer()).toEqual([{ channels: ["ea_updates"], snapshot: true }]);
  world.socket.say(world.row("1", { n: 9 }, 11));
  world.ended("ea_updates");
  expect(experts(world)).toEqual({ "1": 9 });
  expect(world.client.state("ea_updates").complete).toBe(true);
});

test("after a loss it goes on where it was, and what changed meanwhile is told", async () => {
  const world = await begun();
  await world.comeBack();
  expect(world.client.state("ea_updates").complete).toBe(false);
  expect(experts(world)).toEqual({ "1": 1, "2": 2 });
  expect(world.answer({ ea_updates: true })).toEqual([
    { channels: ["ea_updates"], snapshot: true, since: { epoch: "e1", positions: { ea_updates: 10 } } },
  ]);
  world.socket.say(world.row("2", { n: 22 }));
  expect(world.client.state("ea_updates").complete).toBe(true);
  expect(experts(world)).toEqual({ "1": 1, "2": 22 });
});

test("what could not be gone on with is told anew, and rows that are not in it are gone", async () => {
  const world = await begun();
  await world.comeBack();
  world.answer({ ea_updates: false });
  world.socket.say(world.row("2", { n: 2 }, 9));
  expect(world.client.state("ea_updates").complete).toBe(false);
  expect(experts(world)).toEqual({ "1": 1, "2": 2 });
  world.ended("ea_updates");
  expect(experts(world)).toEqual({ "2": 2 });
  expect(world.client.state("ea_updates").complete).toBe(true);
});

test("a server of another epoch begins anew, whatever its positions are", async () => {
  const world = await begun();
  world.epoch = "e2";
  world.position = 3;
  await world.comeBack();
  world.answer({ ea_updates: true }); // even if it said so
  world.socket.say(world.row("7", { n: 7 }, 2));
  world.ended("ea_updates");
  expect(experts(world)).toEqual({ "7": 7 });
  await world.comeBack();
  expect(world.answer({ ea_updates: true })[0]!.since).toEqual({ epoch: "e2", positions: { ea_updates: 3 } });
});

test("a snapshot that the loss cut short is asked for from the beginning", async () => {
  const world = new World();
  world.client.state("ea_updates");
  await world.live();
  world.socket.say(world.row("1", { n: 1 }, 4));
  await world.comeBack();
  expect(world.answer()[0]!.since).toBeUndefined();
});

test("a gap of a state channel: all rows follow, and the others are gone", async () => {
  const world = await begun();
  world.socket.say({ type: "gap", data: { channel: "ea_updates", since: 10 } });
  expect(world.client.state("ea_updates").complete).toBe(false);
  world.socket.say(world.row("2", { n: 2 }, 9));
  world.ended("ea_updates");
  expect(experts(world)).toEqual({ "2": 2 });
});

test("listeners are told once per frame, with what changed", async () => {
  const world = await begun();
  world.clock.draw();
  const told: [number, string[]][] = [];
  const off = world.client.state("ea_updates").subscribe((rows, changed) => told.push([rows.size, [...changed]]));
  expect(told).toEqual([[2, ["1", "2"]]]);
  for (let n = 0; n < 50; n++) world.socket.say(world.row("1", { n }), world.row("2", { status: "removed" }));
  expect(world.clock.frames).toBe(1);
  expect(told.length).toBe(1);
  world.clock.draw();
  expect(told.slice(1)).toEqual([[1, ["1", "2"]]]);
  world.clock.draw();
  expect(told.length).toBe(2);
  off();
});

test("those who ask for the same share one store; when the last has left, nobody hears it any more", async () => {
  const world = await begun();
  const store = world.client.state("ea_updates");
  expect(world.client.state("ea_updates", {})).toBe(store);
  const off = [store.subscribe(() => {}), store.subscribe(() => {})];
  world.socket.heard();
  off[0]!();
  off[0]!();
  await turn();
  expect(world.socket.heard()).toEqual([]);
  off[1]!();
  await turn();
  expect(world.answer()).toEqual([{ channels: ["ea_updates"] }]);
  expect([store.rows.size, store.complete]).toEqual([0, false]);
  store.subscribe(() => {});
  await turn();
  world.answer();
  world.socket.say(world.row("1", { n: 6 }));
  world.ended("ea_updates");
  expect([store.rows.size, store.complete]).toEqual([1, true]);
});

test("a page that is drawn anew in one go asks for nothing", async () => {
  const world = await begun();
  const store = world.client.state("ea_updates");
  world.socket.heard();
  store.subscribe(() => {})();
  store.subscribe(() => {});
  await turn();
  expect(world.socket.heard()).toEqual([]);
  expect(store.rows.size).toBe(2);
  expect(store.complete).toBe(true);
});

test("keys are heard alone, and the whole channel instead as soon as somebody wants it", async () => {
  const world = new World();
  const one = world.client.state("ea_updates", { keys: ["1", "2"] });
  await world.live();
  expect(world.socket.last("subscribe").data.channels).toEqual(["ea_updates:1", "ea_updates:2"]);
  world.socket.say(world.row("1", { n: 1 }));
  world.ended("ea_updates:1", "ea_updates:2");
  expect(one.complete).toBe(true);
  const all = world.client.state("ea_updates");
  expect([...all.rows.keys()]).toEqual(["1"]);
  world.socket.heard();
  await turn();
  expect(world.answer()).toEqual([{ channels: ["ea_updates:1", "ea_updates:2"] }, { channels: ["ea_updates"], snapshot: true }]);
  world.socket.say(world.row("1", { n: 1 }), world.row("3", { n: 3 }));
  world.ended("ea_updates");
  expect([...all.rows.keys()]).toEqual(["1", "3"]);
  expect([...one.rows.keys()]).toEqual(["1"]);
});

test("single keys are told anew after a loss", async () => {
  const world = new World();
  world.client.state("ea_updates", { keys: ["1"] });
  await world.live();
  world.ended("ea_updates:1");
  await world.comeBack();
  expect(world.answer()).toEqual([{ channels: ["ea_updates:1"], snapshot: true }]);
});

test("the highest rate that somebody wants is asked for", async () => {
  const world = new World();
  world.client.state("ea_updates", { maxHz: 2 });
  world.client.state("ea_updates", { maxHz: 5 });
  await world.live();
  expect(world.socket.last("subscribe").data).toEqual({ channels: ["ea_updates"], snapshot: true, max_hz: { ea_updates: 5 } });
  world.ended("ea_updates");
  world.client.state("ea_updates");
  await turn();
  expect(world.answer()).toEqual([{ channels: ["ea_updates"], snapshot: true }]);
});

test("a refused channel says so, and no other suffers", async () => {
  const world = new World();
  const store = world.client.state("ea_updates");
  const errors: string[] = [];
  world.client.on("error", (message) => errors.push(message.data.message));
  world.client.state("price_updates");
  await turn();
  await world.open();
  await world.admit();
  world.answer({}, [{ channel: "ea_updates", code: "forbidden", message: "not for you" }]);
  expect(store.error).toMatchObject({ code: "forbidden", message: "not for you" });
  expect(errors).toEqual(["ea_updates: not for you"]);
  expect(world.state).toBe("live");
  world.ended("price_updates");
  expect(world.client.state("price_updates").complete).toBe(true);
  expect(world.socket.heard()).toEqual([]);
  const renewed = world.client.authenticate("better");
  await turn();
  await world.admit();
  await renewed;
  expect(world.answer()[0]!.channels).toEqual(["ea_updates", "price_updates"]); // somebody else may hear it
  world.ended("ea_updates", "price_updates");
  expect([store.error, store.complete]).toEqual([null, true]);
});

test("ages are by the server's clock, however wrong ours is", async () => {
  const world = new World();
  world.serverAhead = 3_600_000;
  const store = world.client.state("ea_updates");
  await world.live();
  world.socket.say({ ...world.row("1", {}), as_of: world.utc() });
  world.clock.advance(1_500);
  expect(world.client.clockOffsetMs).toBe(3_600_000);
  expect(world.client.serverNow()).toBe(world.clock.wall() + 3_600_000);
  expect(store.ageMs("1")).toBe(1_500);
  expect(store.ageMs("2")).toBeNull();
});

test("a listener that throws stops nobody else", async () => {
  const world = await begun();
  const said = console.error;
  const errors: unknown[] = [];
  console.error = (error: unknown) => errors.push(error);
  try {
    let told = 0;
    world.client.state("ea_updates").subscribe(() => {
      throw new Error("mine");
    });
    world.client.state("ea_updates").subscribe(() => told++);
    world.client.on("ea_update", () => {
      throw new Error("mine, too");
    });
    world.socket.say(world.row("1", { n: 2 }));
    world.clock.draw();
    expect(told).toBe(2);
    expect(errors.length).toBe(3);
    expect(world.state).toBe("live");
  } finally {
    console.error = said;
  }
});

test("a handler of a row's type hears whole rows, and has its channel subscribed to", async () => {
  const world = new World();
  const heard: unknown[] = [];
  const off = world.client.on("ea_update", (message) => heard.push(message));
  await world.live();
  expect(world.socket.last("subscribe").data.channels).toEqual(["ea_updates"]);
  world.socket.say(world.row("1", { n: 1 }, 4), world.patch("1", { n: 2 }, 4, 5));
  expect(heard).toMatchObject([{ data: { ea_id: 1, n: 1 } }, { data: { ea_id: 1, n: 2 }, position: 5, key: "1" }]);
  expect(heard[1]).not.toHaveProperty("patch");
  off();
  world.socket.heard();
  await turn();
  expect(world.answer()).toEqual([{ channels: ["ea_updates"] }]);
});

test("who comes to a channel that was refused is told as well", async () => {
  const world = new World();
  const rejected = [{ channel: "ea_updates", code: "forbidden", message: "not for you" }];
  world.client.state("ea_updates");
  await turn();
  await world.open();
  await world.admit();
  world.answer({}, rejected);
  const late = world.client.state("ea_updates", { maxHz: 1 });
  await turn();
  expect(world.answer({}, rejected)).toEqual([{ channels: ["ea_updates"], snapshot: true }]);
  expect([late.complete, late.error?.code]).toEqual([false, "forbidden"]);
});

test("a refused key says so, and no other suffers", async () => {
  const world = new World();
  const [good, bad] = ["1", "2"].map((key) => world.client.state("ea_updates", { keys: [key] }));
  await turn();
  await world.open();
  await world.admit();
  world.answer({}, [{ channel: "ea_updates:2", code: "forbidden", message: "not for you" }]);
  world.socket.say(world.row("1", { n: 1 }));
  world.ended("ea_updates:1");
  expect([good!.complete, good!.error, good!.rows.size]).toEqual([true, null, 1]);
  expect([bad!.complete, bad!.error?.code]).toEqual([false, "forbidden"]);
  const late = world.client.state("ea_updates", { keys: ["3"] });
  await turn();
  const refusals = ["2", "3"].map((key) => ({ channel: `ea_updates:${key}`, code: "forbidden", message: "not for you" }));
  expect(world.answer({}, refusals)[0]!.channels).toEqual(["ea_updates:2", "ea_updates:3"]);
  expect(late.error?.code).toBe("forbidden");
  expect([good!.complete, good!.error, good!.rows.size]).toEqual([true, null, 1]);
  expect(world.state).toBe("live");
});

test.each(["text", 7, null, [1], undefined])("a row that is %j is a malformed message, and no row", async (data) => {
  const world = await begun();
  world.socket.say({ ...world.row("1", {}), data });
  expect(world.client.status.value).toMatchObject({ state: "offline", code: "malformed_message" });
  expect(experts(world)).toEqual({ "1": 1, "2": 2 });
});

test("a listener that fails later is told as well, and is no unhandled rejection", async () => {
  const world = await begun();
  const said = console.error;
  const errors: string[] = [];
  console.error = (error: Error) => errors.push(error.message);
  const fails = (name: string) => () => Promise.reject(new Error(name));
  try {
    world.client.state("ea_updates").subscribe(fails("rows"));
    world.client.on("ea_update", fails("message"));
    world.client.status.subscribe(fails("status"));
    world.socket.say(world.row("1", { n: 2 }));
    await turn();
    expect(errors).toEqual(["rows", "status", "message"]);
  } finally {
    console.error = said;
  }
});

test("a row without a position is no ground for a patch", async () => {
  const world = await begun();
  const { position: _, ...bare } = world.row("1", { n: 8 }) as { position: number };
  world.socket.say(bare, world.patch("1", { n: 9 }, 4, 11));
  expect(experts(world)["1"]).toBe(8);
  expect(world.client.state("ea_updates").complete).toBe(false);
});

test("a server whose positions are before ours has lost something: its rows are told anew", async () => {
  const world = await begun();
  await world.comeBack();
  world.position = 5; // it came back with an older copy of what it keeps
  world.answer({ ea_updates: true });
  expect(world.client.state("ea_updates").complete).toBe(false);
  world.socket.say(world.row("1", { n: 3 }, 4));
  world.ended("ea_updates");
  expect(experts(world)).toEqual({ "1": 3 });
});

test("a row is as old as its source says, however late it was published", async () => {
  const world = new World();
  const store = world.client.state("ea_updates");
  await world.live();
  const as_of = world.utc();
  world.clock.advance(4_000);
  world.socket.say({ ...world.row("1", {}), as_of });
  expect(store.ageMs("1")).toBe(4_000);
});

test("each frame names what has changed since the one before, once", async () => {
  const world = await begun();
  const told: string[][] = [];
  world.clock.draw();
  world.client.state("ea_updates").subscribe((_, changed) => told.push([...changed]));
  for (let n = 0; n < 1_000; n++) world.socket.say(world.row("1", { n }));
  world.clock.draw();
  world.socket.say(world.row("2", { status: "removed" }), world.row("3", {}));
  world.clock.draw();
  world.clock.draw();
  expect(told).toEqual([["1", "2"], ["1"], ["2", "3"]]);
});

test("what its source says it will have said is not younger than now", async () => {
  const world = new World();
  const store = world.client.state("ea_updates");
  await world.live();
  world.socket.say({ ...world.row("1", {}), as_of: "2099-01-01T00:00:00.000Z" });
  expect(store.ageMs("1")).toBe(0);
});
