import type { DynamicMetadata } from "@sluice/sdk";
import { expect, test } from "vitest";
import { RequestHeaderMap, field } from "../../http/headers/header-map.ts";
import { TestHosts } from "./test-hosts.ts";

const fallback = { kind: "pick_first", shuffle: false } as const;
const policy = {
  kind: "override_host",
  sources: [
    { kind: "header", name: "x-endpoint" },
    { kind: "metadata", path: ["envoy.lb", "x-endpoint"] },
  ],
  policy: fallback,
} as const;

function setup() {
  const world = new TestHosts();
  const hosts = [world.host({ port: 1 }), world.host({ port: 2 }), world.host({ port: 3, health: "unhealthy" })];
  const balancer = world.balancer(hosts, policy);
  const pick = (header: string, values?: Readonly<Record<string, unknown>>): number => {
    const headers = new RequestHeaderMap("GET", "/", "a.test", "http");
    if (header !== "") headers.fields.push(field("x-endpoint", header));
    const metadata = {
      get: (name: string) => (name === "envoy.lb" ? values : undefined),
    } as unknown as DynamicMetadata;
    return hosts.indexOf(balancer.pick({ headers, metadata })!);
  };
  return { pick, balancer, hosts };
}

test.each([
  ["one", "127.0.0.1:2", 1],
  ["the first that is known", "10.9.9.9:9, 127.0.0.1:2", 1],
  ["not one that is unhealthy", "127.0.0.1:3", 0],
  ["not one that is unknown", "127.0.0.1:4", 0],
  ["none", "", 0],
  ["nonsense without end", `${"x,".repeat(100_000)}127.0.0.1:2`, 0],
])("the header names %s", (_title, header, expected) => {
  expect(setup().pick(header)).toBe(expected);
});

test("metadata names one where no header does; a request that says nothing goes by the other policy", () => {
  const { pick, balancer, hosts } = setup();
  expect(pick("", { "x-endpoint": "127.0.0.1:2" })).toBe(1);
  expect(pick("127.0.0.1:1", { "x-endpoint": "127.0.0.1:2" })).toBe(0);
  expect(pick("", { "x-endpoint": 5 })).toBe(0);
  expect(balancer.pick(null)).toBe(hosts[0]);
});
