import { describe, expect, test } from "vitest";
import { turns } from "../../../../test/support/network-harness.ts";
import { HOST, World } from "../../../../test/support/tcp-proxy-world.ts";
import { HeaderMap } from "../../../core/src/http/headers/header-map.ts";
import type { TcpProxySettings } from "./config.ts";
import { tcpProxyConfig } from "./config.ts";

function settings(tunneling: object, more: object = {}): Partial<TcpProxySettings> {
  const verdict = tcpProxyConfig["~standard"].validate({
    stat_prefix: "t",
    cluster: "c",
    tunneling_config: tunneling,
    ...more,
  });
  if (!("value" in verdict)) throw new Error(JSON.stringify(verdict));
  return verdict.value;
}

const tunnelTo = (tunneling: object = {}, more: object = {}): World =>
  new World(settings({ hostname: "db.internal:5432", ...tunneling }, more));

describe("the request", () => {
  test("is a CONNECT to the host, without path", () => {
    const world = tunnelTo();
    world.connect();
    const { method, authority, path, scheme } = world.stream.request!;
    expect([method, authority, path, scheme]).toEqual(["CONNECT", "db.internal:5432", "", "http"]);
    expect([...world.stream.request!]).toEqual([]);
  });

  test("or a POST to a path, with headers of its own; a value that comes to nothing is left out", () => {
    const world = tunnelTo({
      use_post: true,
      post_path: "/tunnel",
      headers_to_add: [
        { header: { key: "x-peer", value: "%DOWNSTREAM_REMOTE_ADDRESS%" } },
        { header: { key: "x-peer", value: "again" } },
        { header: { key: "x-sni", value: "%REQUESTED_SERVER_NAME%" } },
        { header: { key: "x-empty", value: "" }, keep_empty_value: true },
        { header: { key: "x-peer", value: "never" }, append_action: "ADD_IF_ABSENT" },
        { header: { key: "x-none", value: "never" }, append_action: "OVERWRITE_IF_EXISTS" },
      ],
    });
    const client = world.connect();
    const { method, path } = world.stream.request!;
    expect([method, path]).toEqual(["POST", "/tunnel"]);
    expect([...world.stream.request!]).toEqual([
      ["x-peer", client.info.remote.address],
      ["x-peer", "again"],
      ["x-empty", ""],
    ]);
  });

  test("the host may come from the connection", () => {
    const world = new World(settings({ hostname: "%DOWNSTREAM_LOCAL_ADDRESS%" }));
    const client = world.connect();
    expect(world.stream.request!.authority).toBe(client.info.local.address);
  });

  test("a host that comes to nothing, or to none, closes the connection and opens nothing", async () => {
    for (const hostname of ["%REQUESTED_SERVER_NAME%", "a b:%DOWNSTREAM_LOCAL_PORT%", "%REQUESTED_SERVER_NAME%/x"]) {
      const world = new World(settings({ hostname }));
      const client = world.connect();
      await turns();
      expect(client.closedBy).toBe("now");
      expect(world.streams).toEqual([]);
      expect(world.count("downstream_cx_no_route")).toBe(1);
      expect(world.logged).toEqual(["NR tunnel_hostname_invalid - 0 "]);
    }
  });
});

describe("bytes", () => {
  test("wait for the answer, and go both ways with half-closes after it", () => {
    const world = tunnelTo();
    const client = world.connect();
    client.receive("early");
    expect(client.paused).toBe(true);
    expect(world.stream.calls).toEqual([]);
    world.stream.answer(200);
    expect(world.stream.calls).toEqual(["early"]);
    client.receive("question");
    client.receiveEnd();
    world.stream.send("answer");
    world.stream.send("", true);
    expect(world.stream.calls).toEqual(["early", "question", "|"]);
    expect([client.text, client.closedBy]).toEqual(["answer", "end"]);
  });

  test("the slower side pauses the other", () => {
    const world = tunnelTo();
    const client = world.connect(10);
    world.stream.answer(200);
    world.stream.events.onUpstreamWriteHigh();
    expect(client.paused).toBe(true);
    world.stream.events.onUpstreamWriteLow();
    expect(client.paused).toBe(false);
    expect([
      world.count("downstream_flow_control_paused_reading_total"),
      world.count("downstream_flow_control_resumed_reading_total"),
    ]).toEqual([1, 1]);
    client.stall();
    world.stream.send("x".repeat(11));
    client.drain();
    expect(world.stream.calls).toEqual(["pause", "unpause"]);
  });

  test("an answer that ends with its headers ends the upstream's half", () => {
    const world = tunnelTo();
    const client = world.connect();
    world.stream.answer(200, {}, true);
    client.receive("still heard");
    expect(world.stream.calls).toEqual(["still heard"]);
    expect(client.closedBy).toBe("end");
  });
});

describe("refusals", () => {
  test("an answer that is no 2xx costs an attempt, and the last one the connection; its body reaches nobody", async () => {
    const world = tunnelTo({}, { max_connect_attempts: 2 });
    const client = world.connect();
    client.receive("GET /smuggled HTTP/1.1\r\n\r\n");
    const first = world.stream.answer(407);
    expect(first.calls).toEqual(["reset"]);
    first.send("go away");
    expect(world.streams).toHaveLength(2);
    world.stream.answer(301);
    await turns();
    expect([client.closedBy, client.text]).toEqual(["now", ""]);
    expect(world.stream.calls).toEqual(["reset"]);
    expect(world.logged).toEqual(["UF,URX upstream_connect_failed 10.0.0.1:80 2 tunnel_refused{301}"]);
    expect(world.services.count("cluster.c.upstream_cx_connect_attempts_exceeded")).toBe(1);
  });

  test("an upstream that resets after the answer resets the client", async () => {
    const world = tunnelTo();
    const client = world.connect();
    world.stream.answer(200).events.onUpstreamReset("remote_reset", "http2.remote_reset", HOST);
    await turns();
    expect(client.closedBy).toBe("abort");
    expect(world.logged).toEqual(["UC upstream_reset{remote_reset} 10.0.0.1:80 1 http2.remote_reset"]);
  });

  test("a client that leaves gives the stream up, before and after the answer", () => {
    for (const answered of [false, true]) {
      const world = tunnelTo();
      const client = world.connect();
      if (answered) world.stream.answer(200);
      client.receiveClose("ECONNRESET");
      expect(world.stream.calls).toEqual(["reset"]);
    }
  });
});

test("headers and trailers of the answer become filter state where that is asked for", () => {
  const world = new World(
    settings({ hostname: "a:1", propagate_response_headers: true, propagate_response_trailers: true }),
    "%FILTER_STATE(envoy.tcp_proxy.propagate_response_headers)% %FILTER_STATE(envoy.tcp_proxy.propagate_response_trailers)%",
  );
  const client = world.connect();
  world.stream.answer(200, { "x-baggage": "b" });
  const trailers = new HeaderMap();
  trailers.set("x-sum", "1");
  world.stream.events.onUpstreamTrailers(trailers);
  expect(client.closedBy).toBe("end");
  client.receiveEnd();
  client.receiveClose();
  expect(world.logged).toEqual([
    '{"headers":[{"key":":status","value":"200"},{"key":"x-baggage","value":"b"}]} {"headers":[{"key":"x-sum","value":"1"}]}',
  ]);
});

test("access log lines when the connection stands, every so often, and at the end", () => {
  const world = new World({ logsOnConnected: true, logIntervalMs: 1000, idleTimeoutMs: 0 }, "%ACCESS_LOG_TYPE%");
  const client = world.connect();
  expect(world.logged).toEqual([]);
  world.upstream.connect();
  world.time.advance(2050);
  client.receiveClose();
  world.time.advance(5000);
  expect(world.logged).toEqual(["TcpUpstreamConnected", "TcpPeriodic", "TcpPeriodic", "TcpConnectionEnd"]);
});
