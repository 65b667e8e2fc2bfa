import { isObject } from "./envelope.js";

/** Apply a merge patch (RFC 7396, section 2); neither argument is changed. */
export function applyPatch(row: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const patched = new Map(isObject(row) ? Object.entries(row) : []);
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) patched.delete(name);
    else patched.set(name, isObject(value) ? applyPatch(patched.get(name), value) : value);
  }
  return Object.fromEntries(patched); // a field may be called __proto__: it is defined, never assigned
}
