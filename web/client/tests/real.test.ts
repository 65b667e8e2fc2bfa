/** The client and the real server: over real sockets, over a kill and a restart. */

import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import WebSocket from "ws";
import { type Fleetwire, type StateStore, connect, webSocketTransport } from "../src/index.js";
import { Server, TOKEN, python } from "./server.js";

const transport = webSocketTransport(WebSocket as never);
const BOUND = { timeout: 20_000, interval: 20 };

if (!python) console.warn("skipped: no Python that has what fleetwire needs (make test sets one up; FLEETWIRE_PYTHON names another)");

describe.skipIf(!python)("with the real server", () => {
  const server = new Server();
  const open: Fleetwire[] = [];

  beforeAll(() => server.start(), 60_000);
  afterEach(() => open.splice(0).forEach((client) => client.close()));
  afterAll(() => server.remove());

  function client(options: Parameters<typeof connect>[1] = {}): Fleetwire {
    const made = connect(server.url, { token: TOKEN, transport, ...options });
    open.push(made);
    return made;
  }

  const plain = (store: StateStore<unknown>): unknown => JSON.parse(JSON.stringify(Object.fromEntries([...store.rows].sort())));
  const state = (fw: Fleetwire): string => fw.status.value.state;

  test.each([1, 2] as const)("rows and events, in version %i", async (version) => {
    const fw = client({ version });
    const experts = fw.state("ea_updates");
    const trades = fw.events("trade_updates", { history: 100 })[Symbol.asyncIterator]();
    await vi.waitFor(() => expect(experts.complete).toBe(true), BOUND);
    const ticket = 100 + version;
    await server.report(7, 15 + version, ticket);
    await vi.waitFor(() => expect(experts.rows.get("7")?.current_profit).toBe(15 + version), BOUND);
    for (;;) {
      const { value } = await trades.next();
      expect(value.type).toBe("trade_update");
      if (value.data.ticket === ticket) break;
    }
    expect(experts.ageMs("7")).toBeLessThan(20_000);
    expect(Math.abs(fw.clockOffsetMs)).toBeLessThan(1_000);
    expect(fw.identity.value).toEqual({ role: "admin", expiresAt: null, scopes: null });
  });

  test("a server that is killed and started again: the same state as a newcomer's, each event once", async () => {
    const fw = client();
    const [experts, total] = [fw.state("ea_updates"), fw.state("portfolio_updates")];
    const tickets: number[] = [];
    const gaps: unknown[] = [];
    fw.on("trade_update", (message) => tickets.push(message.data.ticket));
    fw.on("gap", (message) => gaps.push(message.data));
    await vi.waitFor(() => expect([state(fw), experts.complete, total.complete]).toEqual(["live", true, true]), BOUND);
    const reported: number[] = [];
    for (let round = 0; round < 3; round++) {
      for (let expert = 1; expert <= 5; expert++) {
        reported.push(1_000 * (round + 1) + expert);
        await server.report(expert, round * 10 + expert, reported.at(-1)!);
      }
      await server.kill();
      await vi.waitFor(() => expect(state(fw)).toBe("offline"), BOUND);
      expect(experts.complete).toBe(false);
      expect(experts.rows.size).toBeGreaterThanOrEqual(5); // old, and said to be old
      await server.start();
      await vi.waitFor(() => expect([state(fw), experts.complete, total.complete]).toEqual(["live", true, true]), BOUND);
      const newcomer = client();
      const theirs = [newcomer.state("ea_updates"), newcomer.state("portfolio_updates")];
      await vi.waitFor(() => {
        expect(theirs.map((store) => store.complete)).toEqual([true, true]);
        expect(plain(experts)).toEqual(plain(theirs[0]!));
        expect(plain(total)).toEqual(plain(theirs[1]!));
      }, BOUND);
      newcomer.close();
    }
    await vi.waitFor(() => expect(tickets).toEqual(reported), BOUND);
    expect(gaps).toEqual([]);
  }, 120_000);

  test("commands are answered, refused with a reason, and not done twice", async () => {
    await server.report(7, 1, 5_000);
    const fw = client();
    const request = { command: "pause", target: { ea_id: 7 }, reason: "test", idempotency_key: "once" } as const;
    const [first, again] = [await fw.command(request), await fw.command(request)];
    expect(first).toMatchObject({ status: "accepted", command: { command: "pause", ea_id: 7 } });
    expect(again.command_id).toBe(first.command_id);
    await expect(fw.command({ ...request, command: "resume" })).rejects.toMatchObject({ code: "conflict" });
    await expect(fw.command({ command: "pause", target: { ea_id: 999 } })).rejects.toMatchObject({ code: "not_found" });
    await expect(fw.acknowledge(4_711)).rejects.toMatchObject({ code: "not_found" });
  });

  test("a wrong token is refused, and another one taken, without a new client", async () => {
    const fw = client({ token: "wrong" });
    await vi.waitFor(() => expect(fw.status.value).toMatchObject({ state: "refused", code: "token_invalid" }), BOUND);
    await fw.authenticate(TOKEN);
    await vi.waitFor(() => expect(state(fw)).toBe("live"), BOUND);
  });

  test("a ticket opens the first connection", async () => {
    const address = server.url.replace("ws:", "http:");
    const answer = await fetch(`${address}api/v1/ticket`, { method: "POST", headers: { Authorization: `Bearer ${TOKEN}` } });
    const { ticket } = (await answer.json()) as { ticket: string };
    const fw = client({ ticket, token: undefined });
    const experts = fw.state("ea_updates");
    await vi.waitFor(() => expect([state(fw), experts.complete]).toEqual(["live", true]), BOUND);
    const late = client({ ticket, token: undefined });
    await vi.waitFor(() => expect(late.status.value).toMatchObject({ state: "refused", code: "ticket" }), BOUND);
  });
});
