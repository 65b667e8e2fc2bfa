/** The vectors of spec/vectors: the Python client passes the same ones (tests/client/test_vectors.py). */

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { Backoff } from "../src/backoff.js";
import { read } from "../src/envelope.js";
import { FleetwireError } from "../src/index.js";
import { applyPatch } from "../src/patch.js";
import { World, turn } from "./world.js";

type Vector = Record<string, any>;

function vectors(name: string): Record<string, Vector[]> {
  return JSON.parse(readFileSync(new URL(`../../../spec/vectors/${name}.json`, import.meta.url), "utf-8"));
}

test.each(vectors("backoff").outages!)("when a client comes back: $name", ({ steps }: Vector) => {
  const backoff = new Backoff();
  for (const step of steps) {
    if ("found_s" in step) backoff.found(step.found_s * 1000);
    else {
      const found = backoff.nextDelayMs(step.lost_s * 1000, step.chance, step.code, step.reason);
      expect(found).toBe(step.delay_s === null ? null : step.delay_s * 1000);
    }
  }
});

test.each(vectors("messages").frames!)("what a client reads: $name", ({ version, text, types }: Vector) => {
  if (types === null) expect(() => read(version, text)).toThrow(FleetwireError);
  else expect(read(version, text).map((message) => message.type)).toEqual(types);
});

test.each(vectors("messages").patches!)("merge patch $patch of $row", ({ row, patch, result }: Vector) => {
  const before = JSON.stringify([row, patch]);
  expect(JSON.stringify(applyPatch(row, patch))).toBe(JSON.stringify(result));
  expect(JSON.stringify([row, patch])).toBe(before);
});

test.each(vectors("stream").conversations!)("what a client makes of a conversation: $name", async ({ steps }: Vector) => {
  const world = new World();
  const rows = () => Object.fromEntries(world.client.state("ea_updates").rows);
  const heard: unknown[] = [];
  let asked: any[] = [];
  let isFirst = true;
  const look = (): void => void asked.push(...world.socket.heard().filter((message) => message.type === "subscribe"));
  for (const step of steps) {
    if (step.connect) {
      if (step.connect.includes("ea_updates")) world.client.state("ea_updates");
      if (isFirst && step.connect.includes("alerts")) {
        world.client.on("alert", (message) => heard.push(message.position));
        world.client.on("gap", ({ data }) => {
          if (data.channel === "alerts") heard.push({ since: data.since, until: data.until });
        });
      }
      await turn();
      if (!isFirst) world.clock.advance(1_000);
      isFirst = false;
      await world.open();
      await world.admit();
      look();
    } else if (step.asks) {
      const positions = asked.flatMap(({ data }) => data.channels.map((name: string) => [name, data.since?.positions[name] ?? null]));
      expect(Object.fromEntries(positions)).toEqual(step.asks);
    } else if (step.answer) {
      for (const { id, data } of asked.splice(0))
        world.socket.say({ type: "subscription_response", id, data: { ...step.answer, channels: data.channels, rejected: [] } });
    } else if (step.say) {
      world.socket.say(...step.say);
      look();
    } else if (step.lost) {
      asked = [];
      world.socket.events.closed(null, "");
    } else if (step.rows) expect(rows()).toEqual(step.rows);
    else if (step.heard) expect(heard.splice(0)).toEqual(step.heard);
    else throw new Error(`no such step: ${JSON.stringify(step)}`);
  }
});

const { keys = [], accepted = [], refused = [] } = vectors("commands");

async function hmac(key: Uint8Array, message: Uint8Array): Promise<Uint8Array> {
  const imported = await crypto.subtle.importKey("raw", key as BufferSource, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, message as BufferSource));
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const hex = (data: Uint8Array): string => Buffer.from(data).toString("hex");
const keyOf = async (token: string): Promise<Uint8Array> => hmac(await hmac(bytes("fleetwire command key 1"), bytes(token)), bytes("signing\x01"));

test.each(keys)("the key of a token, with WebCrypto: $token", async ({ token, key }: Vector) => {
  expect(hex(await keyOf(token))).toBe(key);
});

test.each(accepted)("a signed command, with WebCrypto: $name", async ({ signed, signature }: Vector) => {
  expect(hex(await hmac(await keyOf(keys[0]!.token), bytes(signed)))).toBe(signature);
});

test.each(refused)("a forged command: $name", async ({ signed, signature }: Vector) => {
  const isSigned = hex(await hmac(await keyOf(keys[0]!.token), bytes(signed))) === signature;
  const form = (() => {
    try {
      return JSON.parse(signed);
    } catch {
      return [];
    }
  })();
  expect(isSigned && form.length === 9 && form[0] === "fleetwire-command-1").toBe(false);
});
