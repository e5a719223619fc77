// Balancing of further attempts, of what nobody has seen, and of requests that name their host.
import { describe, expect, it, test } from "vitest";
import { request } from "../../../../test/support/scripted-cluster.ts";
import type { BalancerModel } from "../config/model.ts";
import { goaway, rst } from "../http/codec/h2/scripted-wire.ts";
import { HEALTH_FLAG } from "./health/health-flags.ts";
import { pickOther } from "./host-aversion.ts";
import { TestHosts } from "./load-balancing/test-hosts.ts";
import {
  POLICIES,
  about,
  avoiding,
  hashed,
  placed,
  portOf,
  ring,
  roundRobin,
  world,
} from "../../../../test/support/balanced-cluster.ts";

const { failedActiveHc, failedOutlier, degradedActiveHc, probation } = HEALTH_FLAG;

describe("another attempt", () => {
  it.each(POLICIES)("has another host, where it avoids those that it had: %s", (_, policy) => {
    const { cluster } = world(policy, 3);
    const [first, second] = [cluster.hosts[0]!, cluster.hosts[1]!];
    let missed = 0;
    for (let i = 0; i < 300; i++) {
      const choice = hashed(`${i}`);
      if (pickOther(cluster, choice, avoiding(8, first)) === first) missed++;
      if (pickOther(cluster, choice, avoiding(8, first, second)) !== cluster.hosts[2]) missed++;
    }
    // Two of three are avoided, eight times: one in 38 stays unlucky where hosts are drawn.
    expect(missed).toBeLessThan(policy.kind === "round_robin" || policy.kind === "pick_first" ? 1 : 30);
  });

  it.each(POLICIES)("finds the host that is left, however idle those are that fail fast: %s", (_, policy) => {
    const { cluster } = world(policy, 3);
    const [first, second, third] = cluster.hosts;
    third!.rqActive.set(50);
    for (let i = 0; i < 300; i++) expect(pickOther(cluster, hashed(`${i}`), avoiding(32, first!, second!))).toBe(third);
  });

  it("has mostly the host that would have the key if the first were gone", () => {
    const { cluster, judge, host } = world(ring, 5);
    let same = 0;
    for (let i = 0; i < 50; i++) {
      const choice = hashed(`${i}`);
      const first = cluster.pickNth(choice, 0)!;
      const other = portOf(pickOther(cluster, choice, avoiding(1, first)));
      judge([portOf(first), failedOutlier]);
      if (other === host(choice)) same++;
      judge([portOf(first), 0]);
    }
    expect(same).toBeGreaterThan(35);
  });

  it("stays within its subset", () => {
    const subset = {
      fallback: "any",
      defaultSubset: {},
      selectors: [{ keys: ["version"], fallback: "inherit", fallbackKeys: [], singleHost: false }],
      localityWeightAware: false,
      scaleLocalityWeight: false,
      panicModeAny: false,
      listAsAny: false,
      fallbackList: false,
      allowRedundantKeys: false,
    } as const;
    const version = (name: string) => ({ metadata: { "envoy.lb": { version: name } } });
    const { cluster, judge, host, send, servers, ports } = world({ kind: "subset", subset, policy: roundRobin }, 0, {
      http: { protocol: "http1" },
      lb: { panicPercent: 0 },
      endpoints: [placed(1, version("1")), placed(2, version("2")), placed(3, version("2"))],
    });
    const one = { subset: { version: "1" } };
    expect(portOf(pickOther(cluster, one, avoiding(20, cluster.hosts[0]!)))).toBe(1);
    // A connection that cannot be is no reason to leave it either.
    const { recorder } = send(about(one));
    expect(ports()).toEqual(["1"]);
    servers.fail();
    expect([recorder.last, ports()]).toEqual(["reset connection_failure ECONNREFUSED", []]);
    const two = { subset: { version: "2" } };
    const second = send(about(two));
    const [port] = ports();
    servers.fail();
    expect([ports(), second.recorder.last]).toEqual([[port === "2" ? "3" : "2"], undefined]);
    judge([1, failedActiveHc]);
    expect(host(one)).toBe(-1);
    judge([1, failedActiveHc | probation]);
    expect(host(two)).toBeGreaterThan(1);
  });

  it.each(POLICIES)("goes elsewhere by itself where no connection can be had: %s", (_, policy) => {
    const { send, servers, ports } = world(policy, 3, { http: { protocol: "http1" } });
    const { recorder } = send(about(hashed("a")));
    const seen = [...ports()];
    servers.fail();
    seen.push(...ports());
    servers.fail();
    seen.push(...ports());
    expect(new Set(seen).size).toBe(3);
    servers.fail();
    expect([recorder.last, ports()]).toEqual(["reset connection_failure ECONNREFUSED", []]);
  });

  it.each([
    ["refuses it", rst(1, 7)],
    ["goes away", goaway(0, 0)],
  ])("goes on from a server that %s to a host that it does not avoid", (_, said) => {
    const { cluster, send, servers, ports } = world({ kind: "random" }, 3);
    const [first] = cluster.hosts;
    send(about({ isRetry: true, aversion: avoiding(32, first!) }));
    const [port] = ports();
    servers.greet().receive(said);
    expect(ports()).toEqual([port === "2" ? "3" : "2"]);
  });

  it("is not one of those that are refused to lower the load", () => {
    const { send } = world(roundRobin, 1, { lb: { drop: { category: "", share: 1 } } });
    expect(send().opened).toBe("drop_overload");
    expect(typeof send(about({ isRetry: true })).opened).toBe("object");
  });
});

describe("the host that a request names", () => {
  const second = { override: { address: "10.0.0.1:2" } };

  it("is not taken while it is ejected or fails its checks; degraded it is", () => {
    const { judge, host } = world(roundRobin, 3, { lb: { overrideHealth: ["healthy", "degraded"] } });
    expect(host(second)).toBe(2);
    for (const flags of [failedOutlier, failedActiveHc]) {
      judge([2, flags]);
      expect(host(second)).not.toBe(2);
      expect(host({ override: { ...second.override, strict: true } })).toBe(-1);
    }
    judge([2, degradedActiveHc]);
    expect(host(second)).toBe(2);
  });

  it("is not the one again that will not do, unless no other will", () => {
    const { cluster } = world(roundRobin, 3);
    const avoided = avoiding(5, cluster.hosts[1]!);
    expect(portOf(pickOther(cluster, second, avoided))).not.toBe(2);
    expect(portOf(pickOther(cluster, { override: { ...second.override, strict: true } }, avoided))).toBe(2);
  });

  it("of a list of them: the next that takes traffic", () => {
    const policy: BalancerModel = {
      kind: "override_host",
      sources: [{ kind: "header", name: "x-host" }],
      policy: roundRobin,
    };
    const { cluster, judge, host } = world(policy, 3);
    const { headers } = request("HTTP/1.1", "a.test", [["x-host", "10.0.0.1:3, 10.0.0.1:2"]]);
    expect(host({ headers })).toBe(3);
    expect(portOf(pickOther(cluster, { headers }, avoiding(1, cluster.hosts[2]!)))).toBe(2);
    judge([3, failedOutlier]);
    expect(host({ headers })).toBe(2);
  });
});

test("balancers name the same host for the first attempt as without attempts", () => {
  for (const [, policy] of POLICIES) {
    const [one, other] = [new TestHosts(3), new TestHosts(3)];
    const [left, right] = [one.balancer(one.list(5), policy), other.balancer(other.list(5), policy)];
    for (let i = 0; i < 20; i++)
      expect(left.pick(hashed(`${i}`))!.address).toBe(right.pick(hashed(`${i}`), 0)!.address);
  }
});
