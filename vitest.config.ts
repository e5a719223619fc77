// How `npm test` runs every test that needs only npm. Workspace packages resolve to their sources by
// the condition `sluice-source`, in vitest's own module runner and in every process and worker thread
// that a test starts (they inherit execArgv). Tests against Debian's programs: vitest.peers.config.ts.
import { defineConfig } from "vitest/config";

// Not vite's defaults: what a test loads must be what plain Node loads.
const conditions = ["sluice-source", "node", "module-sync"];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    include: ["packages/**/*.test.ts", "examples/**/*.test.ts", "bench/**/*.test.ts", "test/**/*.test.ts"],
    exclude: ["**/node_modules/**", "**/dist/**", "test/peers/**"],
    environment: "node",
    // Processes, not threads: a test that kills its event loop or its heap takes nobody else with it.
    pool: "forks",
    execArgv: ["--conditions=sluice-source"],
    testTimeout: 15_000,
    hookTimeout: 30_000,
    teardownTimeout: 10_000,
    // A skipped suite is found by test/guard; a focused one must fail everywhere, not only in CI.
    allowOnly: false,
    passWithNoTests: false,
    restoreMocks: true,
  },
});
