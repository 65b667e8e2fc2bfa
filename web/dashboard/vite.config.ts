import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";
import { squeeze } from "./squeeze.ts";

export default defineConfig({
  base: "./", // so that the same bundle works at "/" and below any base path of a proxy
  plugins: [svelte(), squeeze()],
  build: {
    target: "es2022",
    outDir: "../../fleetwire/dashboard", // where the server looks, and what a wheel takes along
    emptyOutDir: true,
    modulePreload: { polyfill: false }, // it would be an inline script, which the page's policy forbids
    assetsInlineLimit: 0,
    reportCompressedSize: false,
  },
  test: { include: ["test/**/*.test.ts"], environment: "node" },
});
