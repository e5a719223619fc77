import type { DiscoveredHost, DiscoveryContext, DiscoveryDefinition, UpdateHosts } from "@sluice/sdk";
import { defineDiscovery } from "@sluice/sdk";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { cluster } from "../../../../../test/support/plain-config.ts";
import type { ClusterModel, Json } from "../../config/model.ts";
import { Registry } from "../../registry/registry.ts";
import { StatsStore } from "../../stats/stats-store.ts";
import { addressKey, type HostModel } from "../host.ts";
import type { DiscoveryPart } from "../../worker/parts.ts";
import { ExtensionDiscovery } from "./extension-discovery.ts";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

interface Begun {
  readonly context: DiscoveryContext<unknown>;
  readonly update: UpdateHosts;
}

type Start = DiscoveryDefinition["start"];

function setup(start: Start = () => {}) {
  const begun: Begun[] = [];
  const registry = new Registry();
  const definition = defineDiscovery({
    id: "acme.discovery.test",
    maturity: "alpha",
    security: "unknown",
    config: { type: "object", properties: { from: { type: "string", default: "there" } }, additionalProperties: false },
    start(context, update) {
      begun.push({ context, update });
      return start(context, update);
    },
  });
  expect(registry.add(definition, "test")).toEqual([]);
  const log: string[] = [];
  const told: string[] = [];
  const stats = new StatsStore({ addSlab() {}, add() {}, remove() {} });
  const closed = vi.fn<() => void>();
  const others: DiscoveryPart = {
    resolve: async () => new Map([["dns", []]]),
    follow: () => {},
    hosts: new Map([["dns", []]]),
    close: closed,
  };
  const discovery = new ExtensionDiscovery(others, {
    log: {
      enabled: () => true,
      write: (level, component, message, fields) =>
        void log.push(
          `${level} ${component}: ${message} ${typeof fields?.["error"] === "string" ? fields["error"] : ""}`.trim(),
        ),
    },
    stats,
    registry,
    onHosts: (name, hosts) => void told.push(`${name} ${shown(hosts)}`),
  });
  const count = (name: string): number => stats.scope("cluster.web.").counter(name).value;
  const apply = async (...models: ClusterModel[]): Promise<string[]> => {
    const resolved = discovery.resolve(models);
    await vi.advanceTimersByTimeAsync(5000);
    const hosts = await resolved;
    discovery.follow(models);
    return [...hosts].map(([name, list]) => `${name} ${shown(list)}`);
  };
  return { discovery, begun, log, told, count, apply, closed };
}

const shown = (hosts: readonly HostModel[]): string => hosts.map(({ address }) => addressKey(address)).join(",");
const web = (config: Json = {}, model: Partial<ClusterModel> = {}) =>
  cluster("web", { discovery: { kind: "extension", id: "acme.discovery.test", config, module: null }, ...model });
const at = (...addresses: string[]): DiscoveredHost[] => addresses.map((address) => ({ address }));
const now: Start = (_, update) => void update(at("10.0.0.1:80"));

describe("hosts", () => {
  test("that are there at once are the configuration's first; later ones are told", async () => {
    const { begun, told, apply, count } = setup(now);
    expect(await apply(web())).toEqual(["dns ", "web 10.0.0.1:80"]);
    told.length = 0;
    expect(begun[0]!.update(at("10.0.0.2:80", "[::1]:80", "/run/web.sock"))).toBe(true);
    expect(told).toEqual(["web 10.0.0.2:80,[::1]:80,/run/web.sock"]);
    expect(count("update_success")).toBe(2);
    expect(begun[0]!.context.config).toEqual({ from: "there" });
  });

  test("that are late are not waited for beyond five seconds", async () => {
    const { begun, told, apply } = setup();
    expect(await apply(web())).toEqual(["dns ", "web "]);
    begun[0]!.update(at("10.0.0.1:80"));
    expect(told.at(-1)).toBe("web 10.0.0.1:80");
  });

  test("of a configuration that is refused are looked for no longer", async () => {
    const { begun, discovery, told, apply } = setup(now);
    await apply(web());
    await discovery.resolve([web({ from: "elsewhere" })]);
    told.length = 0;
    discovery.discard();
    expect(begun.map(({ context }) => context.signal.aborted)).toEqual([false, true]);
    begun[0]!.update(at("10.0.0.2:80"));
    expect(told).toEqual(["web 10.0.0.2:80"]);
  });

  test("that are late are not waited for at all where the cluster says so", async () => {
    const { begun, discovery, told } = setup();
    const model = web();
    const eager = { ...model, discovery: { ...model.discovery, waits: false } } as ClusterModel;
    // No time passes.
    expect([...(await discovery.resolve([eager]))]).toEqual([
      ["dns", []],
      ["web", []],
    ]);
    discovery.follow([eager]);
    begun[0]!.update(at("10.0.0.1:80"));
    expect(told.at(-1)).toBe("web 10.0.0.1:80");
  });

  test("carry all that a host can have", async () => {
    const { discovery, apply } = setup((_, update) => {
      const locality = { region: "r", zone: "z", subZone: "s", weight: 5 };
      update([
        {
          address: "10.0.0.1:1",
          hostname: "h",
          weight: 2,
          priority: 1,
          health: "degraded",
          metadata: { v: "1" },
          locality,
        },
      ]);
    });
    await apply(web());
    expect(discovery.hosts.get("web")).toEqual([
      {
        address: { kind: "ip", host: "10.0.0.1", port: 1 },
        hostname: "h",
        weight: 2,
        priority: 1,
        health: "degraded",
        metadata: { "envoy.lb": { v: "1" } },
        locality: { region: "r", zone: "z", subZone: "s", weight: 5 },
      },
    ]);
  });

  test("are not taken away by an empty list", async () => {
    const { begun, discovery, apply, count, log } = setup(now);
    await apply(web());
    expect(begun[0]!.update([])).toBe(false);
    expect(shown(discovery.hosts.get("web")!)).toBe("10.0.0.1:80");
    expect(count("update_empty")).toBe(1);
    expect(log.at(-1)).toContain("no host was found; the cluster's hosts stay as they are");
  });

  test.each([
    [
      "a name",
      [{ address: "localhost:80" }],
      'hosts[0].address is "localhost:80", expected ip:port, [ipv6]:port or the path of a socket',
    ],
    ["no port", [{ address: "10.0.0.1" }], 'hosts[0].address is "10.0.0.1", expected'],
    ["a port too high", [{ address: "10.0.0.1:65536" }], "hosts[0].address"],
    ["an unknown field", [{ address: "10.0.0.1:1", wieght: 1 }], 'hosts[0]: unknown field "wieght"'],
    ["a weight of 0", [{ address: "10.0.0.1:1", weight: 0 }], "hosts[0].weight is 0, expected a whole number from 1"],
    ["a priority too high", [{ address: "10.0.0.1:1", priority: 128 }], "hosts[0].priority is 128"],
    ["a health of its own", [{ address: "10.0.0.1:1", health: "well" }], 'hosts[0].health is "well"'],
    [
      "the same address twice",
      at("10.0.0.1:1", "10.0.0.1:1"),
      "hosts[1]: the address 10.0.0.1:1 is in the list already",
    ],
    ["metadata that is no mapping", [{ address: "10.0.0.1:1", metadata: [] }], "hosts[0].metadata is a list"],
    ["no list", { a: 1 }, "update was given a mapping, expected a list of hosts"],
    ["nothing", undefined, "update was given undefined"],
  ])("with %s are refused as a whole", async (_, hosts, message) => {
    const { begun, discovery, apply, count, log } = setup(now);
    await apply(web());
    expect(begun[0]!.update(hosts as never)).toBe(false);
    expect(shown(discovery.hosts.get("web")!)).toBe("10.0.0.1:80");
    expect(count("update_failure")).toBe(1);
    expect(log.at(-1)).toContain(message);
  });
});

describe("a failure", () => {
  test("of start is counted, and it is started again, later and later", async () => {
    const { begun, apply, count } = setup(() => {
      throw new Error("not today");
    });
    await apply(web());
    // At once, after 1 s, after 2 more; the next would come after 4 more.
    expect(begun.length).toBe(3);
    await vi.advanceTimersByTimeAsync(2000);
    expect(begun.length).toBe(4);
    expect(count("update_failure")).toBe(4);
    expect(begun[0]!.context.signal.aborted).toBe(true);
    expect(begun[0]!.update(at("10.0.0.1:80"))).toBe(false);
  });

  test("of what start promised is one too; hosts found before stay", async () => {
    const { discovery, apply, begun } = setup(async (_, update) => {
      update(at("10.0.0.1:80"));
      throw new Error("later");
    });
    await apply(web());
    expect(shown(discovery.hosts.get("web")!)).toBe("10.0.0.1:80");
    expect(begun.length).toBeGreaterThan(1);
  });

  test("in a guarded callback, or in a round, goes no further", async () => {
    const { begun, apply, count, log } = setup(now);
    await apply(web());
    const { context } = begun[0]!;
    context.guard(() => {
      throw new Error("thrown");
    })();
    context.guard(async () => {
      throw new Error("rejected");
    })();
    let rounds = 0;
    context.every(100, () => {
      rounds++;
      throw new Error("round");
    });
    await vi.advanceTimersByTimeAsync(250);
    expect([rounds, count("update_failure")]).toEqual([2, 4]);
    expect(log.filter((line) => line.includes("Error: rejected")).length).toBe(1);
  });

  test("of an unknown hook is told", async () => {
    const { apply, log } = setup(() => ({ stopp() {} }) as never);
    await apply(web());
    expect(log[0]).toContain('unknown hook "stopp"; did you mean "stop"?');
  });

  test("of a schema that another version of the code has leaves the cluster without hosts", async () => {
    const { apply, log, begun } = setup();
    expect(await apply(web({ form: "there" }))).toEqual(["dns "]);
    expect(begun).toEqual([]);
    expect(log[0]).toContain("cannot be started");
  });
});

describe("another configuration", () => {
  test("that changes nothing about it leaves it alone", async () => {
    const { begun, apply } = setup(now);
    await apply(web());
    expect(await apply(web({}, { connectTimeoutMs: 9 }))).toEqual(["dns ", "web 10.0.0.1:80"]);
    expect(begun.length).toBe(1);
    expect(begun[0]!.context.signal.aborted).toBe(false);
  });

  test("stops the old one when the new one serves, which begins with the old hosts", async () => {
    const stop = vi.fn<() => void>();
    const { begun, apply, told } = setup((context, update) => {
      if ((context.config as { from: string }).from === "there") update(at("10.0.0.1:80"));
      return { stop };
    });
    await apply(web());
    expect(await apply(web({ from: "elsewhere" }))).toEqual(["dns ", "web 10.0.0.1:80"]);
    expect(stop).toHaveBeenCalledTimes(1);
    expect(begun.map(({ context }) => context.signal.aborted)).toEqual([true, false]);
    expect(begun[0]!.update(at("10.0.0.9:80"))).toBe(false);
    begun[1]!.update(at("10.0.0.2:80"));
    expect(told.at(-1)).toBe("web 10.0.0.2:80");
  });

  test("that was refused leaves the live one as it is", async () => {
    const { begun, discovery, apply } = setup(now);
    await apply(web());
    const refused = discovery.resolve([web({ from: "elsewhere" })]);
    await vi.advanceTimersByTimeAsync(5000);
    await refused;
    await apply(web());
    expect(begun.map(({ context }) => context.signal.aborted)).toEqual([false, true]);
  });

  test("without the cluster stops it, and so does the end; what stop throws is logged", async () => {
    const { apply, begun, discovery, log, closed } = setup((_, update) => {
      update(at("10.0.0.1:80"));
      return {
        stop: () => {
          throw new Error("no end");
        },
      };
    });
    await apply(web());
    await apply();
    expect(begun[0]!.context.signal.aborted).toBe(true);
    await apply(web());
    discovery.close();
    expect(begun[1]!.context.signal.aborted).toBe(true);
    expect(log.filter((line) => line.includes("Error: no end")).length).toBe(2);
    expect(closed).toHaveBeenCalledTimes(1);
  });
});

test("the module that brought the definition is loaded where no configuration is live yet", async () => {
  const { discovery } = setup();
  const url = new URL("../../../../../test/config/fixtures/discovery.ts", import.meta.url).href;
  const module = { specifier: "./discovery.ts", url };
  const model = cluster("listed", {
    discovery: { kind: "extension", id: "acme.discovery.list", config: { list: ["10.0.0.7:1"] }, module },
  });
  vi.useRealTimers();
  expect(shown((await discovery.resolve([model])).get("listed")!)).toBe("10.0.0.7:1");
  discovery.close();
});
