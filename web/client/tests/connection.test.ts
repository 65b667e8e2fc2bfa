/** What the client says of its connection, and how it finds it again. */

import { expect, test } from "vitest";
import { FleetwireError, connect, webSocketTransport } from "../src/index.js";
import type { Status } from "../src/index.js";
import { TOKEN, World, turn } from "./world.js";

function statuses(world: World): Status[] {
  const told: Status[] = [];
  world.client.status.subscribe((status) => told.push(status));
  return told;
}

const offline = (world: World): Status & { state: "offline" } => {
  expect(world.state).toBe("offline");
  return world.client.status.value as Status & { state: "offline" };
};

test("from connecting to live", async () => {
  const world = new World();
  const told = statuses(world);
  world.client.state("ea_updates");
  await turn();
  expect(world.socket.offers).toEqual(["fleetwire.v2.json"]);
  await world.open();
  expect(world.socket.last("auth").data).toEqual({ token: TOKEN });
  await world.admit("2026-12-31T00:00:00.000Z");
  expect(world.state).toBe("authenticating"); // what is shown is not known to be whole yet
  world.answer();
  expect(told.map((status) => status.state)).toEqual(["connecting", "authenticating", "live"]);
  expect(world.client.identity.value).toEqual({ role: "admin", expiresAt: "2026-12-31T00:00:00.000Z", scopes: null });
});

test("everything that is asked for in one go is asked in one question", async () => {
  const world = new World();
  world.client.state("ea_updates");
  world.client.state("portfolio_updates");
  world.client.on("alert", () => {});
  await world.live();
  expect(world.socket.sent.map((message) => message.type)).toEqual(["auth", "subscribe"]);
  expect(world.socket.last("subscribe").data.channels).toEqual(["ea_updates", "portfolio_updates", "alerts"]);
});

test("a token is asked for anew for every connection", async () => {
  let count = 0;
  const world = new World({ token: () => Promise.resolve(`t${++count}`) });
  await world.live();
  expect(world.socket.last("auth").data.token).toBe("t1");
  await world.comeBack();
  expect(world.socket.last("auth").data.token).toBe("t2");
});

test.each([
  [null, "", 500],
  [1006, "", 500],
  [1012, "the server stops; retry_after=3", 3_500],
  [4100, "too much; retry_after=10", 10_500],
  [4200, "no sign of life", 0],
  [4201, "the token has expired", 0],
])("closed with %s %j: it comes back after %i ms", async (code, reason, delay) => {
  const world = new World();
  await world.live();
  world.socket.events.closed(code, reason);
  expect(offline(world)).toMatchObject({ retryInMs: delay, code });
  expect(offline(world).reason).not.toBe("");
  world.clock.advance(Math.max(0, delay - 1));
  expect(world.sockets.length).toBe(delay ? 1 : 2);
  world.clock.advance(1);
  expect(world.sockets.length).toBe(2);
  await world.open();
  await world.admit();
  expect(world.state).toBe("live");
});

test.each([
  [4001, "the token was revoked"],
  [4003, "not allowed"],
  [4005, "too many errors"],
])("closed with %i: it does not come back by itself, and does with another token", async (code, reason) => {
  const world = new World();
  await world.live();
  const pending = expect(world.client.command({ command: "pause", target: { all: true } })).rejects.toMatchObject({ message: reason });
  world.socket.events.closed(code, reason);
  expect(world.client.status.value).toEqual({ state: "refused", reason, code });
  await pending;
  world.clock.advance(3_600_000);
  expect(world.sockets.length).toBe(1);
  await expect(world.client.cancel("x")).rejects.toMatchObject({ code: "refused" });
  const renewed = world.client.authenticate("another");
  await world.open();
  expect(world.socket.last("auth").data.token).toBe("another");
  await world.admit();
  await renewed;
  expect(world.state).toBe("live");
});

test("a wrong token is refused with the server's words, and kept from the server from then on", async () => {
  const world = new World();
  await turn();
  await world.open();
  await world.refuseToken();
  expect(world.client.status.value).toEqual({ state: "refused", reason: "not known here", code: "token_invalid" });
  expect(world.socket.isClosed).toBe(true);
  expect(world.socket.sent.filter((message) => message.type === "auth").length).toBe(1);
  const renewed = expect(world.client.authenticate("also wrong")).rejects.toMatchObject({ code: "token_invalid" });
  await world.open();
  await world.refuseToken();
  await renewed;
});

test("who has a newer token than the one that was refused is asked once more", async () => {
  const tokens = ["old", "new"];
  const world = new World({ token: () => tokens.shift()! });
  await turn();
  await world.open();
  await world.refuseToken();
  expect(world.socket.last("auth").data.token).toBe("new");
  await world.admit();
  expect(world.state).toBe("live");
});

test("a token that can't be had at the moment is tried again later", async () => {
  let isThere = false;
  const world = new World({ token: () => (isThere ? TOKEN : Promise.reject(new Error("no network"))) });
  await turn();
  await world.open();
  expect(offline(world)).toMatchObject({ code: "token", reason: "there is no token: Error: no network" });
  isThere = true;
  world.clock.advance(1_000);
  await world.open();
  await world.admit();
  expect(world.state).toBe("live");
});

test("a token that never comes does not end in a refusal", async () => {
  const world = new World({ token: () => new Promise<string>(() => {}) });
  await turn();
  await world.open();
  world.clock.advance(8_000);
  expect(offline(world).code).toBe("token");
});

test("a token that is about to expire is replaced in place", async () => {
  let count = 0;
  const world = new World({ token: () => `t${++count}` });
  world.client.state("ea_updates");
  await world.live();
  world.socket.say({ type: "error", data: { code: "token_expiring", message: "soon", temporary: true } });
  await turn();
  expect(world.socket.last("auth").data.token).toBe("t2");
  await world.admit("2027-01-01T00:00:00.000Z");
  expect(world.client.identity.value?.expiresAt).toBe("2027-01-01T00:00:00.000Z");
  expect(world.state).toBe("live");
  expect(world.sockets.length).toBe(1);
});

test("a fixed token is not said again when it is about to expire", async () => {
  const world = new World();
  await world.live();
  world.socket.heard();
  world.socket.say({ type: "error", data: { code: "token_expiring", message: "soon", temporary: true } });
  await turn();
  expect(world.socket.heard()).toEqual([]);
});

test("a wrong token in place of a right one changes nothing", async () => {
  const world = new World();
  await world.live();
  const renewed = expect(world.client.authenticate("wrong")).rejects.toMatchObject({ code: "token_invalid", message: "not known here" });
  await turn();
  await world.refuseToken();
  await renewed;
  expect(world.state).toBe("live");
  await world.comeBack();
  expect(world.socket.last("auth").data.token).toBe(TOKEN);
});

test("the same wrong token is refused each time", async () => {
  const world = new World();
  await world.live();
  for (let n = 0; n < 2; n++) {
    const renewed = expect(world.client.authenticate("wrong")).rejects.toMatchObject({ code: "token_invalid" });
    await turn();
    await world.refuseToken();
    await renewed;
  }
  expect(world.state).toBe("live");
});

test("no newer token at the moment is no reason to leave", async () => {
  const tokens = [TOKEN, ""];
  const world = new World({ token: () => tokens.shift()! });
  await world.live();
  world.socket.say({ type: "error", data: { code: "token_expiring", message: "soon", temporary: true } });
  await turn();
  expect(world.state).toBe("live");
});

test("a token is waited for no longer than the server waits", async () => {
  const world = new World({ token: () => new Promise<string>(() => {}) });
  await turn();
  world.socket.events.opened("");
  world.socket.say({ type: "connection", data: { protocol: 1, auth_deadline: 2 } });
  world.clock.advance(1_600);
  expect(offline(world).code).toBe("token");
});

test("without a token there is no connection, until there is one", async () => {
  const world = new World({});
  await turn();
  expect(world.client.status.value).toMatchObject({ state: "refused", code: "not_authenticated" });
  expect(world.sockets.length).toBe(0);
  const renewed = world.client.authenticate(TOKEN);
  await world.open();
  await world.admit();
  await renewed;
});

test("a ticket is good for the first connection, and the token for the others", async () => {
  const world = new World({ ticket: "once", token: TOKEN });
  world.client.state("ea_updates");
  await turn();
  expect(world.socket.url).toBe("ws://server/?ticket=once");
  await world.open();
  expect(world.socket.sent.map((message) => message.type)).toEqual(["subscribe"]);
  world.answer();
  expect(world.state).toBe("live");
  world.socket.events.closed(null, "");
  world.clock.advance(1_000);
  expect(world.socket.url).toBe("ws://server/");
});

test("whom a ticket lets in is told its role with the welcome", async () => {
  const world = new World({ ticket: "once" });
  await turn();
  world.socket.events.opened("");
  world.socket.say({ type: "connection", data: { protocol: 1, role: "viewer" } });
  expect(world.client.identity.value).toEqual({ role: "viewer", expiresAt: null, scopes: null });
});

test("a ticket that is not taken is told", async () => {
  const world = new World({ ticket: "used" });
  await turn();
  world.socket.events.closed(null, "");
  expect(world.client.status.value).toMatchObject({ state: "refused", code: "ticket" });
});

test("version 1 is spoken where version 2 is not known", async () => {
  const world = new World();
  await turn();
  world.socket.events.closed(null, ""); // what a page is told, whatever the reason
  world.clock.advance(1_000);
  expect(world.socket.offers).toEqual([]);
  await world.open(1);
  await world.admit();
  expect(world.state).toBe("live");
  world.socket.events.closed(null, "");
  world.clock.advance(1_000);
  expect(world.socket.offers).toEqual(["fleetwire.v2.json"]); // the server may be another by now
});

test("a server that has spoken version 2 is not asked for version 1", async () => {
  const world = new World();
  await world.live();
  for (let n = 0; n < 4; n++) {
    world.socket.events.closed(null, "");
    world.clock.advance(30_000);
    expect(world.socket.offers).toEqual(["fleetwire.v2.json"]);
  }
});

test.each([
  [{ type: "connection", data: { protocol: 3 } }, /version 3 of the protocol/],
  [{ type: "hello" }, /no fleetwire server/],
])("%j is told as a mismatch, and tried again", async (first, reason) => {
  const world = new World();
  const errors: string[] = [];
  world.client.on("error", (message) => errors.push(message.data.code));
  await turn();
  world.socket.events.opened("");
  world.socket.say(first);
  expect(offline(world).code).toBe("version");
  expect(offline(world).reason).toMatch(reason);
  expect(errors).toEqual(["version"]);
  world.clock.advance(1_000);
  await world.open();
  await world.admit();
  expect(world.state).toBe("live");
});

test.each(["{", "[1]", '[{"data":{}}]', "7", '[{"type":"ea_update","position":"1"}]', `[{"type":"x","data":${"[".repeat(1e5)}`])(
  "a frame like %.40j is told, and what was in it is fetched over a new connection",
  async (text) => {
    const world = new World();
    world.client.state("ea_updates");
    const errors: string[] = [];
    world.client.on("error", (message) => errors.push(message.data.code));
    await world.live();
    world.socket.say(world.row("1", {}));
    world.ended("ea_updates");
    world.socket.events.received(text);
    expect(errors).toEqual(["malformed_message"]);
    expect(offline(world).code).toBe("malformed_message");
    expect(world.socket.isClosed).toBe(true);
    world.clock.advance(1_000);
    await world.open();
    await world.admit();
    expect(world.answer()[0]!.since.positions).toEqual({ ea_updates: 1 });
  },
);

test("a patch that is nested too deeply is no end of the client", async () => {
  const world = new World();
  world.client.state("ea_updates");
  await world.live();
  world.socket.say(world.row("1", {}, 1));
  const deep = `${'{"a":'.repeat(50_000)}1${"}".repeat(50_000)}`;
  world.socket.events.received(JSON.stringify([world.patch("1", {}, 1)]).replace('"patch":{}', `"patch":${deep}`));
  expect(offline(world).code).toBe("malformed_message");
});

test("types and channels that nobody knows yet are let be", async () => {
  const world = new World();
  await world.live();
  const news: unknown[] = [];
  world.client.on("weather" as "gap", (message) => news.push(message));
  world.socket.say({ type: "weather", channel: "weather_updates", position: 3, data: { sun: true } });
  expect(news.length).toBe(1);
  expect(world.state).toBe("live");
});

test("a server that does not answer is left for another try", async () => {
  const world = new World();
  await turn();
  world.clock.advance(10_000);
  expect(offline(world)).toMatchObject({ code: "timeout" });
  expect(world.socket.isClosed).toBe(true);
  world.clock.advance(1_000);
  expect(world.sockets.length).toBe(2);
  world.sockets[0]!.events.closed(4001, "an old socket's last word");
  expect(world.state).toBe("connecting");
});

test("an outage: full jitter, within a second at first, within 5 s in the first minute, within 30 s after it", async () => {
  const world = new World();
  world.chance = 1;
  await world.live();
  world.socket.events.closed(null, "");
  const waits: number[] = [];
  for (let elapsed = 0; elapsed < 200_000; ) {
    const wait = offline(world).retryInMs;
    waits.push(wait);
    world.clock.advance(wait);
    elapsed += wait;
    world.socket.events.closed(null, "");
  }
  expect(waits.slice(0, 4)).toEqual([1_000, 2_000, 4_000, 5_000]);
  expect(new Set(waits.slice(4, 14))).toEqual(new Set([5_000]));
  expect(waits.at(-1)).toBe(30_000);
});

test("how long until the next try is told as it goes by", async () => {
  const world = new World();
  world.chance = 1;
  await world.live();
  world.socket.events.closed(1012, "retry_after=5");
  const told = statuses(world);
  world.clock.advance(3_000);
  expect(told.map((status) => (status as any).retryInMs)).toEqual([6_000, 5_000, 4_000, 3_000]);
});

test("a socket that can't even be made is an outage as well", async () => {
  const world = new World();
  await world.live();
  let made = 0;
  (world.client as any).settings.transport = () => {
    made++;
    throw new Error("the pool of sockets is empty");
  };
  world.socket.events.closed(null, "");
  world.clock.advance(3_600_000);
  expect(offline(world).reason).toMatch(/pool of sockets/);
  expect(made).toBeGreaterThan(100);
});

test("close ends everything: the socket, timers, listeners to the page", async () => {
  const world = new World();
  world.client.state("ea_updates");
  await world.live();
  const pending = expect(world.client.command({ command: "pause", target: { all: true } })).rejects.toMatchObject({ code: "closed" });
  world.client.close();
  world.client.close();
  await pending;
  expect(world.state).toBe("closed");
  expect(world.socket.isClosed).toBe(true);
  expect(world.clock.timers).toBe(0);
  world.clock.wake();
  world.clock.advance(100_000);
  expect(world.sockets.length).toBe(1);
  await expect(world.client.authenticate(TOKEN)).rejects.toMatchObject({ code: "closed" });
  await expect(world.client.command({ command: "pause", target: { all: true } })).rejects.toMatchObject({ code: "closed" });
});

test.each(["nonsense", "ftp://x", "ws://u:p@server", "ws://server/?token=x", "wss://server/?Access_Token=x", "ws://server/?ticket=x"])(
  "the address %j is refused",
  (url) => {
    const transport = webSocketTransport(class {} as never);
    expect(() => connect(url, { transport })).toThrow(FleetwireError);
    expect(() => connect(url, { transport })).not.toThrow(/token=x|u:p/);
  },
);

test("http addresses are taken for those of the socket", async () => {
  const urls: string[] = [];
  const transport = (url: string): never => {
    urls.push(url);
    throw new Error("enough");
  };
  for (const url of ["http://server:8765/base", "https://server"]) connect(url, { token: TOKEN, transport }).close();
  expect(urls).toEqual(["ws://server:8765/base", "wss://server/"]);
});

test("a socket that opens too late is tried without a subprotocol as well", async () => {
  const world = new World();
  await turn();
  world.clock.advance(11_000);
  expect(world.sockets.map((socket) => socket.offers)).toEqual([["fleetwire.v2.json"], []]);
});

test("a page that is looked at does not hurry back to a server that said what can't be read", async () => {
  const world = new World();
  await world.live();
  world.socket.events.received("garbage");
  world.clock.wake();
  expect(offline(world).code).toBe("malformed_message");
  expect(world.sockets.length).toBe(1);
});

test("what stands in a frame behind the reason to leave is not heard", async () => {
  const world = new World();
  const store = world.client.state("ea_updates");
  await world.live();
  world.socket.say(world.row("1", {}));
  world.ended("ea_updates");
  world.client.state("price_updates");
  await turn();
  const { id } = world.socket.last("subscribe");
  world.socket.say({ type: "error", id, data: { code: "internal_error", message: "broken", id } }, world.row("2", {}));
  expect(offline(world).code).toBe("internal_error");
  expect([...store.rows.keys()]).toEqual(["1"]);
  world.clock.advance(10_000);
  await world.open();
  await world.admit();
  expect(world.answer()[0]!.since.positions).toEqual({ ea_updates: 1 });
});

test("a token that comes for the connection before is not said on this one", async () => {
  const given: ((token: string) => void)[] = [];
  const world = new World({ token: () => new Promise<string>((resolve) => given.push(resolve)) });
  await turn();
  await world.open();
  world.socket.events.closed(null, "");
  world.clock.advance(1_000);
  await world.open();
  given[0]!("of before");
  await turn();
  expect(world.socket.sent).toEqual([]);
  given[1]!("of now");
  await turn();
  expect(world.socket.last("auth").data.token).toBe("of now");
});

test("a server that says what can't be read each time is left alone longer each time", async () => {
  const world = new World();
  await world.live();
  const waits: number[] = [];
  for (let n = 0; n < 4; n++) {
    world.socket.events.received("garbage");
    waits.push(offline(world).retryInMs);
    world.clock.advance(offline(world).retryInMs);
    await world.open();
    await world.admit();
  }
  expect(waits).toEqual([500, 1_000, 2_000, 2_500]);
});

test("a connection that was found ends the outage: the next one begins anew", async () => {
  const world = new World();
  await world.live();
  for (let n = 0; n < 4; n++) {
    world.socket.events.closed(null, "");
    world.clock.advance(10_000);
  }
  await world.open();
  await world.admit();
  expect(world.state).toBe("live");
  world.socket.events.closed(null, "");
  expect(offline(world).retryInMs).toBe(500);
});
