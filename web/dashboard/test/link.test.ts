import { expect, it } from "vitest";
import { linkOf } from "../src/lib/link";

it("says when it tries again", () => {
  const link = linkOf({ state: "offline", retryInMs: 4000, reason: "", code: 1006 }, 10_000, 7_500);
  expect(link.words.replaceAll("\u202f", " ")).toBe("The connection was lost: trying again in 2.5 s");
  expect(linkOf({ state: "offline", retryInMs: 0, reason: "", code: 1012 }, 0, 5).words).toBe("The server is being restarted: trying again now");
});
it.each([
  ["malformed_message", "something that this page can't read"],
  ["version", "different versions"],
  ["timeout", "Nothing is heard"],
])("says what a loss by %s means", (code, words) => {
  const link = linkOf({ state: "offline", retryInMs: 400, reason: "", code }, 400, 0);
  expect(link.kind).toBe("offline");
  expect(link.words).toContain(words);
});
it("says how long nothing was heard", () => {
  const link = linkOf({ state: "stale", ageMs: 14_000 }, null, 0);
  expect(link.kind).toBe("stale");
  expect(link.words).toContain("14");
});
it.each([
  [4201, "The token has expired"],
  [4001, "This token is not known here"],
  ["token_invalid", "This token is not known here"],
  [4005, "different versions"],
])("says what a refusal by %s means", (code, words) => {
  const link = linkOf({ state: "refused", reason: "no", code }, null, 0);
  expect(link.kind).toBe("refused");
  expect(link.words).toContain(words);
});
it("is live only when it is", () => {
  expect((["connecting", "authenticating", "live", "closed"] as const).map((state) => linkOf({ state }, null, 0).kind)).toEqual(["waiting", "waiting", "live", "offline"]);
});
