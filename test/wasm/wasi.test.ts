// Components that import WASI: they run by jco's glue, and get what the configuration grants. Everything else is refused by name when it is used.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { httpHarness } from "@sluice/core/testing";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { componentDefinition } from "../../packages/core/src/isolate/wasm/component-definition.ts";
import type { Grant } from "../../packages/core/src/isolate/wasm/component-options.ts";
import { type Wat, requestHeaders, watComponent } from "./support/components.ts";

const cacheDirectory = mkdtempSync(join(tmpdir(), "sluice-wasi-test-"));
afterAll(() => rmSync(cacheDirectory, { recursive: true }));

/** Answers with status 201 once `code` has run. */
const after = (code: string): string =>
  requestHeaders(
    `${code} (i32.store8 (i32.const 88) (i32.const 1)) (i32.store16 (i32.const 92) (i32.const 201)) (i32.const 64)`,
  );

const RANDOM: Wat = {
  packages: "package wasi:random@0.2.3 { interface random { get-random-u64: func() -> u64; } }",
  world: "import wasi:random/random@0.2.3; export request-headers;",
  imports: '(import "wasi:random/random@0.2.3" "get-random-u64" (func $random (result i64)))',
  // Two equal ones would be a trap.
  code: after("(if (i64.eq (call $random) (call $random)) (then unreachable))"),
};
const CLOCKS: Wat = {
  packages: `package wasi:clocks@0.2.3 {
    interface monotonic-clock { now: func() -> u64; }
    interface wall-clock { record datetime { seconds: u64, nanoseconds: u32 } now: func() -> datetime; }
  }`,
  world: "import wasi:clocks/monotonic-clock@0.2.3; import wasi:clocks/wall-clock@0.2.3; export request-headers;",
  imports: `
    (import "wasi:clocks/monotonic-clock@0.2.3" "now" (func $now (result i64)))
    (import "wasi:clocks/wall-clock@0.2.3" "now" (func $wall (param i32)))`,
  code: after(`
    (if (i64.lt_s (call $now) (i64.const 0)) (then unreachable))
    (call $wall (i32.const 200))
    (if (i64.lt_s (i64.load (i32.const 200)) (i64.const 1700000000)) (then unreachable))`),
};
const ENVIRONMENT: Wat = {
  packages:
    "package wasi:cli@0.2.3 { interface environment { get-environment: func() -> list<tuple<string, string>>; } }",
  world: "import wasi:cli/environment@0.2.3; export request-headers;",
  imports: '(import "wasi:cli/environment@0.2.3" "get-environment" (func $environment (param i32)))',
  code: after("(call $environment (i32.const 200)) (if (i32.load (i32.const 204)) (then unreachable))"),
};
const STDOUT: Wat = {
  packages: `
    package wasi:io@0.2.3 {
      interface streams { resource output-stream { blocking-write-and-flush: func(contents: list<u8>) -> result; } }
    }
    package wasi:cli@0.2.3 {
      interface stdout { use wasi:io/streams@0.2.3.{output-stream}; get-stdout: func() -> output-stream; }
    }`,
  world: "import wasi:cli/stdout@0.2.3; export request-headers;",
  imports: `
    (import "wasi:cli/stdout@0.2.3" "get-stdout" (func $stdout (result i32)))
    (import "wasi:io/streams@0.2.3" "[method]output-stream.blocking-write-and-flush" (func $write (param i32 i32 i32) (result i32)))`,
  code: `(data (i32.const 300) "hello\\nworld\\n")
    ${after("(drop (call $write (call $stdout) (i32.const 300) (i32.const 12)))")}`,
};

async function harness(wat: Wat, grants: readonly Grant[]) {
  const definition = await componentDefinition(await watComponent(wat), { grants, cacheDirectory });
  const made = await httpHarness(definition);
  onTestFinished(() => made.close());
  return made;
}

describe.each([
  ["random", RANDOM, "getRandomU64 of wasi:random/random"],
  ["clocks", CLOCKS, "now of wasi:clocks/monotonic-clock"],
  ["environment", ENVIRONMENT, "getEnvironment of wasi:cli/environment"],
  ["stdout", STDOUT, "getStdout of wasi:cli/stdout"],
] as const)("%s", (grant, wat, name) => {
  test("is refused by name where it is not granted, and the stream is answered by on_error", async () => {
    const h = await harness(wat, []);
    expect((await h.request()).status).toBe(500);
    expect(JSON.stringify(h.log)).toContain(`it uses ${name}, which is not granted to it`);
    expect(h.stat("component.traps")).toBe(1);
  });

  test("works where it is granted", async () => {
    const h = await harness(wat, [grant]);
    expect((await h.request()).status).toBe(201);
  });
});

test("what is written to stdout are lines of the filter's log", async () => {
  const h = await harness(STDOUT, ["stdout"]);
  await h.request();
  expect(h.log.filter(({ level }) => level === "info").map(({ message }) => message)).toEqual(["hello", "world"]);
});

test("files, sockets and the rest can never be granted", async () => {
  const h = await harness(
    {
      packages: "package wasi:filesystem@0.2.3 { interface preopens { get-directories: func() -> u32; } }",
      world: "import wasi:filesystem/preopens@0.2.3; export request-headers;",
      imports: '(import "wasi:filesystem/preopens@0.2.3" "get-directories" (func $directories (result i32)))',
      code: after("(drop (call $directories))"),
    },
    ["clocks", "environment", "random", "stdout"],
  );
  expect((await h.request()).status).toBe(500);
  expect(JSON.stringify(h.log)).toContain("getDirectories of wasi:filesystem/preopens");
});
