// Hosts between discovery and the workers: who stays, who goes, and what workers are told.
import { describe, expect, test } from "vitest";
import { cluster } from "../../../../../test/support/plain-config.ts";
import type { ClusterHealthModel } from "../../config/model.ts";
import { HEALTH_FLAG, flagWords } from "../../upstream/health/health-flags.ts";
import type { HealthChecker } from "../../upstream/health-check/health-checker.ts";
import { addressKey, type HostFlags, type HostModel } from "../../upstream/host.ts";
import { VirtualTime } from "../../timing/virtual.ts";
import { JudgedCluster } from "./judged-cluster.ts";

function host(port: number): HostModel {
  return { address: { kind: "ip", host: "10.0.0.1", port }, hostname: "", weight: 1, health: "healthy" };
}

function setup(health: Partial<ClusterHealthModel> = {}) {
  const told: string[] = [];
  const time = new VirtualTime();
  const clock = time.clock as unknown as { monotonicMs: number };
  /** What it costs to tell of all hosts. */
  const cost = { ms: 0 };
  const flags = new Map<string, number>();
  const ports = (hosts: readonly HostModel[]) =>
    hosts.map(({ address }) => addressKey(address).split(":")[1]).join(" ");
  const judged = new JudgedCluster(
    {
      ...cluster("c"),
      health: {
        check: null,
        outlier: null,
        ignoreHealthOnHostRemoval: false,
        closeConnectionsOnFailure: false,
        ...health,
      },
    },
    {
      onHosts: (_name, hosts) => void told.push(`hosts ${ports(hosts)}`),
      onFlags: (_name, changes: readonly HostFlags[]) =>
        void told.push(
          changes.map(([address, each]) => `${address.split(":")[1]} ${flagWords("healthy", each)}`).join(", "),
        ),
    },
    time,
  );
  const checked = new Set<string>();
  judged.checker = {
    flagsOf: (address: string) => flags.get(address) ?? 0,
    setHosts: (hosts: readonly HostModel[]) => {
      clock.monotonicMs += cost.ms;
      checked.clear();
      for (const { address } of hosts) checked.add(addressKey(address));
    },
    show() {},
    close() {},
  } as unknown as HealthChecker;
  const check = (port: number, isHealthy: boolean) => {
    const address = `10.0.0.1:${port}`;
    flags.set(address, isHealthy ? 0 : HEALTH_FLAG.failedActiveHc);
    judged.checked(address, isHealthy, true);
  };
  return { judged, told, flags, check, checked, time, cost, ports: () => ports(judged.hosts) };
}

describe("a host that discovery no longer names", () => {
  test("and thousands of others, who fail one by one, do not keep main from all else", () => {
    const { judged, told, check, checked, ports, time, cost } = setup();
    judged.setHosts([1, 2, 3, 4, 5].map(host));
    judged.goLive();
    judged.setHosts([host(1)]);
    cost.ms = 50;
    told.length = 0;
    for (const port of [2, 3, 4]) check(port, false);
    expect(told).toEqual(["hosts 1 3 4 5", "hosts 1 4 5", "4 /failed_active_hc"]);
    expect(ports()).toBe("1 5");
    check(5, false);
    time.advance(450);
    expect(told.slice(3)).toEqual(["5 /failed_active_hc", "hosts 1"]);
    expect(checked.size).toBe(1);
  });

  test("stays while it passes its checks, and goes when it fails", () => {
    const { judged, told, check, checked, ports } = setup();
    judged.setHosts([host(1), host(2)]);
    judged.goLive();
    judged.setHosts([host(2)]);
    expect([ports(), flagWords("healthy", judged.flagsOf("10.0.0.1:1"))]).toEqual(["2 1", "/pending_dynamic_removal"]);
    told.length = 0;
    check(1, false);
    expect([told, ports(), [...checked]]).toEqual([["hosts 2"], "2", ["10.0.0.1:2"]]);
  });

  test("is a host like others when it is named again", () => {
    const { judged, check, ports } = setup();
    judged.setHosts([host(1), host(2)]);
    judged.setHosts([host(2)]);
    judged.setHosts([host(1), host(2)]);
    expect(judged.flagsOf("10.0.0.1:1")).toBe(0);
    check(1, false);
    expect(ports()).toBe("1 2");
  });

  test("goes at once where it fails, is not checked, or the cluster says so", () => {
    const failing = setup();
    failing.judged.setHosts([host(1), host(2)]);
    failing.check(1, false);
    failing.judged.setHosts([host(2)]);
    expect(failing.ports()).toBe("2");
    const unchecked = setup();
    const healthCheck = { port: 0, address: null, hostname: "", disabled: true };
    unchecked.judged.setHosts([{ ...host(1), healthCheck }, host(2)]);
    unchecked.judged.setHosts([host(2)]);
    expect(unchecked.ports()).toBe("2");
    const told = setup({ ignoreHealthOnHostRemoval: true });
    told.judged.setHosts([host(1), host(2)]);
    told.judged.setHosts([host(2)]);
    expect(told.ports()).toBe("2");
  });
});

test("nothing is told before it is live; then what was found meanwhile", () => {
  const { judged, told, check } = setup();
  judged.setHosts([host(1), host(2)]);
  check(1, false);
  expect(told).toEqual([]);
  judged.goLive();
  expect(told).toEqual(["1 /failed_active_hc, 2 healthy"]);
  check(1, true);
  judged.close();
  check(1, false);
  expect(told.slice(1)).toEqual(["1 healthy"]);
});
