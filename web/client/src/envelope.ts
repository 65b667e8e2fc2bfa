/** Frames to messages and back. Version 1 has a frame for each message, version 2 an array of messages in a frame. */

import { FleetwireError } from "./errors.js";

export type Json = Record<string, unknown>;

/** A message as it comes; fields that nobody knows are left in it. */
export interface Envelope {
  type: string;
  data?: unknown;
  timestamp?: string;
  id?: number | string;
  channel?: string;
  seq?: number;
  position?: number;
  key?: string;
  as_of?: string;
  patch?: Json;
  base?: number;
}

const KINDS: Record<string, (value: unknown) => boolean> = {
  timestamp: isText,
  id: (value) => isText(value) || Number.isInteger(value),
  channel: isText,
  seq: Number.isInteger,
  position: Number.isInteger,
  key: isText,
  as_of: isText,
  patch: isObject,
  base: Number.isInteger,
};

export function write(version: number, message: Json): string {
  return JSON.stringify(version === 1 ? message : [message]);
}

/**
 * Copy what a program says, as JSON has it. Throws a FleetwireError where JSON can't say it: it would make null of a NaN,
 * and null means "not given", so that a part of a position would become the whole.
 */
export function plain(data: Json): Json {
  const numbers = (name: string, value: unknown): unknown => {
    if (typeof value === "number" && !Number.isFinite(value)) throw new TypeError(`${name} is ${value}`);
    return value;
  };
  try {
    return JSON.parse(JSON.stringify(data, numbers));
  } catch (error) {
    throw new FleetwireError("invalid_data", `this can't be said in JSON: ${(error as Error).message}`);
  }
}

/** Read the messages of a frame. Throws a FleetwireError where it, or one of them, is none. */
export function read(version: number, text: string): Envelope[] {
  let said: unknown;
  try {
    said = JSON.parse(text);
  } catch {
    throw malformed("a frame is not JSON");
  }
  return (version > 1 && Array.isArray(said) ? said : [said]).map(checked);
}

function checked(said: unknown): Envelope {
  if (!isObject(said) || !isText(said.type)) throw malformed("a message has no type");
  for (const name in KINDS) {
    const value = said[name];
    if (value === null) delete said[name];
    else if (value !== undefined && !KINDS[name]!(value)) throw malformed(`${said.type}: ${name} is not what it should be`);
  }
  return said as unknown as Envelope;
}

export function malformed(what: string): FleetwireError {
  return new FleetwireError("malformed_message", `the server sent what can't be read: ${what}`, true);
}

export function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Take an object for what it is, and anything else for an empty one. */
export function fields(value: unknown): Json {
  return isObject(value) ? value : {};
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

/** Read a list of names, however strange. */
export function names(value: unknown): string[] {
  return Array.isArray(value) ? value.filter(isText) : [];
}
