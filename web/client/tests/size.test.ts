/** A page that uses the client pays for it once, when it is opened. */

import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "vite";
import { expect, test } from "vitest";

const GZIPPED_BYTES_MAX = 13_000; // with the table of commands, which a page that gives none leaves out

test("the whole client is small", async () => {
  const entry = fileURLToPath(new URL("../src/index.ts", import.meta.url));
  const built = await build({
    configFile: false,
    logLevel: "silent",
    build: { write: false, minify: true, rollupOptions: { input: entry, preserveEntrySignatures: "strict" } },
  });
  const { output } = (Array.isArray(built) ? built[0] : built) as { output: { type: string; code: string }[] };
  const code = output.map((chunk) => chunk.code).join("");
  expect(code).toContain("fleetwire.v2.json");
  expect(gzipSync(code).length).toBeLessThan(GZIPPED_BYTES_MAX);
  console.info(`the client is ${gzipSync(code).length} bytes, gzipped`);
});
