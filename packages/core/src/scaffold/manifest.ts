/** The package.json of a new filter package. */
import { SDK_VERSION } from "@sluice/sdk";
import type { FilterKind } from "./scaffold.ts";

export interface ManifestOptions {
  readonly name: string;
  readonly kind: FilterKind;
  /** Turns the folder of one of Sluice's packages (`sdk`, `core`) into what the dependency is; null: a range of versions. */
  readonly links: ((folder: string) => string) | null;
  readonly bringsNode: boolean;
}

const WHAT: Readonly<Record<FilterKind, string>> = {
  http: "an HTTP filter",
  network: "a network filter",
  listener: "a listener filter",
};

/** With what `sluice bench .` measures it; null: there is nothing to measure of it. */
const BENCH: Readonly<Record<FilterKind, object | null>> = {
  http: { config: { value: "hello" } },
  network: { config: { max_bytes: 1_000_000_000 } },
  listener: null,
};

const DEPENDENCIES = { zod: "^4.2.0" };
const DEV_DEPENDENCIES = {
  "@types/node": "^24.0.0",
  autocannon: "^9.0.0",
  esbuild: "^0.28.0",
  tsup: "^9.0.0",
  typescript: "^7.0.0",
  vitest: "^5.1.0",
};
const NODE = { node: "^24.9.0" };

/** Whether every new package depends on it, so that none can be called so. */
export function usesPackage(name: string): boolean {
  return name.startsWith("@sluice/") || Object.hasOwn({ ...DEPENDENCIES, ...DEV_DEPENDENCIES, ...NODE }, name);
}

export function manifestOf({ name, kind, links, bringsNode }: ManifestOptions): string {
  const range = `^${SDK_VERSION}`;
  const ours = (folder: string): string => links?.(folder) ?? range;
  const development = {
    "@sluice/core": ours("core"),
    "@sluice/sdk": ours("sdk"),
    ...DEV_DEPENDENCIES,
    ...(bringsNode ? NODE : {}),
  };
  const manifest = {
    name,
    version: "0.1.0",
    description: `${WHAT[kind].charAt(0).toUpperCase()}${WHAT[kind].slice(1)} for Sluice`,
    keywords: ["sluice-filter"],
    license: "UNLICENSED",
    type: "module",
    sideEffects: false,
    engines: { node: ">=22.19" },
    exports: { ".": { types: "./dist/index.d.ts", default: "./dist/index.js" }, "./package.json": "./package.json" },
    files: ["dist"],
    sluice: { source: "./src/index.ts", ...(BENCH[kind] === null ? {} : { bench: BENCH[kind] }) },
    scripts: {
      start: "sluice run proxy.yaml --watch",
      test: "tsc --noEmit && vitest run",
      build: "tsup && tsc -p tsconfig.build.json",
      ...(BENCH[kind] === null ? {} : { bench: "sluice bench ." }),
      prepack: "npm run build",
    },
    dependencies: DEPENDENCIES,
    peerDependencies: { "@sluice/sdk": range },
    devDependencies: Object.fromEntries(Object.entries(development).sort(([a], [b]) => (a < b ? -1 : 1))),
    // Newer versions of npm run no install scripts but these. Both put a program of theirs in its place; that of `node` asks npm for it first.
    allowScripts: { esbuild: true, ...(bringsNode ? { node: true } : {}) },
  };
  return `${JSON.stringify(manifest, null, 2)}\n`;
}
