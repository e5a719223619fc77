import type { Random } from "@sluice/sdk";
import { describe, expect, it } from "vitest";
import { StatsStore } from "../../stats/stats-store.ts";
import { Host, type HostHealth } from "../host.ts";
import { eligible, roundRobin } from "./round-robin.ts";

const stats = new StatsStore({ addSlab() {}, add() {}, remove() {} });
const zero: Random = { next: () => 0, below: () => 0 };

function hosts(...weights: number[]): Host[] {
  return weights.map((weight, i) => host(i, weight, "healthy"));
}

function host(i: number, weight: number, health: HostHealth): Host {
  return new Host(
    { address: { kind: "ip", host: `10.0.0.${i}`, port: 80 }, hostname: "", weight, health },
    "c",
    stats.scope(`h${i}.`),
  );
}

function picks(list: readonly Host[], count: number, random: Random = zero): string {
  const balancer = roundRobin(list, random);
  return Array.from({ length: count }, () => balancer.pick()!.address.split(".")[3]!.split(":")[0]).join("");
}

describe("round robin", () => {
  it("rotates over hosts of equal weight, from a random start", () => {
    expect(picks(hosts(1, 1, 1), 7)).toBe("0120120");
    expect(picks(hosts(5, 5, 5), 4, { next: () => 0.5, below: () => 2 })).toBe("2012");
  });

  it("gives each host its share, spread as evenly as can be", () => {
    const sequence = picks(hosts(3, 1), 8);
    expect([...sequence].filter((c) => c === "0")).toHaveLength(6);
    // Never two turns of the light host within one round.
    expect(sequence).not.toContain("11");
  });

  it("keeps exact shares over many rounds and any weights", () => {
    const weights = [1, 2, 3, 7, 128];
    const total = weights.reduce((a, b) => a + b);
    const balancer = roundRobin(hosts(...weights), zero);
    const counts = weights.map(() => 0);
    for (let i = 0; i < total * 50; i++) counts[Number(balancer.pick()!.address.split(".")[3]!.split(":")[0])]!++;
    for (const [i, weight] of weights.entries()) expect(Math.abs(counts[i]! - weight * 50)).toBeLessThanOrEqual(1);
  });

  it("has nothing to offer where there is no host", () => {
    expect(roundRobin([], zero).pick()).toBeNull();
  });
});

describe("eligible hosts", () => {
  it("are the healthy ones", () => {
    const list = [host(0, 1, "healthy"), host(1, 1, "unhealthy"), host(2, 1, "healthy"), host(3, 1, "draining")];
    expect(eligible(list)).toEqual({ hosts: [list[0], list[2]], panic: false });
  });

  it("are the degraded ones where none is healthy", () => {
    const list = [host(0, 1, "degraded"), host(1, 1, "unhealthy")];
    expect(eligible(list)).toEqual({ hosts: [list[0]], panic: false });
  });

  it("are all but the draining ones below half of them: panic", () => {
    const list = [host(0, 1, "healthy"), host(1, 1, "unhealthy"), host(2, 1, "unhealthy"), host(3, 1, "draining")];
    expect(eligible(list)).toEqual({ hosts: [list[0], list[1], list[2]], panic: true });
  });
});
