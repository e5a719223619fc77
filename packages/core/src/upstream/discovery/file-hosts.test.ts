import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ClusterModel, FileDiscoveryModel } from "../../config/model.ts";
import { StatsStore } from "../../stats/stats-store.ts";
import { type HostModel, addressKey } from "../host.ts";
import { AssignmentFiles } from "./assignment-files.ts";
import { Discovery } from "./discovery.ts";

let folder = "";
let path = "";
const opened: Discovery[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sluice-eds-"));
  path = join(folder, "eds.yaml");
});
afterEach(() => {
  for (const discovery of opened.splice(0)) discovery.close();
  rmSync(folder, { recursive: true });
});

const TYPE = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment";

function assignment(ports: readonly number[], name = "web"): object {
  const endpoint = (port: number): object => ({
    endpoint: { address: { socket_address: { address: "127.0.0.1", port_value: port } } },
  });
  return { "@type": TYPE, cluster_name: name, endpoints: [{ lb_endpoints: ports.map(endpoint) }] };
}

const response = (...resources: readonly object[]): string => JSON.stringify({ version_info: "1", resources });

/** As `mv` over the old file. */
function replace(text: string): void {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

class World {
  readonly told: (readonly HostModel[])[] = [];
  readonly log: string[] = [];
  readonly #stats = new StatsStore({ addSlab() {}, add() {}, remove() {} });
  readonly model: ClusterModel;
  readonly discovery: Discovery;

  constructor(discovery: Partial<FileDiscoveryModel> = {}) {
    this.model = {
      name: "web",
      statName: "web",
      discovery: {
        kind: "file",
        path,
        watchedDirectory: "",
        service: "web",
        initialFetchTimeoutMs: 60_000,
        ...discovery,
      },
      endpoints: [],
    } as unknown as ClusterModel;
    this.discovery = new Discovery({
      log: { enabled: () => true, write: (_l, _c, message) => this.log.push(message) },
      stats: this.#stats,
      onHosts: (_name, hosts) => this.told.push(hosts),
    });
    opened.push(this.discovery);
  }

  async start(): Promise<readonly HostModel[]> {
    const hosts = (await this.discovery.resolve([this.model])).get("web")!;
    this.discovery.follow([this.model]);
    return hosts;
  }

  get hosts(): string[] {
    return ports(this.discovery.hosts.get("web")!);
  }

  count(name: string): number {
    const scope = this.#stats.scope("cluster.web.");
    return scope.counter(name).value;
  }

  /** The next set of hosts after those that were told already. */
  async next(count: number): Promise<string[]> {
    await vi.waitFor(() => expect(this.told.length).toBeGreaterThanOrEqual(count), { timeout: 30_000, interval: 10 });
    return ports(this.told[count - 1]!);
  }

  async until(name: string, value: number): Promise<void> {
    await vi.waitFor(() => expect(this.count(name)).toBeGreaterThanOrEqual(value), { timeout: 30_000, interval: 10 });
  }
}

const ports = (hosts: readonly HostModel[]): string[] => hosts.map((h) => addressKey(h.address));

describe("hosts from a file", { timeout: 60_000 }, () => {
  it("reads what a file says of each host", async () => {
    writeFileSync(
      path,
      `
resources:
- "@type": ${TYPE}
  cluster_name: other
  endpoints: []
- "@type": type.googleapis.com/envoy.service.discovery.v3.Resource
  name: web
  version: "7"
  resource:
    "@type": ${TYPE}
    cluster_name: web
    endpoints:
    - locality: { region: eu, zone: a }
      priority: 1
      load_balancing_weight: 3
      lb_endpoints:
      - load_balancing_weight: 9
        health_status: DRAINING
        metadata: { filter_metadata: { envoy.lb: { version: v2 } } }
        endpoint:
          hostname: one.test
          address: { socket_address: { address: 10.0.0.1, port_value: 80 } }
      - endpoint: { address: { pipe: { path: /run/two.sock } } }
`,
    );
    const placed = { priority: 1, locality: { region: "eu", zone: "a", subZone: "", weight: 3 } };
    expect(await new World().start()).toEqual([
      {
        address: { kind: "ip", host: "10.0.0.1", port: 80 },
        hostname: "one.test",
        weight: 9,
        health: "draining",
        metadata: { "envoy.lb": { version: "v2" } },
        ...placed,
      },
      {
        address: { kind: "pipe", path: "/run/two.sock", mode: 0 },
        hostname: "",
        weight: 1,
        health: "healthy",
        ...placed,
      },
    ]);
  });

  it("takes an assignment alone, with its type or without", async () => {
    const { "@type": _, ...bare } = assignment([81]) as Record<string, unknown>;
    for (const text of [JSON.stringify(bare), JSON.stringify(assignment([81]))]) {
      writeFileSync(path, text);
      expect(ports(await new World().start())).toEqual(["127.0.0.1:81"]);
    }
  });

  it("takes a file that is moved over the old one, and one that is written to", async () => {
    writeFileSync(path, response(assignment([81])));
    const world = new World();
    await world.start();
    replace(response(assignment([81, 82])));
    expect(await world.next(1)).toEqual(["127.0.0.1:81", "127.0.0.1:82"]);
    writeFileSync(path, response(assignment([83])));
    expect(await world.next(2)).toEqual(["127.0.0.1:83"]);
    // A write that is seen half way is rejected, and so may be counted too.
    expect(world.count("update_success")).toBeGreaterThanOrEqual(3);
  });

  it("follows a link that is swapped, as in a volume of Kubernetes", async () => {
    const volume = (name: string, port: number): void => {
      mkdirSync(join(folder, name));
      writeFileSync(join(folder, name, "eds.yaml"), response(assignment([port])));
      symlinkSync(name, join(folder, "..data_tmp"));
      renameSync(join(folder, "..data_tmp"), join(folder, "..data"));
    };
    volume("..v1", 81);
    symlinkSync(join("..data", "eds.yaml"), path);
    const world = new World({ watchedDirectory: folder });
    expect(ports(await world.start())).toEqual(["127.0.0.1:81"]);
    volume("..v2", 82);
    expect(await world.next(1)).toEqual(["127.0.0.1:82"]);
    rmSync(join(folder, "..v1"), { recursive: true });
    volume("..v3", 83);
    expect(await world.next(2)).toEqual(["127.0.0.1:83"]);
    expect(world.count("update_rejected")).toBe(0);
  });

  it("rejects a bad file as a whole, says where, and takes the next good one", async () => {
    writeFileSync(path, response(assignment([81])));
    const world = new World();
    await world.start();
    const bad: [text: string, says: string][] = [
      ["resources: [", "eds.yaml:1"],
      [
        response(assignment([82]), { ...assignment([83], "other"), endpoint: [] }),
        "resources[1].endpoint  unknown field",
      ],
      [response({ ...assignment([82]), policy: { endpoint_stale_after: "1s" } }), "policy of an assignment"],
      [response({ ...assignment([82]), policy: { overprovisioning_factor: 100 } }), "policy of an assignment"],
      [
        response(assignment([82], "other")),
        'there is no assignment for "web", expected cluster_name "web", found "other"',
      ],
      [response(assignment([82]), assignment([83])), 'a second assignment for "web"'],
      [
        response({ "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster", name: "web" }),
        "found envoy.config.cluster",
      ],
      [
        JSON.stringify({
          cluster_name: "web",
          endpoints: [
            { lb_endpoints: [{ endpoint: { address: { socket_address: { address: "a.test", port_value: 1 } } } }] },
          ],
        }),
        "no IP address",
      ],
    ];
    for (const [index, [text, says]] of bad.entries()) {
      replace(text);
      await world.until("update_rejected", index + 1);
      expect(world.log.at(-1)).toContain(says);
      expect(world.log.at(-1)).toContain("the endpoints of cluster web stay as they are");
    }
    expect(world.told).toEqual([]);
    expect(world.hosts).toEqual(["127.0.0.1:81"]);
    replace(response(assignment([84])));
    expect(await world.next(1)).toEqual(["127.0.0.1:84"]);
  });

  it("is emptied by an assignment without endpoints, and by nothing else", async () => {
    writeFileSync(path, response(assignment([81])));
    const world = new World();
    await world.start();
    replace(response());
    await world.until("update_empty", 1);
    unlinkSync(path);
    writeFileSync(path, "");
    await world.until("update_rejected", 1);
    expect(world.hosts).toEqual(["127.0.0.1:81"]);
    replace(response({ "@type": TYPE, cluster_name: "web" }));
    expect(await world.next(1)).toEqual([]);
  });

  it("is waited for until it comes", async () => {
    const world = new World();
    const hosts = world.start();
    replace(response(assignment([81])));
    expect(ports(await hosts)).toEqual(["127.0.0.1:81"]);
    expect(world.count("init_fetch_timeout")).toBe(0);
  });

  it("is waited for no longer than initial_fetch_timeout, and taken when it comes", async () => {
    const world = new World({ initialFetchTimeoutMs: 1 });
    expect(await world.start()).toEqual([]);
    expect(world.count("init_fetch_timeout")).toBe(1);
    expect(world.log[0]).toContain("is not there: it is waited for");
    replace(response(assignment([81])));
    expect(await world.next(1)).toEqual(["127.0.0.1:81"]);
  });

  it("does not keep a configuration waiting with a bad first answer", async () => {
    writeFileSync(path, "nonsense");
    const world = new World();
    expect(await world.start()).toEqual([]);
    expect(world.count("update_rejected")).toBe(1);
  });

  it("keeps what it knows over a new version of the configuration, unless that names another file", async () => {
    writeFileSync(path, response(assignment([81])));
    const world = new World();
    await world.start();
    unlinkSync(path);
    const again = await world.discovery.resolve([{ ...world.model, connectTimeoutMs: 1 }]);
    expect(ports(again.get("web")!)).toEqual(["127.0.0.1:81"]);
    const discovery = { ...world.model.discovery, path: join(folder, "none.yaml"), initialFetchTimeoutMs: 1 };
    const other = await world.discovery.resolve([{ ...world.model, discovery: discovery as FileDiscoveryModel }]);
    expect(other.get("web")).toEqual([]);
  });

  it("is read once for all clusters that take theirs from it", async () => {
    const names = ["web", "api", "none"];
    writeFileSync(path, response(assignment([81], "web"), assignment([82], "api")));
    const world = new World();
    const models = names.map((name) => ({
      ...world.model,
      name,
      statName: name,
      discovery: { ...world.model.discovery, service: name } as FileDiscoveryModel,
    }));
    const hosts = await world.discovery.resolve(models);
    expect(names.map((name) => ports(hosts.get(name)!))).toEqual([["127.0.0.1:81"], ["127.0.0.1:82"], []]);
    expect(world.log).toHaveLength(1);
    expect(world.log[0]).toContain(
      'there is no assignment for "none", expected cluster_name "none", found "web", "api"',
    );

    const files = new AssignmentFiles();
    const first = files.read(path, "1");
    expect(files.read(path, "1")).toBe(first);
    expect(files.read(path, "2")).not.toBe(first);
    files.keep(new Set());
    expect(files.read(path, "2")).not.toBe(first);
    expect(await first).toMatchObject({ problem: "" });
  });

  it("is silent after close", async () => {
    writeFileSync(path, response(assignment([81])));
    const world = new World();
    const other = new World();
    await Promise.all([world.start(), other.start()]);
    world.discovery.close();
    replace(response(assignment([82])));
    await other.next(1);
    expect(world.told).toEqual([]);
  });

  it("a link that leads to itself is no file, at first and later", async () => {
    symlinkSync(path, path);
    const world = new World({ initialFetchTimeoutMs: 1 });
    expect(await world.start()).toEqual([]);
    replace(response(assignment([1])));
    expect(await world.next(1)).toEqual(["127.0.0.1:1"]);
    symlinkSync(path, `${path}.loop`);
    unlinkSync(path);
    symlinkSync(`${path}.loop`, path);
    writeFileSync(`${path}.new`, response(assignment([2])));
    renameSync(`${path}.new`, path);
    expect(await world.next(2)).toEqual(["127.0.0.1:2"]);
  });
});
