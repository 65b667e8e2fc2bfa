/** Questions of the program: each has its own answer, in time, over losses, once. */

import { expect, test } from "vitest";
import { World, turn } from "./world.js";

const PAUSE = { command: "pause", target: { ea_id: 7 }, reason: "news" } as const;

async function live(): Promise<World> {
  const world = new World();
  await world.live();
  world.socket.heard();
  return world;
}

function respond(world: World, request: Record<string, any>, data: object): void {
  world.socket.say({ type: "command_response", id: request.id, data });
}

test("answers find their questions, in whatever order they come", async () => {
  const world = await live();
  const [first, second] = [world.client.command(PAUSE), world.client.command({ ...PAUSE, command: "resume" })];
  const [one, other] = world.socket.heard();
  expect(one).toMatchObject({ type: "command", data: PAUSE });
  expect(one!.data.idempotency_key).toMatch(/^[0-9a-f]{32}$/);
  expect(other!.data.idempotency_key).not.toBe(one!.data.idempotency_key);
  respond(world, other!, { status: "accepted", command_id: "b" });
  respond(world, one!, { status: "confirm", confirm: "c", message: "closes everything" });
  expect(await first).toEqual({ status: "confirm", confirm: "c", message: "closes everything" });
  expect(await second).toMatchObject({ command_id: "b" });
});

test("a refusal says what it is", async () => {
  const world = await live();
  const asked = world.client.command(PAUSE);
  const { id } = world.socket.last("command");
  const data = { code: "store_unavailable", message: "the disk is full", temporary: true, id };
  world.socket.say({ type: "error", id, data });
  await expect(asked).rejects.toMatchObject({ name: "FleetwireError", code: "store_unavailable", message: "the disk is full", temporary: true });
});

test("no answer in time is told, with the key under which the same may be asked again", async () => {
  const world = await live();
  const asked = world.client.command({ ...PAUSE, idempotency_key: "mine" }, { timeoutMs: 3_000 });
  const refused = expect(asked).rejects.toMatchObject({ code: "timeout", temporary: true, message: expect.stringContaining("mine") });
  for (let n = 0; n < 3; n++) {
    world.clock.advance(1_000);
    world.socket.say({ type: "weather" });
  }
  await refused;
  expect(world.state).toBe("live");
  respond(world, world.socket.last("command"), { status: "accepted" }); // too late, and no harm
});

test("a command and a subscription that are both too late: the one is told, the other has another connection", async () => {
  const world = await live();
  world.client.state("ea_updates");
  await turn();
  const refused = expect(world.client.command(PAUSE, { timeoutMs: 10_000 })).rejects.toMatchObject({ code: "timeout" });
  world.clock.isThrottled = true;
  world.clock.advance(60_000);
  await refused;
  expect(world.socket.isClosed).toBe(true);
});

test("where the connection is lost meanwhile, the same is sent again", async () => {
  const world = await live();
  const asked = world.client.command(PAUSE);
  const first = world.socket.last("command");
  await world.comeBack();
  const again = world.socket.last("command");
  expect(again).toEqual(first);
  respond(world, again, { status: "accepted", command_id: "a" });
  expect((await asked).command_id).toBe("a");
});

test("what is asked before there is a connection is sent with it", async () => {
  const world = new World();
  const asked = world.client.cancel("a150", { reason: "a slip" });
  await world.live();
  expect(world.socket.last("command_cancel").data).toEqual({ command_id: "a150", reason: "a slip" });
  respond(world, world.socket.last("command_cancel"), { status: "cancelled" });
  expect((await asked).status).toBe("cancelled");
});

test("a signal ends the waiting", async () => {
  const world = await live();
  const { signal, abort } = (() => {
    const controller = new AbortController();
    return { signal: controller.signal, abort: () => controller.abort(new Error("changed my mind")) };
  })();
  const asked = expect(world.client.command(PAUSE, { signal })).rejects.toThrow("changed my mind");
  abort();
  await asked;
  await expect(world.client.command(PAUSE, { signal })).rejects.toThrow("changed my mind");
  expect(world.socket.heard().length).toBe(1);
});

test("an acknowledgement is answered by the alert itself, for which its channel is heard", async () => {
  const world = await live();
  const asked = world.client.acknowledge(12);
  expect(world.socket.heard().map((message) => message.type)).toEqual(["subscribe", "alert_ack"]);
  world.socket.say(world.alert(1, { alert_id: 11, status: "acknowledged" }), world.alert(2, { alert_id: 12, status: "raised" }));
  world.socket.say(world.alert(3, { alert_id: 12, status: "acknowledged", acknowledged_by: "me" }));
  expect(await asked).toMatchObject({ alert_id: 12, acknowledged_by: "me" });
  await turn();
  expect(world.socket.heard().map((message) => [message.type, message.data.channels])).toEqual([["unsubscribe", ["alerts"]]]);
});

test("an acknowledgement of what is over is refused", async () => {
  const world = await live();
  const asked = world.client.acknowledge(12);
  const { id } = world.socket.last("alert_ack");
  world.socket.say({ type: "error", id, data: { code: "not_found", message: "it is over", temporary: false, id } });
  await expect(asked).rejects.toMatchObject({ code: "not_found" });
});

test("a subscription that is not answered ends in another connection", async () => {
  const world = new World();
  world.client.state("ea_updates");
  await turn();
  await world.open();
  await world.admit();
  for (let n = 0; n < 10; n++) {
    world.clock.advance(1_000);
    world.socket.say?.({ type: "weather" });
    if (world.sockets.length > 1) break;
  }
  world.clock.advance(1_000);
  expect(world.sockets.length).toBe(2);
});

test("what was never sent is said to be just that", async () => {
  const world = new World();
  const refused = expect(world.client.command(PAUSE, { timeoutMs: 3_000 })).rejects.toMatchObject({
    code: "timeout",
    temporary: true,
    message: "command was not sent: there was no connection in time",
  });
  world.clock.advance(3_000);
  await refused;
  await world.live();
  expect(world.socket.sent.map((message) => message.type)).toEqual(["auth"]);
});

test("what was sent on a connection that is lost may have been done", async () => {
  const world = await live();
  const refused = expect(world.client.command(PAUSE, { timeoutMs: 3_000 })).rejects.toThrow(/may have been done/);
  world.socket.events.closed(null, "");
  world.clock.advance(3_000);
  await refused;
});

test.each([
  ["NaN", { volume: NaN }, /volume is NaN/],
  ["Infinity", { deep: [{ volume: -Infinity }] }, /volume is -Infinity/],
  ["a bigint", { ticket: 10n }, /BigInt/],
])("what JSON has no word for is refused, and never sent as null: %s", async (_, params, reason) => {
  const world = new World(); // even while there is no connection, as the next one would fail by it
  const asked = world.client.command({ ...PAUSE, command: "close_position", params } as never);
  await expect(asked).rejects.toMatchObject({ name: "FleetwireError", code: "invalid_data", message: expect.stringMatching(reason) });
  await world.live();
  expect(world.state).toBe("live");
  expect(world.socket.sent.map((message) => message.type)).toEqual(["auth"]);
});

test("a request is sent as it was when it was asked", async () => {
  const world = new World();
  const request = { command: "pause" as const, target: { ea_id: 7 } };
  void world.client.command(request).catch(() => {});
  request.target.ea_id = 8;
  await world.live();
  expect(world.socket.last("command").data.target).toEqual({ ea_id: 7 });
});

test.each([NaN, -1])("a timeout of %d is refused", async (timeoutMs) => {
  const world = await live();
  await expect(world.client.command(PAUSE, { timeoutMs })).rejects.toMatchObject({ code: "config" });
  expect(world.socket.heard()).toEqual([]);
});

test("an error names its question in its data as well, and no other message with that id is an answer", async () => {
  const world = await live();
  const asked = world.client.command(PAUSE);
  const { id } = world.socket.last("command");
  world.socket.say({ type: "weather", id, data: { status: "accepted" } }, { type: "error", data: { code: "conflict", message: "no", id } });
  await expect(asked).rejects.toMatchObject({ code: "conflict" });
});
