// What can be measured, and the sentence where it cannot: packages, files, built-in filters, configurations.
import { writeFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { FilterPackage, bench } from "./world.ts";

const TIMEOUT_MS = 120_000;
const LIMIT = { stat_prefix: "x", token_bucket: { max_tokens: 1, tokens_per_fill: 1, fill_interval: "3600s" } };
const ALL = { default_value: { numerator: 100, denominator: "HUNDRED" } };

describe("what can be measured:", () => {
  test(
    "a built-in filter by its id; what it answers itself is told",
    async () => {
      const config = JSON.stringify({ ...LIMIT, filter_enabled: ALL, filter_enforced: ALL });
      const id = "envoy.filters.http.local_ratelimit";
      const { code, out, err } = await bench(id, "--config", config, "--rounds", "1");
      expect(err).toBe("");
      expect(code).toBe(0);
      expect(out).toMatch(/^onRequestHeaders +1 +\d+ +\d+/m);
      expect(out).toMatch(/note: 100 % of the requests were answered with 429 by a filter/);
    },
    TIMEOUT_MS,
  );

  test(
    "requests with bodies",
    async () => {
      const { report } = await bench(
        "envoy.filters.http.buffer",
        "--config",
        '{ "max_request_bytes": 65536 }',
        "--requests",
        "body",
        "--rounds",
        "1",
        "--json",
      );
      const hooks = report().total.hooks.map(({ hook, callsPerRequest }) => [hook, callsPerRequest]);
      expect(hooks).toContainEqual(["onRequestData", 4]);
    },
    TIMEOUT_MS,
  );

  test(
    "a network filter",
    async () => {
      await using filter = await FilterPackage.make();
      await writeFile(
        filter.file("index.ts"),
        `export default { [Symbol.for("sluice.definition")]: "network", sdkVersion: "0.1.0", id: "bench.network.count",
          maturity: "alpha", security: "unknown", config: { type: "object" },
          create: () => { let seen = 0; return { onNewConnection() {}, onData(data) { seen += data.length; }, onWrite() {} }; } };`,
      );
      const { code, report } = await bench(filter.directory, "--rounds", "1", "--json");
      expect(code).toBe(0);
      const hooks = Object.fromEntries(
        report().total.hooks.map(({ hook, callsPerRequest }) => [hook, callsPerRequest]),
      );
      expect(hooks).toMatchObject({ onData: 1, onWrite: 1 });
      expect(hooks["onNewConnection"]).toBeCloseTo(0.1, 2);
    },
    TIMEOUT_MS,
  );

  test(
    "a filter that awaits, one that throws",
    async () => {
      await using filter = await FilterPackage.make();
      const definition = (hook: string) =>
        `export default { [Symbol.for("sluice.definition")]: "http", sdkVersion: "0.1.0", id: "bench.http.odd", maturity: "alpha",
          security: "unknown", config: { type: "object" }, create: () => ({ ${hook} }) };`;
      await writeFile(filter.file("index.ts"), definition("async onRequestHeaders() { await null; }"));
      const awaits = await bench(filter.directory, "--rounds", "1");
      expect(awaits.out).toContain("onRequestHeaders (async)");
      expect(awaits.out).toContain("note: 100 % of the requests awaited something");
      await writeFile(filter.file("index.ts"), definition('onRequestHeaders() { throw new Error("no licence"); }'));
      const throws = await bench(filter.directory, "--rounds", "1");
      expect(throws.code).toBe(2);
      expect(throws.err).toMatch(/^the filter fails under the bench's requests: .*no licence\n$/);
    },
    TIMEOUT_MS,
  );

  test(
    "a whole configuration, filter by filter, with its routes",
    async () => {
      await using filter = await FilterPackage.make();
      await writeFile(
        filter.file("proxy.yaml"),
        `extensions: ["./index.ts"]
listeners:
  - name: front
    address: 127.0.0.1:0
    http:
      filters:
        - header_mutation: { mutations: { request_mutations: [{ remove: x-a }] } }
        - "./index.ts": { turns: 100 }
      routes: [{ prefix: /, cluster: web }]
clusters: { web: { endpoints: ["127.0.0.1:1"] } }
`,
      );
      const { report, err } = await bench(filter.file("proxy.yaml"), "--rounds", "1", "--json");
      expect(err).toBe("");
      expect(report().filters.map(({ filter: name }) => name)).toEqual([
        "envoy.filters.http.header_mutation",
        "bench.http.known_cost",
      ]);
      expect(report().total).toMatchObject({ filter: "all filters" });
    },
    TIMEOUT_MS,
  );
});

describe("what cannot ends with 2 and a sentence:", () => {
  test(
    "a configuration that the filter refuses",
    async () => {
      const { code, err } = await bench("envoy.filters.http.buffer", "--rounds", "1");
      expect(code).toBe(2);
      expect(err).toMatch(/max_request_bytes.*\n.*--config.*sluice\.bench\.config/s);
    },
    TIMEOUT_MS,
  );

  test("a missing target, a bad baseline, too few rounds", async () => {
    expect(await bench("./none")).toMatchObject({ code: 2, err: "there is no file or directory ./none\n" });
    await using filter = await FilterPackage.make();
    const notBaseline = filter.file("package.json");
    expect((await bench(filter.directory, "--compare", notBaseline)).err).toContain("is no baseline of this version");
    await writeFile(filter.file("baseline.json"), '{ "format": 1 }');
    const few = await bench(filter.directory, "--compare", filter.file("baseline.json"), "--rounds", "3");
    expect(few).toMatchObject({ code: 2, err: "--rounds 3: a comparison takes at least 8\n" });
  });
});
