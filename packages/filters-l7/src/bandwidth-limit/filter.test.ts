import { describe, expect, it, test } from "vitest";
import { L7Chain, type L7Options } from "../../../../test/support/l7-chain.ts";
import { SharedTable } from "../../../core/src/stats/shared-table.ts";
import { bandwidthLimit } from "./index.ts";

const both = { stat_prefix: "bytes", enable_mode: "REQUEST_AND_RESPONSE", limit_kbps: 10 };
const responses = { ...both, enable_mode: "RESPONSE" };
const requests = { ...both, enable_mode: "REQUEST" };
const chainOf = (config: object = both, options: L7Options = {}) => new L7Chain(bandwidthLimit, config, options);
const count = (chain: L7Chain, name: string) => chain.count(`bytes.http_bandwidth_limit.${name}`);
const gauge = (chain: L7Chain, name: string) => chain.services.gaugeValue(`bytes.http_bandwidth_limit.${name}`) + 0;

const isPaused = (chain: L7Chain): boolean => chain.terminal.handle!.response.aboveWatermark;
const text = (bytes: number): string =>
  Array.from({ length: bytes }, (_, i) => String.fromCharCode(97 + (i % 26))).join("");
/** What one fill of 50 ms brings. */
const FILL = 512;

async function pass(chain: L7Chain, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 10) {
    chain.harness.advance(10);
    await chain.harness.settle();
  }
}

describe("a response", () => {
  it("goes on so fast, whole and in order, from its first byte on", async () => {
    const chain = chainOf(responses);
    const client = await chain.harness.request();
    const body = text(10 * FILL);
    chain.terminal.respond(200, {}, false).data(body, true);
    await chain.harness.settle();
    expect(client.sent.body.length).toBe(FILL);
    let passed = 0;
    while (!client.sent.ended) {
      await pass(chain, 10);
      passed += 10;
      // Never sooner than the rate allows; timers may be up to 10 ms late.
      expect(client.sent.body.length).toBeLessThanOrEqual(FILL * (1 + passed / 50));
      expect(client.sent.body.length).toBeGreaterThanOrEqual(
        Math.min(body.length, FILL * Math.floor((passed - 10) / 50)),
      );
    }
    expect(client.sent.body).toBe(body);
    expect(passed).toBeGreaterThanOrEqual(450);
    expect(passed).toBeLessThanOrEqual(470);
    expect(
      ["response_enabled", "response_incoming_total_size", "response_allowed_total_size"].map((name) =>
        count(chain, name),
      ),
    ).toEqual([1, body.length, body.length]);
    expect(count(chain, "response_enforced")).toBeGreaterThanOrEqual(9);
    expect([gauge(chain, "response_pending"), count(chain, "request_enabled")]).toEqual([0, 0]);
  });

  it("has its source paused while a piece waits and another has come behind it", async () => {
    const chain = chainOf(responses);
    const client = await chain.harness.request();
    chain.terminal.respond(200, {}, false).data(text(4 * FILL));
    await chain.harness.settle();
    expect(isPaused(chain)).toBe(false);
    chain.terminal.data(text(FILL));
    expect(isPaused(chain)).toBe(true);
    expect(gauge(chain, "response_pending")).toBe(1);
    await pass(chain, 260);
    expect([isPaused(chain), client.sent.body]).toEqual([false, text(4 * FILL) + text(FILL)]);
    chain.terminal.data("", true);
    await chain.harness.settle();
    expect([client.sent.ended, gauge(chain, "response_pending")]).toEqual([true, 0]);
  });

  it("keeps its trailers behind it", async () => {
    const chain = chainOf(responses);
    const client = await chain.harness.request();
    chain.terminal
      .respond(200, {}, false)
      .data(text(3 * FILL))
      .sendTrailers({ "x-t": "1" });
    await chain.harness.settle();
    expect(client.sent.ended).toBe(false);
    await pass(chain, 200);
    expect(client.sent).toMatchObject({ body: text(3 * FILL), ended: true, trailers: { "x-t": "1" } });
    expect(gauge(chain, "response_pending")).toBe(0);
  });

  it("without bytes waits for nothing", async () => {
    const chain = chainOf(responses);
    const client = await chain.harness.request();
    chain.terminal.respond(204);
    expect([client.sent.status, client.sent.ended]).toEqual([204, true]);
    expect(gauge(chain, "response_pending")).toBe(0);
  });

  it("that the client gives up leaves nothing behind", async () => {
    const chain = chainOf(responses);
    const client = await chain.harness.request();
    chain.terminal.respond(200, {}, false).data(text(100 * FILL));
    await chain.harness.settle();
    client.abort();
    expect(gauge(chain, "response_pending")).toBe(0);
    await pass(chain, 200);
    // Nobody waits any more: what fits goes at once.
    const next = await chain.harness.request();
    chain.terminal.respond(200, {}, false).data(text(FILL), true);
    expect(next.sent.ended).toBe(true);
  });
});

describe("a request", () => {
  it("goes on so fast, and not the response", async () => {
    const chain = chainOf(requests);
    const client = chain.harness
      .open()
      .headers({ ":method": "POST" }, false)
      .data(text(3 * FILL), true);
    await chain.harness.settle();
    expect(chain.terminal.body.length).toBe(FILL);
    await pass(chain, 120);
    expect(chain.terminal.body).toBe(text(3 * FILL));
    chain.terminal.respond(200, {}, false).data(text(100 * FILL), true);
    await chain.harness.settle();
    expect(client.sent.body.length).toBe(100 * FILL);
    expect(["request_enabled", "response_enabled"].map((name) => count(chain, name))).toEqual([1, 0]);
    expect(gauge(chain, "request_pending")).toBe(0);
  });

  it("and its response draw on the same bytes", async () => {
    const chain = chainOf(both);
    const client = chain.harness.open().headers({ ":method": "POST" }, false).data(text(FILL), true);
    await chain.harness.settle();
    expect(chain.terminal.body.length).toBe(FILL);
    chain.terminal.respond(200, {}, false).data(text(FILL), true);
    await chain.harness.settle();
    expect(client.sent.body).toBe("");
    await pass(chain, 60);
    expect(client.sent.body).toBe(text(FILL));
  });
});

describe("who shares the bytes", () => {
  it("streams that wait get equal shares, however large their pieces", async () => {
    const chain = chainOf(responses);
    const clients = [];
    for (const bytes of [400, 20, 20, 20]) {
      clients.push(await chain.harness.request());
      chain.terminal.respond(200, {}, false).data(text(bytes * FILL));
      await chain.harness.settle();
    }
    await pass(chain, 2000);
    const sizes = clients.map(({ sent }) => sent.body.length);
    const all = sizes.reduce((a, b) => a + b, 0);
    expect(all).toBeGreaterThanOrEqual(39 * FILL);
    expect(all).toBeLessThanOrEqual(41 * FILL);
    for (const size of sizes) expect(size).toBeGreaterThan(all / 4 - 2 * FILL);
  });

  it("workers have together what one has", async () => {
    const memory = SharedTable.allocate(64);
    const chains = [1, 2].map((thread) =>
      chainOf(responses, { services: { shared: new SharedTable(memory, thread) } }),
    );
    const clients = [];
    for (const chain of chains) {
      clients.push(await chain.harness.request());
      chain.terminal.respond(200, {}, false).data(text(100 * FILL));
      await chain.harness.settle();
    }
    for (let i = 0; i < 100; i++) {
      for (const chain of chains) await pass(chain, 10);
    }
    const all = clients.reduce((sum, { sent }) => sum + sent.body.length, 0);
    expect(all).toBeGreaterThanOrEqual(20 * FILL);
    expect(all).toBeLessThanOrEqual(21 * FILL);
  });

  it("routes have their own", async () => {
    const chain = chainOf(responses, {
      route: (path) =>
        path === "/fast" ? [{ ...responses, limit_kbps: 1000 }] : path === "/off" ? [{ stat_prefix: "off" }] : [],
    });
    for (const [path, passed] of [
      ["/slow", FILL],
      ["/fast", 10 * FILL],
      ["/off", 10 * FILL],
    ] as const) {
      const client = await chain.harness.request({ ":path": path });
      chain.terminal.respond(200, {}, false).data(text(10 * FILL), true);
      await chain.harness.settle();
      expect(client.sent.body.length).toBe(passed);
    }
  });

  test.each([
    [1, 20],
    [1, 33],
    [7, 1000],
    [30_000, 50],
    [999_999_999, 20],
  ])("the rate of %i KiB with fills of %i ms is exact", async (limit_kbps, fillMs) => {
    const chain = chainOf({ ...responses, limit_kbps, fill_interval: `${fillMs / 1000}s` });
    const client = await chain.harness.request();
    const perSecond = Math.min(limit_kbps * 1024, 30_000_000);
    chain.terminal.respond(200, {}, false);
    const piece = text(Math.min(1_000_000, 3 * perSecond));
    let sent = 0;
    for (let i = 0; i < 200; i++) {
      while (!isPaused(chain) && sent < 4 * perSecond) {
        chain.terminal.data(piece);
        sent += piece.length;
        await chain.harness.settle();
      }
      chain.harness.advance(10);
      await chain.harness.settle();
    }
    const expected =
      limit_kbps > 100_000 ? 4 * perSecond : (limit_kbps * 1024 * (fillMs * (1 + Math.floor(2000 / fillMs)))) / 1000;
    expect(client.sent.body.length).toBeGreaterThanOrEqual(
      Math.min(sent, expected - (limit_kbps * 1024 * (fillMs + 10)) / 1000),
    );
    expect(client.sent.body.length).toBeLessThanOrEqual(Math.max(expected, limit_kbps > 100_000 ? sent : 0));
  });
});

describe("trailers", () => {
  const told = { ...both, enable_response_trailers: true, response_trailer_prefix: "x-p" };

  it("tell how long both bodies took, and why", async () => {
    const chain = chainOf(told);
    const client = chain.harness
      .open()
      .headers({ ":method": "POST" }, false)
      .data(text(3 * FILL), true);
    await pass(chain, 120);
    chain.terminal.respond(200, {}, false).data(text(3 * FILL), true);
    await pass(chain, 200);
    const { trailers } = client.sent;
    expect(Object.keys(trailers ?? {}).sort()).toEqual([
      "x-p-bandwidth-request-delay-ms",
      "x-p-bandwidth-request-filter-delay-ms",
      "x-p-bandwidth-response-delay-ms",
      "x-p-bandwidth-response-filter-delay-ms",
    ]);
    for (const value of Object.values(trailers ?? {})) {
      expect(Number(value)).toBeGreaterThanOrEqual(90);
      expect(Number(value)).toBeLessThanOrEqual(160);
    }
  });

  it("stand beside those that there are, and are left out where there is nothing to say", async () => {
    const chain = chainOf({ ...told, response_trailer_prefix: "" });
    const slow = await chain.harness.request();
    chain.terminal
      .respond(200, {}, false)
      .data(text(2 * FILL))
      .sendTrailers({ "x-t": "1" });
    await pass(chain, 100);
    expect(Object.keys(slow.sent.trailers ?? {}).sort()).toEqual([
      "bandwidth-response-delay-ms",
      "bandwidth-response-filter-delay-ms",
      "x-t",
    ]);
    await pass(chain, 100);
    const quick = await chain.harness.request();
    chain.terminal.respond(200, {}, false).data("x", true);
    expect([quick.sent.ended, quick.sent.trailers ?? null]).toEqual([true, null]);
  });
});

it("is turned off by the runtime", async () => {
  const chain = chainOf({ ...responses, runtime_enabled: { default_value: true, runtime_key: "b.on" } });
  chain.services.runtime.update({ "b.on": "false" });
  const client = await chain.harness.request();
  chain.terminal.respond(200, {}, false).data(text(100 * FILL), true);
  await chain.harness.settle();
  expect(client.sent.ended).toBe(true);
  expect(count(chain, "response_enabled")).toBe(0);
});
