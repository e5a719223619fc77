import { expect, test } from "vitest";
import { cluster } from "../../../../test/support/plain-config.ts";
import { virtualServices } from "../../../../test/support/services.ts";
import { type BalancingModel, PLAIN_ROUND_ROBIN } from "../config/balancing-model.ts";
import type { EndpointModel } from "../config/model.ts";
import { ClusterManager } from "./cluster-manager.ts";
import { ScriptedServers, StreamRecorder } from "./pool/scripted-pool.ts";

const zone = (name: string) => ({ region: "r", zone: name, subZone: "", weight: 0 });

/** `a1 b2`: a host in zone a, two in zone b. */
function hosts(text: string, port: number): EndpointModel[] {
  return text.split(" ").flatMap((word) =>
    Array.from({ length: Number(word[1]) }, (_, i) => ({
      address: { kind: "ip", host: `10.0.${word.charCodeAt(0)}.${i}`, port },
      hostname: "",
      weight: 1,
      health: "healthy",
      locality: zone(word[0]!),
      place: { path: "", position: "" },
    })),
  );
}

const zoneAware: BalancingModel = {
  ...PLAIN_ROUND_ROBIN,
  locality: {
    kind: "zone_aware",
    localCluster: "me",
    local: zone("a"),
    routingPercent: 100,
    minClusterSize: 2,
    failTrafficOnPanic: false,
  },
};

test("a cluster that prefers its zone follows the hosts of the proxy's own cluster, through all versions of the configuration", () => {
  const { services } = virtualServices();
  const servers = new ScriptedServers(services.flushQueue);
  const manager = new ClusterManager(services, () => servers);
  const web = cluster("web", { endpoints: hosts("a2 b2", 80), lb: zoneAware });
  const me = cluster("me", { endpoints: hosts("a1 b1", 90) });
  const zonesOf = (): string => {
    const seen = new Set<string>();
    for (let i = 0; i < 12; i++) {
      services.flushQueue.enter();
      manager.get("web")!.openStream(new StreamRecorder());
      services.flushQueue.leave();
      for (const { host } of servers.attempts.splice(0)) seen.add(host.locality!.zone);
    }
    return [...seen].sort().join("");
  };
  manager.prepare([web, me], new Map()).commit();
  expect(zonesOf()).toBe("a");
  // Nobody asks in the other zone any more: one zone of callers says nothing about zones.
  manager.updateHosts("me", hosts("a2", 90));
  expect(zonesOf()).toBe("ab");
  manager.updateHosts("me", hosts("a1 b1", 90));
  expect(zonesOf()).toBe("a");
  manager.prepare([web], new Map()).commit();
  expect(zonesOf()).toBe("ab");
  manager.prepare([web, me], new Map()).commit();
  expect(zonesOf()).toBe("a");
  manager.destroy();
});
