import type { ResetReason } from "@sluice/sdk";
import { describe, expect, it, test } from "vitest";
import { FAKE_HOST } from "../../../../test/support/fake-cluster.ts";
import { type PolicyOptions, retryPolicy } from "../../../../test/support/retry-policy.ts";
import { INTERNAL_CLIENT, type World, world } from "../../../../test/support/router-world.ts";
import type { RouteEntry } from "../../../core/src/http/route/types.ts";

/** Longer than any back-off of the tests. */
const WAITED = 300;

function retrying(policy: PolicyOptions = {}, entry: Partial<RouteEntry> = {}): World {
  return world({ entry: { retry: retryPolicy(policy), timeoutMs: 15_000, ...entry } as Partial<RouteEntry> });
}

const attempts = ({ clusters }: World) => clusters.streams.length;
const count = ({ chain }: World, name: string) => chain.count(`cluster.web.${name}`);

describe("an answer that the policy names", () => {
  it("is followed by another attempt, and the client sees the last one alone", async () => {
    const w = retrying();
    const client = await w.harness.request({ ":path": "/p", "x-a": "1" });
    w.clusters.last.ready().respond(503, { "x-first": "1" }, false);
    expect([w.clusters.last.calls.at(-1), client.sent.status]).toEqual(["reset", 0]);
    w.harness.advance(WAITED);
    expect(attempts(w)).toBe(2);
    const { headers } = w.clusters.last;
    expect([headers!.method, headers!.path, headers!.get("x-a")]).toEqual(["GET", "/p", "1"]);
    w.clusters.last.ready().respond(200, {}, false).data("ok", true);
    expect(client.sent).toMatchObject({ status: 200, body: "ok", ended: true });
    expect(client.sent.headers).not.toHaveProperty("x-first");
    expect(client.stream).toMatchObject({ flags: [], details: "via_upstream", upstreamAttempts: 2 });
    expect(
      ["upstream_rq_retry", "upstream_rq_retry_success", "upstream_rq_retry_backoff_exponential"].map((name) =>
        count(w, name),
      ),
    ).toEqual([1, 1, 1]);
    expect([count(w, "retry.upstream_rq_503"), count(w, "upstream_rq_503"), count(w, "upstream_rq_200")]).toEqual([
      1, 0, 1,
    ]);
  });

  it("goes to the client when there are no retries left, and says so", async () => {
    const w = retrying({ retries: 2 });
    const client = await w.harness.request();
    for (let i = 0; i < 3; i++) {
      w.clusters.last.ready().respond(500);
      w.harness.advance(WAITED);
    }
    expect([attempts(w), client.sent.status]).toEqual([3, 500]);
    expect(client.stream).toMatchObject({ flags: ["URX"], upstreamAttempts: 3 });
    expect([count(w, "upstream_rq_retry"), count(w, "upstream_rq_retry_limit_exceeded")]).toEqual([2, 1]);
    expect(count(w, "upstream_rq_retry_success")).toBe(0);
  });

  it.each([
    ["5xx", 500, true],
    ["5xx", 499, false],
    ["gateway-error", 502, true],
    ["gateway-error", 504, true],
    ["gateway-error", 500, false],
    ["retriable-4xx", 409, true],
    ["retriable-4xx", 404, false],
    ["retriable-status-codes", 418, true],
    ["retriable-status-codes", 419, false],
    ["connect-failure,refused-stream,reset", 503, false],
  ])("%s on %d: %s", async (on, status, isRetried) => {
    const w = retrying({ on, statusCodes: [418] });
    const client = await w.harness.request();
    w.clusters.last.ready().respond(status);
    w.harness.advance(WAITED);
    expect([attempts(w), client.sent.status]).toEqual(isRetried ? [2, 0] : [1, status]);
  });

  it.each([
    ["cancelled", "1", true],
    ["deadline-exceeded", "4", true],
    ["resource-exhausted", "8", true],
    ["internal", "13", true],
    ["unavailable", "14", true],
    ["unavailable", "13", false],
    ["cancelled,unavailable", "0", false],
  ])("gRPC: %s on status %s: %s", async (on, grpcStatus, isRetried) => {
    const w = retrying({ on });
    await w.harness.request({ "content-type": "application/grpc" });
    w.clusters.last.ready().respond(200, { "grpc-status": grpcStatus });
    w.harness.advance(WAITED);
    expect(attempts(w)).toBe(isRetried ? 2 : 1);
  });

  it("may be one by its headers", async () => {
    const present = { kind: "present", present: true } as const;
    const headers = [{ name: "x-again", match: present, invert: false, treatMissingAsEmpty: false }];
    for (const [name, expected] of [
      ["x-again", 2],
      ["x-other", 1],
    ] as const) {
      const w = retrying({ on: "retriable-headers", headers });
      await w.harness.request();
      w.clusters.last.ready().respond(200, { [name]: "1" });
      w.harness.advance(WAITED);
      expect(attempts(w)).toBe(expected);
    }
  });

  it("of a proxy that limits rates is one only where the policy says so", async () => {
    for (const [on, expected] of [
      ["5xx", 1],
      ["5xx,envoy-ratelimited", 2],
    ] as const) {
      const w = retrying({ on });
      await w.harness.request();
      w.clusters.last.ready().respond(503, { "x-envoy-ratelimited": "true" });
      w.harness.advance(WAITED);
      expect(attempts(w)).toBe(expected);
    }
  });

  it("is no reason where the request is none that the policy is for", async () => {
    const string = { kind: "string", matcher: { kind: "exact", value: "GET", ignoreCase: false } } as const;
    const requestHeaders = [{ name: ":method", match: string, invert: false, treatMissingAsEmpty: false }];
    for (const [method, expected] of [
      ["GET", 2],
      ["POST", 1],
    ] as const) {
      const w = retrying({ requestHeaders });
      await w.harness.request({ ":method": method });
      w.clusters.last.ready().respond(503);
      w.harness.advance(WAITED);
      expect(attempts(w)).toBe(expected);
    }
  });
});

describe("an attempt that is reset", () => {
  test.each<[string, ResetReason, string, boolean]>([
    ["reset", "connection_termination", "", true],
    ["reset", "protocol_error", "", true],
    ["5xx", "remote_reset", "", true],
    ["gateway-error", "connection_failure", "", true],
    ["5xx,reset", "overflow", "", false],
    ["connect-failure", "connection_failure", "", true],
    ["connect-failure", "connection_timeout", "", true],
    ["connect-failure", "connection_termination", "", false],
    ["refused-stream", "remote_reset", "http2.remote_refuse", true],
    ["refused-stream", "remote_reset", "http2.remote_reset", false],
    ["retriable-4xx", "connection_failure", "", false],
  ])("%s on %s %s: %s", async (on, reason, detail, isRetried) => {
    const w = retrying({ on });
    const client = await w.harness.request();
    w.clusters.last.fail(reason, detail);
    w.harness.advance(WAITED);
    expect([attempts(w), client.sent.ended]).toEqual(isRetried ? [2, false] : [1, true]);
  });

  it("reset-before-request: only while nothing of the request was on its way", async () => {
    for (const [isReady, expected] of [
      [false, 2],
      [true, 1],
    ] as const) {
      const w = retrying({ on: "reset-before-request" });
      await w.harness.request();
      if (isReady) w.clusters.last.ready();
      w.clusters.last.fail("connection_termination");
      w.harness.advance(WAITED);
      expect(attempts(w)).toBe(expected);
    }
  });

  it("is told with its reason when it was the last", async () => {
    const w = retrying();
    const client = await w.harness.request();
    w.clusters.last.fail("connection_failure", "ECONNREFUSED");
    w.harness.advance(WAITED);
    w.clusters.last.fail("connection_failure", "ECONNREFUSED");
    expect(client.sent.status).toBe(503);
    expect(client.stream.flags.toSorted()).toEqual(["UF", "URX"]);
    expect(client.stream.details).toBe(
      "upstream_reset_before_response_started{remote_connection_failure|ECONNREFUSED}",
    );
  });

  it("is never followed once the answer has begun", async () => {
    const w = retrying();
    const client = await w.harness.request();
    w.clusters.last.ready().respond(200, {}, false).data("half");
    w.clusters.last.fail("connection_termination");
    w.harness.advance(WAITED);
    expect([attempts(w), client.sent.status, client.sent.body]).toEqual([1, 200, "half"]);
  });

  it("nor after the client was told of its work (1xx)", async () => {
    const w = retrying();
    const client = await w.harness.request();
    w.clusters.last.ready().informational(103);
    w.clusters.last.respond(503);
    w.harness.advance(WAITED);
    expect([attempts(w), client.sent.status]).toEqual([1, 503]);
  });
});

describe("an answer that is whole before the request is", () => {
  it.each([
    ["headers", (w: World) => w.clusters.last.respond(200)],
    ["data", (w: World) => w.clusters.last.respond(200, {}, false).data("x", true)],
    ["trailers", (w: World) => w.clusters.last.respond(200, {}, false).endWithTrailers({ "x-t": "1" })],
  ])("ends its upstream stream, which nobody will complete: %s", (_, answer) => {
    const w = retrying();
    const client = w.harness.open().headers({ ":method": "POST" }, false).data("part");
    w.clusters.last.ready();
    answer(w);
    expect(client.sent).toMatchObject({ status: 200, ended: true });
    expect(w.clusters.last.calls.at(-1)).toBe("reset");
  });
});

describe("what is sent again", () => {
  it("is the whole request: headers, body, trailers", async () => {
    const w = retrying();
    const client = w.harness
      .open()
      .headers({ ":method": "POST" }, false)
      .data("one ")
      .data("two")
      .trailers({ "x-t": "1" });
    w.clusters.last.ready().respond(503);
    w.harness.advance(WAITED);
    expect(w.clusters.last.calls).toEqual(["headers", "data:7", "trailers", "end"]);
    expect([w.clusters.last.body, w.clusters.last.trailers]).toEqual(["one two", [["x-t", "1"]]]);
    w.clusters.last.ready().respond(200);
    expect(client.sent.status).toBe(200);
  });

  it("goes on where the client goes on, which waits meanwhile", () => {
    const w = retrying();
    const client = w.harness.open().headers({ ":method": "POST" }, false).data("one ");
    w.clusters.last.ready().fail("connection_termination");
    expect(client.sent.requestPaused).toBe(true);
    w.harness.advance(WAITED);
    expect([client.sent.requestPaused, w.clusters.last.body]).toEqual([false, "one "]);
    client.data("two", true);
    expect([w.clusters.last.body, w.clusters.last.calls.at(-1)]).toEqual(["one two", "end"]);
    w.clusters.last.ready().respond(200);
    expect(client.sent.status).toBe(200);
  });

  it("is nothing where the body is longer than what is kept", () => {
    const w = retrying({}, { bufferLimitBytes: 4 });
    const client = w.harness.open().headers({ ":method": "POST" }, false).data("12345", true);
    w.clusters.last.ready().respond(503);
    w.harness.advance(WAITED);
    expect([attempts(w), client.sent.status, count(w, "retry_or_shadow_abandoned")]).toEqual([1, 503, 1]);
  });

  it("and where it becomes too long while the next attempt waits, the client is told", () => {
    const w = retrying({}, { bufferLimitBytes: 4 });
    const client = w.harness.open().headers({ ":method": "POST" }, false).data("1234");
    w.clusters.last.ready().fail("connection_termination");
    client.data("5");
    expect(client.sent.status).toBe(507);
    expect(client.stream.details).toBe("request_payload_exceeded_retry_buffer_limit");
    w.harness.advance(WAITED);
    expect(attempts(w)).toBe(1);
  });

  it("has a number, and says whether the last attempt was too slow, where the virtual host wants it", async () => {
    const w = retrying(
      { perTryTimeoutMs: 100, retries: 2 },
      { includeAttemptCount: true, includeIsTimeoutRetry: true },
    );
    await w.harness.request();
    w.clusters.last.ready().respond(503);
    w.harness.advance(50);
    const header = (name: string) => w.clusters.last.headers!.get(name);
    expect([header("x-envoy-attempt-count"), header("x-envoy-is-timeout-retry")]).toEqual(["2", "false"]);
    w.clusters.last.ready();
    w.harness.advance(200);
    expect([attempts(w), header("x-envoy-attempt-count"), header("x-envoy-is-timeout-retry")]).toEqual([
      3,
      "3",
      "true",
    ]);
  });

  it("ends with the client", async () => {
    const w = retrying();
    const client = await w.harness.request();
    w.clusters.last.ready().respond(503);
    client.abort();
    w.harness.advance(WAITED);
    expect(attempts(w)).toBe(1);
  });

  it("is called by the name of its host", async () => {
    const w = retrying({}, { autoHostRewrite: true });
    await w.harness.request();
    w.clusters.last.ready().respond(503);
    w.harness.advance(WAITED);
    w.clusters.last.ready({ ...FAKE_HOST, address: "10.0.0.2:80", hostname: "10.0.0.2:80" });
    // A host without a name is called what the client called.
    expect(w.clusters.last.headers!.authority).toBe("test.example");
  });
});

describe("what the request asks for", () => {
  test("of an internal client: conditions, number, codes, names", async () => {
    const w = world();
    await w.harness.request({
      ...INTERNAL_CLIENT,
      "x-envoy-retry-on": "retriable-status-codes,retriable-headers",
      "x-envoy-max-retries": "2",
      "x-envoy-retriable-status-codes": "404, 405",
      "x-envoy-retriable-header-names": "X-Again",
    });
    const names = [...w.clusters.last.headers!].map(([name]) => name);
    expect(names.filter((name) => name.includes("retr"))).toEqual([]);
    w.clusters.last.ready().respond(404);
    w.harness.advance(WAITED);
    w.clusters.last.ready().respond(200, { "x-again": "" });
    w.harness.advance(WAITED);
    expect(attempts(w)).toBe(3);
  });

  test("gRPC conditions, and a time for each attempt", async () => {
    const w = world();
    await w.harness.request({
      ...INTERNAL_CLIENT,
      "content-type": "application/grpc",
      "x-envoy-retry-grpc-on": "unavailable",
      "x-envoy-upstream-rq-per-try-timeout-ms": "100",
    });
    w.clusters.last.ready().respond(200, { "grpc-status": "14" });
    w.harness.advance(WAITED);
    expect(attempts(w)).toBe(2);
    w.harness.advance(WAITED);
    expect(w.clusters.last.calls.at(-1)).toBe("reset");
  });

  test("of an external client is not listened to", async () => {
    const w = world();
    const client = await w.harness.request({ "x-forwarded-for": "192.0.2.1", "x-envoy-retry-on": "5xx" });
    w.clusters.last.ready().respond(503);
    expect(client.sent.status).toBe(503);
  });
});
