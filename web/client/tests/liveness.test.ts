/** Silence: what is old is said to be old, what is dead is left, and what only sleeps is not taken for dead. */

import { expect, test } from "vitest";
import { World, turn } from "./world.js";

const HOUR_MS = 3_600_000;

async function live(): Promise<World> {
  const world = new World();
  await world.live();
  world.socket.heard();
  return world;
}

/** A server that answers heartbeats at once, as sockets do: whatever the timers of the page. */
function answers(world: World): void {
  const { socket } = world;
  const send = socket.send.bind(socket);
  socket.send = (text) => {
    send(text);
    const [message] = [JSON.parse(text)].flat();
    if (message.type === "heartbeat")
      queueMicrotask(() => socket.say({ type: "heartbeat_response", data: { server_time: world.utc(), client_time: message.data.client_time } }));
  };
}

test("a quiet server is asked, and a busy one is not", async () => {
  const world = await live();
  for (let n = 0; n < 10; n++) {
    world.clock.advance(1_000);
    world.socket.say({ type: "weather" });
  }
  expect(world.socket.heard()).toEqual([]);
  world.clock.advance(5_000);
  expect(world.socket.heard()).toMatchObject([{ type: "heartbeat", data: { client_time: world.clock.now() } }]);
  expect(world.state).toBe("live");
});

test("a question without an answer makes it stale, then dropped; anything that is heard makes it live", async () => {
  const world = await live();
  const ages: (number | null)[] = [];
  world.client.age.subscribe((age) => ages.push(age));
  world.clock.advance(10_000);
  expect(world.client.status.value).toEqual({ state: "stale", ageMs: 10_000 });
  world.clock.advance(2_000);
  expect(world.client.status.value).toEqual({ state: "stale", ageMs: 12_000 });
  expect(ages).toEqual([0, 1_000, 2_000, 3_000, 4_000, 5_000, 6_000, 7_000, 8_000, 9_000, 10_000, 11_000, 12_000]);
  world.socket.say({ type: "weather" });
  expect(world.state).toBe("live");
  expect(world.client.age.value).toBe(0);
  world.clock.advance(20_000);
  expect(world.client.status.value).toMatchObject({ state: "offline", code: "timeout" });
  expect(world.socket.isClosed).toBe(true);
  expect(world.client.age.value).toBe(20_000); // the numbers are as old as that
});

test("a hidden tab whose timers come once a minute drops no living link and cries no wolf", async () => {
  const world = await live();
  const told: string[] = [];
  world.client.status.subscribe((status) => told.push(status.state));
  answers(world);
  world.clock.isThrottled = true;
  for (let minute = 0; minute < 60; minute++) {
    world.clock.advance(60_000);
    await Promise.resolve();
  }
  expect(told).toEqual(["live"]);
  expect(world.sockets.length).toBe(1);
  expect(world.socket.sent.filter((message) => message.type === "heartbeat").length).toBeGreaterThanOrEqual(59);
});

test("a hidden tab finds out within four minutes that its link is dead", async () => {
  const world = await live();
  world.clock.isThrottled = true;
  world.clock.advance(240_000);
  expect(world.sockets.length).toBeGreaterThan(1);
});

test.each([
  ["goes on", true],
  ["stands still", false],
])("after an hour of sleep it is stale at once, asks at once, and is back (a monotonic clock that %s)", async (_, goesOn) => {
  const world = await live();
  world.clock.sleep(HOUR_MS, goesOn);
  world.clock.wake();
  expect(world.client.status.value).toMatchObject({ state: "stale", ageMs: HOUR_MS });
  expect(world.socket.heard().map((message) => message.type)).toEqual(["heartbeat"]);
  world.clock.advance(5_000); // nobody answers: the server has dropped it long ago
  expect(world.state).toBe("offline");
  world.clock.advance(1_000);
  await world.open();
  await world.admit();
  expect(world.state).toBe("live");
});

test.each([true, false])("a sleep that no event tells of is noticed with the next timer (monotonic goes on: %s)", async (goesOn) => {
  const world = await live();
  world.clock.sleep(HOUR_MS, goesOn);
  world.clock.advance(1_000);
  expect(world.state).toBe("stale");
  expect(world.socket.heard().map((message) => message.type)).toEqual(["heartbeat"]);
});

test("a link that has lived through the sleep is live as soon as it answers", async () => {
  const world = await live();
  answers(world);
  world.clock.sleep(HOUR_MS, false);
  world.clock.wake();
  expect(world.state).toBe("stale");
  await Promise.resolve();
  expect(world.state).toBe("live");
  expect(world.sockets.length).toBe(1);
});

test("ages are right after a sleep, and after a clock that was set", async () => {
  const world = await live();
  answers(world);
  const store = world.client.state("ea_updates");
  world.socket.say({ ...world.row("1", {}), as_of: world.utc() });
  await Promise.resolve();
  world.answer();
  world.socket.say({ ...world.row("1", {}), as_of: world.utc() });
  world.clock.sleep(HOUR_MS, false);
  world.clock.wake();
  await Promise.resolve();
  expect(store.ageMs("1")).toBe(HOUR_MS);
  world.clock.ahead += HOUR_MS; // set by hand: the server's time is what it was
  world.serverAhead -= HOUR_MS;
  world.clock.advance(1_000);
  await Promise.resolve();
  expect(store.ageMs("1")).toBe(HOUR_MS + 1_000);
  expect(world.client.clockOffsetMs).toBe(-HOUR_MS);
  world.clock.ahead -= 2 * HOUR_MS; // and back
  world.serverAhead += 2 * HOUR_MS;
  world.clock.advance(1_000);
  expect(store.ageMs("1")).toBe(HOUR_MS + 2_000);
  expect(world.state).toBe("live");
  expect(world.sockets.length).toBe(1);
});

test("a tab that is looked at again does not wait for the backoff, unless the server asked for patience", async () => {
  const world = await live();
  world.chance = 1;
  for (let n = 0; n < 5; n++) {
    world.socket.events.closed(null, "");
    world.clock.advance(n < 4 ? 5_000 : 1);
  }
  expect(world.state).toBe("offline");
  const before = world.sockets.length;
  world.clock.wake();
  expect(world.sockets.length).toBe(before + 1);
  world.socket.events.closed(1012, "retry_after=60");
  world.clock.wake();
  expect(world.sockets.length).toBe(before + 1);
});

test("a tab that is only looked at asks nothing of a server that was heard just now", async () => {
  const world = await live();
  world.clock.wake();
  expect(world.socket.heard()).toEqual([]);
});

test("the best answer to a heartbeat tells the server's time", async () => {
  const world = await live();
  world.serverAhead = 60_000;
  world.clock.advance(5_000);
  const { client_time } = world.socket.last("heartbeat").data;
  world.clock.advance(100);
  const stamp = world.utc();
  world.clock.advance(100);
  world.socket.say({ type: "heartbeat_response", data: { server_time: stamp, client_time } });
  expect(world.client.clockOffsetMs).toBe(0); // the welcome's stamp took no time at all, and is trusted more
  world.clock.advance(5_000);
  world.socket.say({ type: "heartbeat_response", data: { server_time: world.utc(), client_time: world.clock.now() } });
  expect(world.client.clockOffsetMs).toBe(60_000);
});

test("a timer that comes late, with an answer still on its way, is no verdict: each time anew", async () => {
  const world = await live();
  for (let n = 0; n < 3; n++) {
    world.clock.advance(5_000);
    expect(world.socket.heard().map((message) => message.type)).toEqual(["heartbeat"]);
    world.clock.sleep(60_000, true); // the page is frozen, the answer waits in its queue
    world.clock.advance(1);
    expect(world.sockets.length).toBe(1);
    expect(world.socket.heard().map((message) => message.type)).toEqual(["heartbeat"]);
    world.socket.say({ type: "heartbeat_response", data: {} });
    expect(world.state).toBe("live");
  }
});

test("a row is as old as the sleep was long before the server has said a word", async () => {
  const world = await live();
  const store = world.client.state("ea_updates");
  await turn();
  world.answer();
  world.socket.say({ ...world.row("1", {}), as_of: world.utc() });
  world.clock.sleep(HOUR_MS, false);
  world.clock.wake();
  expect(store.ageMs("1")).toBe(HOUR_MS);
});

test("clocks drift: an old measurement is given up for a newer one that is a little worse", async () => {
  const world = await live();
  const answerAfter = (ms: number): void => {
    world.clock.advance(5_000);
    const { client_time } = world.socket.last("heartbeat").data;
    world.clock.advance(ms / 2);
    const server_time = world.utc();
    world.clock.advance(ms / 2);
    world.socket.say({ type: "heartbeat_response", data: { server_time, client_time } });
  };
  world.serverAhead = 80; // since the welcome, which took no time
  answerAfter(100);
  expect(world.client.clockOffsetMs).toBe(0);
  for (let quiet = 0; quiet < 300_000; quiet += 1_000) {
    world.clock.advance(1_000);
    world.socket.say({ type: "weather" });
  }
  answerAfter(100);
  expect(world.client.clockOffsetMs).toBe(80);
});

test("a clock that was set is taken for a sleep until the server has been heard, however long its answer took", async () => {
  const world = await live();
  world.clock.ahead += HOUR_MS;
  world.serverAhead -= HOUR_MS;
  world.clock.advance(1_000);
  expect(world.state).toBe("stale");
  const { client_time } = world.socket.last("heartbeat").data;
  world.clock.advance(100);
  const server_time = world.utc();
  world.clock.advance(100);
  world.socket.say({ type: "heartbeat_response", data: { server_time, client_time } });
  expect(world.state).toBe("live");
  expect(world.client.clockOffsetMs).toBe(-HOUR_MS);
});
