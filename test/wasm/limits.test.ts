// What a component may use of its host: memory by its own maximum, tables, and nothing that grows with the number of calls.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { httpHarness } from "@sluice/core/testing";
import type { FilterContext, HttpStream } from "@sluice/sdk";
import { describe, expect, onTestFinished, test } from "vitest";
import { HeaderField } from "../../packages/core/src/http/headers/field.ts";
import { RequestHeaderMap, ResponseHeaderMap } from "../../packages/core/src/http/headers/header-map.ts";
import { componentDefinition } from "../../packages/core/src/isolate/wasm/component-definition.ts";
import type { ComponentStream } from "../../packages/core/src/isolate/wasm/component-stream.ts";
import { GREETING_AS, GREETING_C, requestHeaders, watComponent } from "./support/components.ts";

const KIB = 1024;
const PAGE = 64 * KIB;

/** Asks for pages until it gets no more, and answers with how many it has. */
const GROW = `
  ${requestHeaders(`
    (loop $more (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
    (i32.store8 (i32.const 88) (i32.const 1))
    (i32.store16 (i32.const 92) (i32.add (i32.const 200) (memory.size)))
    (i32.const 64)`)}`;

describe("memory", () => {
  test.each([
    ["1", 16],
    ["1 4", 4],
    ["1 1000", 16],
  ])("a module with the limits %s grows to %i pages where 16 are allowed", async (memory, pages) => {
    const bytes = await watComponent({ code: GROW, memory });
    const harness = await httpHarness(await componentDefinition(bytes, { memoryBytes: 16 * PAGE }));
    onTestFinished(() => harness.close());
    expect((await harness.request()).status).toBe(200 + pages);
  });

  test("by jco's glue the same", async () => {
    const cacheDirectory = mkdtempSync(join(tmpdir(), "sluice-limits-"));
    onTestFinished(() => rmSync(cacheDirectory, { recursive: true }));
    const bytes = await watComponent({ code: GROW });
    const definition = await componentDefinition(bytes, { memoryBytes: 16 * PAGE, glue: "jco", cacheDirectory });
    const harness = await httpHarness(definition);
    onTestFinished(() => harness.close());
    expect((await harness.request()).status).toBe(200 + 16);
  });

  test("a module that starts with more is refused", async () => {
    const bytes = await watComponent({ memory: "32" });
    await expect(componentDefinition(bytes, { memoryBytes: 16 * PAGE })).rejects.toThrow(
      'the component starts with 2097152 bytes of memory, and its limit is 1048576: raise "memory"',
    );
  });

  test("a table that starts with too many elements is refused", async () => {
    const bytes = await watComponent({ code: `(table 100000 funcref) ${requestHeaders("(i32.const 64)")}` });
    await expect(componentDefinition(bytes)).rejects.toThrow("has a table of 100000 elements, at most 65536 may be");
  });

  test("a table does not grow beyond either", async () => {
    const code = `(table $t 1 funcref) ${requestHeaders(`
      (i32.store8 (i32.const 88) (i32.const 1))
      (i32.store16 (i32.const 92) (select (i32.const 400) (i32.const 200) (i32.eq (table.grow $t (ref.null func) (i32.const 70000)) (i32.const -1))))
      (i32.const 64)`)}`;
    const harness = await httpHarness(await componentDefinition(await watComponent({ code })));
    onTestFinished(() => harness.close());
    expect((await harness.request()).status).toBe(400);
  });
});

describe("100 000 calls leave memory as it was", () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const used = (): number => {
    collect();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  const fields = Array.from({ length: 12 }, (_, i) => new HeaderField(`x-header-${i}`, `value ${i}`.repeat(4)));
  const body = Buffer.alloc(1000, "x");
  let greeted = 0;
  const context = { stats: { counter: () => ({ inc: () => greeted++ }) } } as unknown as FilterContext;

  // What a call left behind in the component's memory would not fit into its limit.
  test.each([
    ["C", GREETING_C, 512 * KIB],
    ["AssemblyScript", GREETING_AS, 512 * KIB],
  ])("%s", { timeout: 60_000 }, async (_language, path, memoryBytes) => {
    const definition = await componentDefinition(path, { memoryBytes });
    const hooks = await definition.create({ header: "x-greeting", value: "hello" }, context);
    const play = (streams: number): void => {
      for (let i = 0; i < streams; i++) {
        const stream = { state: definition.newState!(), routeConfig: { value: "ahoy" } } as HttpStream<ComponentStream>;
        const request = new RequestHeaderMap("POST", "/", "test.example", "http", fields.slice());
        void hooks.onRequestHeaders!(request, false, stream);
        void hooks.onRequestData!(body, true, stream);
        const response = new ResponseHeaderMap(200, fields.slice());
        void hooks.onResponseHeaders!(response, true, stream);
        hooks.onDestroy!(stream);
        if (response.get("x-request-bytes") !== "1000") throw new Error("the state of a stream is another's");
      }
    };
    play(5000);
    greeted = 0;
    const before = used();
    play(25_000);
    expect(greeted).toBe(25_000);
    expect(used() - before).toBeLessThan(1024 * KIB);
  });
});
