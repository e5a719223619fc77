// A host that seems busy for ever gets nothing more: whatever becomes of requests, connections and hosts, in the end nobody is busy.
import type { UpstreamConnection, UpstreamConnectionEvents, UpstreamStream } from "@sluice/sdk";
import fc from "fast-check";
import { describe, it } from "vitest";
import { base, endpoints, setup } from "../../../../test/support/scripted-cluster.ts";
import { least } from "../../../../test/support/balanced-cluster.ts";
import { OK, goaway, headers, rst } from "../http/codec/h2/scripted-wire.ts";
import { HEALTH_FLAG } from "./health/health-flags.ts";
import type { Host } from "./host.ts";

const nothing = () => {};
const NO_EVENTS: UpstreamConnectionEvents = {
  onUpstreamConnected: nothing,
  onUpstreamData: nothing,
  onUpstreamClose: nothing,
  onUpstreamWriteHigh: nothing,
  onUpstreamWriteLow: nothing,
};

const STEPS = [
  "send",
  "send",
  "send",
  "accept",
  "accept",
  "fail",
  "answer",
  "answer",
  "refuse",
  "leave",
  "reset",
  "close",
  "garbage",
  "hosts",
  "flags",
  "tcp",
  "tcp close",
  "wait",
] as const;

const steps = fc.array(fc.tuple(fc.constantFrom(...STEPS), fc.nat(30)), { maxLength: 60 });

async function play(protocol: "http1" | "http2", list: readonly (readonly [string, number])[]): Promise<void> {
  const { cluster, servers, send, turn, time } = setup({
    endpoints: endpoints(1, 2, 3),
    http: { protocol },
    lb: { ...base.lb, policy: least },
  });
  const seen = new Set<Host>(cluster.hosts);
  const streams: UpstreamStream[] = [];
  const tcp: UpstreamConnection[] = [];
  /** By connection: ids of requests that it has. */
  const ids: number[][] = [];
  const at = <T>(of: readonly T[], i: number): T | undefined => of[i % Math.max(1, of.length)];
  for (const [step, i] of list) {
    const open = servers.connections.filter(({ closed }) => !closed);
    const connection = at(open, i);
    const number = connection === undefined ? -1 : servers.connections.indexOf(connection);
    if (protocol === "http2" && number !== -1) (ids[number] ??= []).push(...servers.requests(number));
    const id = ids[number]?.shift() ?? 1;
    switch (step) {
      case "send": {
        const { opened } = send();
        if (typeof opened !== "string") streams.push(opened);
        break;
      }
      case "accept":
        if (servers.attempts.length === 0) break;
        if (protocol === "http1") servers.accept();
        else servers.greet(servers.accept(), 1 + (i % 5));
        break;
      case "fail":
        if (servers.attempts.length > 0) servers.fail(i % 2 === 0 ? "connection_failure" : "connection_timeout");
        break;
      case "answer":
        connection?.receive(
          protocol === "http2"
            ? headers(id, OK)
            : `HTTP/1.1 200 OK\r\n${i % 3 === 0 ? "connection: close\r\n" : ""}content-length: 0\r\n\r\n`,
        );
        break;
      case "refuse":
        connection?.receive(
          protocol === "http2" ? rst(id, i % 2 === 0 ? 7 : 8) : "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab",
        );
        break;
      case "leave":
        if (protocol === "http2") connection?.receive(goaway(i % 4, 0));
        else connection?.receiveEnd();
        break;
      case "reset":
        turn(() => at(streams, i)?.reset(i % 2 === 0));
        break;
      case "close":
        turn(() => connection?.receiveClose("ECONNRESET"));
        break;
      case "garbage":
        connection?.receive("\x00\x01garbage\r\n\r\n");
        break;
      case "hosts":
        turn(() => cluster.updateHosts(endpoints(...[1, 2, 3, 4].filter((port) => ((i >> (port - 1)) & 1) === 0))));
        for (const host of cluster.hosts) seen.add(host);
        break;
      case "flags":
        turn(() => cluster.updateFlags([[`10.0.0.1:${1 + (i % 4)}`, i % 2 === 0 ? HEALTH_FLAG.failedActiveHc : 0]]));
        break;
      case "tcp":
        turn(() => {
          const opened = cluster.connect(NO_EVENTS);
          if (typeof opened !== "string") tcp.push(opened);
        });
        break;
      case "tcp close":
        turn(() => at(tcp, i)?.close(i % 2 === 0));
        break;
      default:
        time.advance(i * 10);
        await Promise.resolve();
    }
  }
  turn(() => {
    for (const stream of streams) stream.reset();
    for (const each of tcp) each.close(true);
  });
  for (let i = 0; i < 5; i++) await Promise.resolve();
  time.advance(10_000);
  const busy = [...seen].filter((host) => host.requests !== 0 || host.connections !== 0);
  if (busy.length !== 0)
    throw new Error(busy.map((host) => `${host.address} ${host.requests} ${host.connections}`).join());
  const { value } = cluster.stats.rqActive;
  if (value !== 0) throw new Error(`the cluster has ${value} requests`);
  cluster.destroy();
}

describe("in the end nobody is busy", () => {
  it.each(["http1", "http2"] as const)("over %s", async (protocol) => {
    await fc.assert(
      fc.asyncProperty(steps, (list) => play(protocol, list)),
      { numRuns: 300 },
    );
  });
});
