/** Every event comes once and in order to each who listens, or a gap names the loss. */

import { expect, test } from "vitest";
import { FleetwireError } from "../src/index.js";
import { World, turn } from "./world.js";

/** Take what is there already, without waiting for more. */
async function taken(iterator: AsyncIterator<any>, count: number): Promise<unknown[]> {
  const found: unknown[] = [];
  while (found.length < count) {
    const { value } = await iterator.next();
    found.push(value.type === "gap" ? value.data : value.position);
  }
  return found;
}

function listen(world: World, history?: number): AsyncIterator<any> {
  return world.client.events("alerts", history ? { history } : {})[Symbol.asyncIterator]();
}

async function listening(history?: number): Promise<[World, AsyncIterator<any>]> {
  const world = new World();
  world.position = 10;
  const iterator = listen(world, history);
  await world.live();
  return [world, iterator];
}

test("history first, then what happens", async () => {
  const [world, iterator] = await listening(2);
  expect(world.socket.last("subscribe").data).toEqual({ channels: ["alerts"], snapshot: true, history: 2 });
  world.socket.say(world.alert(7), world.alert(9));
  world.ended("alerts");
  world.socket.say(world.alert());
  expect(await taken(iterator, 3)).toEqual([7, 9, 11]);
});

test("who comes later with history of its own gets it, and nobody else gets anything twice", async () => {
  const [world, first] = await listening();
  world.socket.say(world.alert());
  const second = listen(world, 3);
  await turn();
  world.socket.say(world.alert()); // before the answer: part of the history, too
  expect(world.answer()).toEqual([{ channels: ["alerts"], snapshot: true, history: 3 }]);
  world.socket.say(world.alert(9), world.alert(11), world.alert(12));
  world.ended("alerts");
  world.socket.say(world.alert(13));
  expect(await taken(first, 3)).toEqual([11, 12, 13]);
  expect(await taken(second, 4)).toEqual([9, 11, 12, 13]);
});

test("who comes later without history hears what comes next, also in the middle of another's history", async () => {
  const [world, first] = await listening(3);
  const handled: number[] = [];
  world.client.on("alert", (message) => handled.push(message.position));
  const second = listen(world);
  await turn();
  world.socket.say(world.alert(4), world.alert(5));
  world.ended("alerts");
  world.socket.say(world.alert(11));
  expect(await taken(first, 3)).toEqual([4, 5, 11]);
  expect(await taken(second, 1)).toEqual([11]);
  expect(handled).toEqual([11]);
});

test("after a loss it goes on, each message once", async () => {
  const [world, iterator] = await listening();
  world.socket.say(world.alert(), world.alert());
  await world.comeBack();
  expect(world.answer({ alerts: true })[0]!.since).toEqual({ epoch: "e1", positions: { alerts: 12 } });
  world.socket.say(world.alert(12), world.alert(13));
  expect(await taken(iterator, 3)).toEqual([11, 12, 13]);
});

test("a loss before the first message goes on as well", async () => {
  const [world, iterator] = await listening();
  await world.comeBack();
  expect(world.answer({ alerts: true })[0]!.since).toEqual({ epoch: "e1", positions: { alerts: 10 } });
  world.socket.say(world.alert());
  expect(await taken(iterator, 1)).toEqual([11]);
});

test("history that the loss cut short is asked for again", async () => {
  const [world, iterator] = await listening(5);
  world.socket.say(world.alert(6));
  await world.comeBack();
  expect(world.answer({ alerts: true })).toMatchObject([{ since: { positions: { alerts: 6 } } }]);
  expect(world.answer()).toMatchObject([{ history: 5 }]);
  world.socket.say(world.alert(6), world.alert(7));
  world.ended("alerts");
  expect(await taken(iterator, 2)).toEqual([6, 7]);
});

test("a gap is a message: for iterations, and for handlers", async () => {
  const [world, iterator] = await listening();
  const gaps: unknown[] = [];
  world.client.on("gap", (message) => gaps.push(message.data));
  const gap = { channel: "alerts", since: 10, until: 14, epoch: "e1" };
  world.socket.say({ type: "gap", data: gap }, world.alert(15));
  expect(await taken(iterator, 2)).toEqual([gap, 15]);
  expect(gaps).toEqual([gap]);
  await world.comeBack();
  expect(world.answer({ alerts: true })[0]!.since.positions).toEqual({ alerts: 15 });
});

test.each([
  ["the next message", (world: World) => world.socket.say(world.alert(21))],
  ["the end of what is kept", (world: World) => world.ended("alerts")],
  ["a later answer", (world: World) => world.socket.say({ type: "heartbeat_response", data: {} })],
])("a loss that the server does not tell of is told before %s", async (_, next) => {
  const [world, iterator] = await listening();
  await world.comeBack();
  world.position = 20;
  world.answer({ alerts: false });
  next(world);
  expect(await taken(iterator, 1)).toEqual([{ channel: "alerts", since: 10, until: 20 }]);
});

test("a loss that the server tells of is told once", async () => {
  const [world, iterator] = await listening();
  await world.comeBack();
  world.answer({ alerts: false });
  world.socket.say({ type: "gap", data: { channel: "alerts", since: 10, until: 12 } }, world.alert(13));
  expect(await taken(iterator, 2)).toEqual([{ channel: "alerts", since: 10, until: 12 }, 13]);
});

test("in another epoch positions begin anew, after a gap in the old one", async () => {
  const [world, iterator] = await listening();
  world.socket.say(world.alert());
  world.epoch = "e2";
  await world.comeBack();
  world.position = 3;
  world.answer({ alerts: false });
  world.socket.say({ type: "gap", data: { channel: "alerts", since: 11, epoch: "e1" } }, world.alert(2), world.alert(3));
  expect(await taken(iterator, 4)).toEqual([11, { channel: "alerts", since: 11, epoch: "e1" }, 2, 3]);
  await world.comeBack();
  expect(world.answer({ alerts: true })[0]!.since).toEqual({ epoch: "e2", positions: { alerts: 3 } });
});

test("leaving an iteration ends what it asked for", async () => {
  const world = new World();
  const heard: number[] = [];
  const reading = (async () => {
    for await (const message of world.client.events("alerts")) {
      if (message.type === "alert") heard.push(message.position);
      if (heard.length === 2) break;
    }
  })();
  await world.live();
  world.socket.say(world.alert(), world.alert(), world.alert());
  await reading;
  expect(heard).toEqual([1, 2]);
  await turn();
  expect(world.answer()).toEqual([{ channels: ["alerts"] }]);
});

test("a refused channel ends its iterations with the reason", async () => {
  const world = new World();
  const iterator = listen(world);
  const next = expect(iterator.next()).rejects.toEqual(new FleetwireError("forbidden", "not for you"));
  await turn();
  await world.open();
  await world.admit();
  world.answer({}, [{ channel: "alerts", code: "forbidden", message: "not for you" }]);
  await next;
});

test("an iteration that nobody takes from keeps the newest, and says what it let go", async () => {
  const [world, iterator] = await listening();
  for (let n = 0; n < 10_001; n++) world.socket.say(world.alert());
  const [gap, next] = await taken(iterator, 2);
  expect(gap).toEqual({ channel: "alerts", since: 10, until: 5_010 });
  expect(next).toBe(5_011);
});

test("what was let go twice is named by one gap, from its beginning", async () => {
  const [world, iterator] = await listening();
  for (let n = 0; n < 15_001; n++) world.socket.say(world.alert());
  expect(await taken(iterator, 2)).toEqual([{ channel: "alerts", since: 10, until: 10_009 }, 10_010]);
});

test("an iteration that was left gives nothing more", async () => {
  const [world, iterator] = await listening();
  world.socket.say(world.alert());
  await iterator.return!();
  expect((await iterator.next()).done).toBe(true);
});

test("closing the client ends iterations, after what waits in them", async () => {
  const [world, iterator] = await listening();
  world.socket.say(world.alert());
  world.client.close();
  expect(await taken(iterator, 1)).toEqual([11]);
  expect((await iterator.next()).done).toBe(true);
  expect((await listen(world).next()).done).toBe(true);
});

test("an event and its state come in the order in which they were said", async () => {
  const world = new World();
  const order: string[] = [];
  world.client.on("ea_update", () => order.push("row"));
  world.client.on("alert", () => order.push(`alert, row is ${world.client.state("ea_updates").rows.size}`));
  world.client.state("ea_updates");
  await world.live();
  world.socket.say(world.alert(), world.row("1", {}), world.alert());
  expect(order).toEqual(["alert, row is 0", "row", "alert, row is 1"]);
});

test("who comes to a channel that was refused is told as well, and what was refused is not wanted any more", async () => {
  const world = new World();
  const rejected = [{ channel: "alerts", code: "forbidden", message: "not for you" }];
  for (let n = 0; n < 2; n++) {
    const next = expect(listen(world).next()).rejects.toMatchObject({ code: "forbidden" });
    await turn();
    if (n === 0) {
      await world.open();
      await world.admit();
    }
    world.answer({}, rejected);
    await next;
  }
  await world.comeBack();
  expect(world.socket.sent.map((message) => message.type)).toEqual(["auth"]);
});

test("an event without data is a malformed message", async () => {
  const [world] = await listening();
  const { data: _, ...bare } = world.alert() as { data: object };
  world.socket.say(bare);
  expect(world.client.status.value).toMatchObject({ state: "offline", code: "malformed_message" });
});

test("a loss in another epoch says nothing of positions in this one", async () => {
  const [world, iterator] = await listening();
  const gap = { channel: "alerts", since: 10, until: 50, epoch: "e0" };
  world.socket.say({ type: "gap", data: gap }, world.alert(11));
  expect(await taken(iterator, 2)).toEqual([gap, 11]);
  await world.comeBack();
  expect(world.answer({ alerts: true })[0]!.since.positions).toEqual({ alerts: 11 });
});
