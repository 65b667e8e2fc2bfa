/** What different WebSockets tell, and what is made of it. */

import { expect, test } from "vitest";
import { type WebSocketClass, webSocketTransport } from "../src/transport.js";

/** A socket, and what the transport tells of it. */
function opened(): { socket: Record<string, any>; told: unknown[]; isClosed: () => boolean } {
  const socket: Record<string, any> = { protocol: "fleetwire.v2.json", isClosed: false, close: () => (socket.isClosed = true) };
  const told: unknown[] = [];
  const made = function () {
    return socket;
  } as unknown as WebSocketClass;
  webSocketTransport(made)("ws://server/", [], {
    opened: (subprotocol) => told.push(["opened", subprotocol]),
    received: (text) => told.push(["received", text]),
    closed: (code, reason) => told.push(["closed", code, reason]),
  }).close();
  return { socket, told, isClosed: () => socket.isClosed };
}

test.each([
  [1005, null],
  [1006, null],
  [1012, 1012],
])("closed with %i: the code that is told is %j", (code, shown) => {
  const { socket, told, isClosed } = opened();
  socket.onopen();
  socket.onmessage({ data: "{}" });
  socket.onerror();
  socket.onclose({ code, reason: "why" });
  expect(told).toEqual([["opened", "fleetwire.v2.json"], ["received", "{}"], ["closed", shown, "why"]]);
  expect(isClosed()).toBe(true);
});

test("a socket that fails before it is open is closed, once, whether or not it says so", () => {
  const { socket, told } = opened();
  socket.onerror();
  expect(told).toEqual([["closed", null, ""]]);
  socket.onclose({ code: 1006, reason: "" });
  expect(told.length).toBe(1);
});

test("a binary frame is no text, and no message", () => {
  const { socket, told } = opened();
  expect(socket.binaryType).toBe("arraybuffer");
  socket.onopen();
  socket.onmessage({ data: new TextEncoder().encode('{"type":"alert"}').buffer });
  expect(() => JSON.parse((told.at(-1) as string[])[1]!)).toThrow();
});
