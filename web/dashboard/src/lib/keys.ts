/** A key that nobody has had before. `crypto.randomUUID` exists on secure origins only; a dashboard in a LAN may be on http. */
export function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
