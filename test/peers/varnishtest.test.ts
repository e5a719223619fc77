// Varnish's scenario driver as client and origin around the whole proxy: each `test/varnishtest/*.vtc` is a test, and so is each of the
// malformed messages there.
import { readdir } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { MALFORMED_ANSWERS, MALFORMED_REQUESTS, malformedAnswer, malformedRequest } from "../varnishtest/malformed.ts";
import { readScenario, runScenario, scenarioOf } from "../varnishtest/scenario.ts";

const FOLDER = new URL("../varnishtest/", import.meta.url);
const files = (await readdir(FOLDER)).filter((name) => name.endsWith(".vtc")).sort();

describe.each(["http1", "http2", "bridge"])("%s", async (kind) => {
  const own = files.filter((name) => name.startsWith(`${kind}-`));
  const scenarios = await Promise.all(own.map((name) => readScenario(new URL(name, FOLDER))));
  test.each(scenarios.map((scenario) => [scenario.title, scenario] as const))("%s", (_, scenario) =>
    runScenario(scenario),
  );
});

describe("malformed requests over HTTP/2: the connection ends, and the origin sees nothing", () => {
  test.each(Object.keys(MALFORMED_REQUESTS))("%s", (name) =>
    runScenario({
      ...scenarioOf(malformedRequest(name), name),
      stats: { "cluster.web.upstream_cx_total": 0, "cluster.web.upstream_rq_total": 0 },
    }),
  );
});

describe("malformed answers over HTTP/2: the client gets a 502, and nothing of them", () => {
  test.each(Object.keys(MALFORMED_ANSWERS))("%s", (name) =>
    runScenario({
      ...scenarioOf(malformedAnswer(name), name),
      proxy: { cluster: { protocol: "http2" } },
      log: ["502 UPE"],
    }),
  );
});

test("a scenario that does not hold fails, with what varnishtest and the proxy saw", async () => {
  const wrong = await readScenario(new URL("wrong/expects-another-status.vtc", FOLDER));
  await expect(runScenario(wrong)).rejects.toThrow(/EXPECT resp\.status \(200\) == "503" failed[^]*"status":200/);
});
