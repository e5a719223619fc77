// A component as a filter in a chain: each thing that it can do to its host, and each way to fail. The probe in C does what the header x-do says, by either glue.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type HttpFilterSetup, type HttpHarnessOptions, fakeCluster, httpHarness } from "@sluice/core/testing";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import {
  type ComponentDefinition,
  componentDefinition,
} from "../../packages/core/src/isolate/wasm/component-definition.ts";
import { PROBE } from "./support/components.ts";

const cacheDirectory = mkdtempSync(join(tmpdir(), "sluice-wasm-test-"));
afterAll(() => rmSync(cacheDirectory, { recursive: true }));

const glues = ["auto", "jco"] as const;
const definitions = new Map<string, Promise<ComponentDefinition>>();
function definitionBy(glue: (typeof glues)[number]): Promise<ComponentDefinition> {
  let made = definitions.get(glue);
  if (made === undefined)
    definitions.set(glue, (made = componentDefinition(PROBE, { glue, cacheDirectory, memoryBytes: 4 << 20 })));
  return made;
}

describe.each(glues)("by the glue %s", (glue) => {
  async function harness(options: HttpFilterSetup & HttpHarnessOptions = {}) {
    const made = await httpHarness(await definitionBy(glue), options);
    onTestFinished(() => made.close());
    return made;
  }
  const ask = (word: string): { readonly headers: Record<string, string> } => ({ headers: { "x-do": word } });

  test("has the hooks that the component exports, and no other", async () => {
    const made = await (await definitionBy(glue)).create({}, { stats: { counter: () => ({ inc() {} }) } } as never);
    expect(Object.keys(made).sort()).toEqual(
      [
        "dispose",
        "onDestroy",
        "onInformational",
        "onLocalReply",
        "onRequestData",
        "onRequestHeaders",
        "onRequestTrailers",
        "onResponseData",
        "onResponseHeaders",
        "onStreamComplete",
      ].sort(),
    );
  });

  test("headers are set, appended and deleted, and the path is changed, in bytes up to U+00FF", async () => {
    const h = await harness();
    const { upstream } = await h.request({ headers: { "x-do": "edits", accept: "naïve", "x-secret": "1" } });
    expect(upstream).toMatchObject({ path: "/other" });
    expect(upstream!.headers["accept"]).toBe("naïve, café");
    expect(upstream!.headers["x-secret"]).toBeUndefined();
  });

  test("an edit that is not legal fails the stream, and none of its fellows is made", async () => {
    const h = await harness({ onError: "continue" });
    const { upstream } = await h.request(ask("illegal"));
    expect(upstream!.headers).not.toHaveProperty("x-legal");
    expect((await h.request()).headers["x-calls"]).toBe("2");
  });

  test("a local reply, of which its own response hooks hear", async () => {
    const h = await harness();
    const response = await h.request(ask("reply"));
    expect(response).toMatchObject({ status: 418, body: "SHORT\n", details: "probe_teapot", upstream: null });
    expect(response.headers["content-type"]).toBe("text/plain");
    expect(h.stat("local_replies")).toBe(1);
  });

  test("chunks go by, are replaced, or are consumed; trailers are changed", async () => {
    const h = await harness();
    const { upstream } = await h.request({ chunks: ["abc", "-de", "#", "f"], trailers: { "x-sum": "1" } });
    expect(upstream).toMatchObject({ body: "abc###f", trailers: { "x-sum": "1", "x-length": "8" } });
  });

  test("a body that it buffers is whole before the headers go on, with an edit from its last chunk", async () => {
    const h = await harness();
    const { upstream } = await h.request({ ...ask("buffer"), chunks: ["abc", "de"] });
    expect(upstream).toMatchObject({ body: "abcde" });
    expect(upstream!.headers["x-length"]).toBe("5");
  });

  test("an informational response is dropped, a body rewritten", async () => {
    const h = await harness({ upstream: () => ({ informational: [103], body: "quiet" }) });
    expect(await h.request()).toMatchObject({ informational: [], body: "QUIET" });
  });

  test("facts that it declared are there; others take the instance", async () => {
    const h = await harness({ client: { ip: "198.51.100.7" } });
    expect((await h.request(ask("attribute"))).upstream!.headers["x-fact"]).toBe("198.51.100.7");
    expect((await h.request(ask("undeclared"))).status).toBe(500);
    expect(JSON.stringify(h.log)).toContain('and its description does not list \\"info.response\\" under reads');
  });

  test("metadata, clock, random and the log", async () => {
    const h = await harness();
    expect((await h.request(ask("read-metadata"))).upstream!.headers["x-metadata"]).toBe('{"tier":"gold"}');
    expect(Number((await h.request(ask("clock"))).upstream!.headers["x-clock"])).toBeGreaterThan(1_000_000);
    await h.request(ask("log"));
    expect(h.log).toContainEqual(expect.objectContaining({ level: "warn", message: "hear me" }));
  });

  test("counts streams that are complete and destroyed", async () => {
    const h = await harness();
    await h.request();
    await h.request(ask("reply"));
    expect([h.stat("completed"), h.stat("destroyed")]).toEqual([2, 2]);
  });

  test("says why it does not take a configuration", async () => {
    await expect(harness({ config: { mode: "refuse" } })).rejects.toThrow(
      'test.http.probe does not take its configuration: mode "refuse" is no mode',
    );
  });

  describe("calls", () => {
    test.each(["call", "call-stop"])(
      "%s: the request waits for the answer, and goes on with what it said",
      async (word) => {
        const auth = fakeCluster({ respond: () => ({ body: "ada" }) });
        const h = await harness({ clusters: { auth } });
        const { upstream, status } = await h.request(ask(word));
        expect(status).toBe(200);
        expect(upstream!.headers["x-user"]).toBe("ada");
        expect(auth.requests).toMatchObject([{ method: "POST", path: "/check?a=1", body: "who?" }]);
        expect(auth.requests[0]!.headers["x-asked-by"]).toBe("probe");
      },
    );

    test("a refusal is the answer of the stream", async () => {
      const h = await harness({ clusters: { auth: fakeCluster({ respond: () => ({ status: 401 }) }) } });
      expect(await h.request(ask("call"))).toMatchObject({ status: 401, details: "probe_refused", upstream: null });
    });

    test("a cluster that is not there, or fails, is a word", async () => {
      const h = await harness();
      expect(await h.request(ask("call"))).toMatchObject({ status: 503, body: "NO_CLUSTER" });
      const failing = await harness({ clusters: { auth: fakeCluster({ failure: "connection_failure" }) } });
      expect(await failing.request(ask("call"))).toMatchObject({ status: 503, body: "CONNECTION_FAILURE" });
    });

    test("an answer after the stream's end is nobody's", async () => {
      const auth = fakeCluster();
      const h = await harness({ clusters: { auth } });
      const exchange = h.open();
      exchange.headers(ask("call"), true);
      await h.settle();
      exchange.abort();
      await h.settle();
      expect(h.stat("component.traps")).toBe(0);
      expect((await h.request()).status).toBe(200);
    });

    test("more than sixteen at a time are a failure", async () => {
      const h = await harness({ clusters: { auth: fakeCluster() } });
      expect((await h.request(ask("calls"))).status).toBe(500);
    });
  });

  test("a timer resumes the request", async () => {
    const h = await harness();
    expect((await h.request(ask("timer"))).upstream!.headers["x-timer"]).toBe("fired");
  });

  describe("what it throws", () => {
    test.each([
      ["trap", "unreachable"],
      ["deep", "Maximum call stack size exceeded"],
      ["grow", "unreachable"],
      ["wild", ""],
      ["wild-list", ""],
      ["many-edits", ""],
      ["verdict", ""],
      ["undeclared", "under reads"],
      ["late-counter", "outside of configure"],
    ])("%s: the instance is discarded, and the next stream gets a fresh one", async (word, why) => {
      const h = await harness();
      await h.request();
      const response = await h.request(ask(word));
      expect(response).toMatchObject({ status: 500, upstream: null });
      expect(JSON.stringify(h.log)).toContain(why);
      expect(h.stat("component.traps")).toBe(1);
      expect(await h.request()).toMatchObject({ status: 200, headers: { "x-calls": "1" } });
    });

    test("every other stream of the instance fails once, and goes without the filter from then on", async () => {
      const h = await harness();
      const first = h.open();
      first.headers({ method: "POST" }, false);
      const second = h.open();
      second.headers({ method: "POST" }, false);
      await h.request(ask("trap"));
      first.data("abc", true);
      second.data("abc", true);
      await h.settle();
      expect([first.response.status, second.response.status]).toEqual([500, 500]);
      expect(h.stat("component.lost_streams")).toBe(2);
      expect(h.stat("component.traps")).toBe(1);
    });

    test("where on_error says continue, streams pass", async () => {
      const h = await harness({ onError: "continue" });
      expect(await h.request(ask("trap"))).toMatchObject({ status: 200, body: "ok" });
      expect(await h.request({ body: "!" })).toMatchObject({ status: 200 });
    });

    test("while it waits for a call: its stream is answered by on_error", async () => {
      const clusters = { auth: fakeCluster({ respond: () => ({ body: "ada" }) }) };
      expect(await (await harness({ clusters })).request(ask("late-trap"))).toMatchObject({ status: 500 });
      const other = { auth: fakeCluster({ respond: () => ({ body: "ada" }) }) };
      const passing = await harness({ clusters: other, onError: "continue" });
      expect(await passing.request(ask("late-trap"))).toMatchObject({ status: 200, body: "ok" });
    });
  });
});
