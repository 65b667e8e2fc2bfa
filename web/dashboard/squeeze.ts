/** Writes each file of the bundle once more, by gzip: a server then squeezes nothing while people wait. */

import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Plugin } from "vite";

const SMALL_BYTES = 512; // in one packet either way

export function squeeze(): Plugin {
  let folder = "";
  return {
    name: "squeeze",
    apply: "build",
    configResolved: (config) => {
      folder = join(config.root, config.build.outDir);
    },
    closeBundle: () => {
      for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
        const path = join(folder, name);
        if (!statSync(path).isFile() || !/\.(html|js|css|svg|txt)$/.test(name)) continue;
        const body = readFileSync(path);
        const squeezed = gzipSync(body, { level: 9 });
        if (body.length > SMALL_BYTES && squeezed.length < body.length) writeFileSync(`${path}.gz`, squeezed);
      }
    },
  };
}
