// The tests against programs from Debian (curl, nginx, apache2, haproxy, caddy, redis, wrk, openssl, nghttp2, varnishtest, Chromium):
// `npm run test:peers`. Kept apart because `npm test` must need nothing but npm.
import { defineConfig, mergeConfig } from "vitest/config";
import base from "./vitest.config.ts";

const peers = mergeConfig(
  base,
  defineConfig({
    test: { testTimeout: 60_000, hookTimeout: 60_000, fileParallelism: false },
  }),
);
// mergeConfig joins arrays; these two replace.
peers.test!.include = ["test/peers/**/*.test.ts"];
peers.test!.exclude = ["**/node_modules/**", "**/dist/**"];

export default peers;
