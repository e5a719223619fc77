// What is configured and found: clusters, listeners, the configuration itself without its secrets.
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { AdminFixture } from "../../../../../test/support/admin-fixture.ts";
import { StatsAggregator } from "../../stats/aggregate.ts";
import { hostStatsPrefix } from "../../upstream/host.ts";

let admin: AdminFixture;

beforeEach(async () => {
  admin = await AdminFixture.start();
});

afterEach(() => admin.admin.close());

describe("clusters and listeners", () => {
  beforeEach(async () => {
    const host = admin.store.scope(hostStatsPrefix("api", "10.0.0.1:80"));
    host.counter("rq_total").inc(3);
    host.gauge("cx_active").set(1);
    host.counter("rq_error");
    await Promise.resolve();
  });

  test("/clusters as text has a line for every fact of every host", async () => {
    const { body } = await admin.ask("/clusters");
    expect(body).toContain("api::added_via_api::false\n");
    expect(body).toContain("api::10.0.0.1:80::rq_total::3\n");
    expect(body).toContain("api::10.0.0.1:80::cx_active::1\n");
    expect(body).toContain("api::10.0.0.1:80::health_flags::healthy\n");
    expect(body).toContain("api::10.0.0.1:80::weight::2\n");
    expect(body).toContain("api::10.0.0.1:80::pick::yes\n");
    expect(body).toContain("api::10.0.0.1:80::protocol::http1\napi::10.0.0.1:80::protocol_source::configured\n");
  });

  test("/clusters looks through all metrics for no host", async () => {
    const snapshot = vi.spyOn(StatsAggregator.prototype, "snapshot");
    await admin.ask("/clusters");
    await admin.json("/clusters?format=json");
    expect(snapshot).not.toHaveBeenCalled();
  });

  test("/clusters as JSON is envoy.admin.v3.Clusters", async () => {
    expect(await admin.json("/clusters?format=json")).toEqual({
      cluster_statuses: [
        {
          name: "api",
          host_statuses: [
            {
              address: { socket_address: { address: "10.0.0.1", port_value: 80 } },
              stats: [
                { type: "GAUGE", value: "1", name: "cx_active" },
                { name: "rq_error" },
                { value: "3", name: "rq_total" },
                { type: "GAUGE", value: "1", name: "protocol.http1" },
                { type: "GAUGE", value: "1", name: "protocol_source.configured" },
                { type: "GAUGE", value: "1", name: "pick.yes" },
              ],
              health_status: { eds_health_status: "HEALTHY" },
              weight: 2,
              locality: {},
            },
          ],
          observability_name: "api",
        },
      ],
    });
  });

  test("/listeners in both forms", async () => {
    expect((await admin.ask("/listeners")).body).toBe("web::0.0.0.0:10000\nlocal::/run/x.sock\n");
    expect(await admin.json("/listeners?format=json")).toEqual({
      listener_statuses: [
        { name: "web", local_address: { socket_address: { address: "0.0.0.0", port_value: 10000 } } },
        { name: "local", local_address: { pipe: { path: "/run/x.sock" } } },
      ],
    });
  });
});

describe("/config_dump", () => {
  test("has Envoy's sections", async () => {
    const { configs } = (await admin.json("/config_dump")) as { configs: Record<string, unknown>[] };
    expect(configs.map((section) => String(section["@type"]).split(".").at(-1))).toEqual([
      "BootstrapConfigDump",
      "ClustersConfigDump",
      "ListenersConfigDump",
      "RoutesConfigDump",
    ]);
    expect(configs[1]).toMatchObject({
      static_clusters: [
        { cluster: { "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster", name: "api" } },
        { cluster: { name: "other" } },
      ],
    });
    expect(configs[3]).toMatchObject({ static_route_configs: [{ route_config: { name: "main" } }] });
  });

  test("never shows a secret, wherever it stands", async () => {
    const { body } = await admin.ask("/config_dump");
    expect(body).not.toMatch(/KEY|S0VZ|hunter2/);
    expect(body).toContain('"filename": "/c.pem"');
    expect(body).toContain('"inline_string": "[redacted]"');
    expect(body).toContain('"name": "kept"');
  });

  test("gives one resource, and those whose names fit", async () => {
    expect(await admin.json("/config_dump?resource=static_clusters&name_regex=^oth")).toEqual({
      configs: [
        {
          "@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump.StaticCluster",
          cluster: { "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster", name: "other" },
          last_updated: "2026-01-01T00:00:00.000Z",
        },
      ],
    });
    expect(await admin.ask("/config_dump?resource=dynamic_listeners")).toMatchObject({ status: 404 });
    expect(await admin.ask("/config_dump?mask=x")).toMatchObject({ status: 400 });
    expect(await admin.ask("/config_dump?name_regex=(")).toMatchObject({ status: 400 });
  });
});
