import { describe, expect, test } from "vitest";
import { allSupported, bindYaml } from "../../../../../test/support/bind-yaml.ts";
import { Problems } from "../problems.ts";
import { PlainSource } from "../source/plain-source.ts";
import { bind } from "./bind.ts";
import { enumName } from "./enum-name.ts";
import type { Bootstrap } from "./generated/envoy/config/bootstrap/v3/bootstrap_pb.js";

const text = `admin:
  address: { pipe: { path: /p } }
staticResources:
  clusters:
    - name: web
      connectTimeout: 0.25s
      load_assignment:
        cluster_name: web
        endpoints:
          - lb_endpoints: [5, { endpoint: { address: { pipe: { path: /a } } } }]
      typed_extension_protocol_options:
        envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
          "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
          explicit_http_config: { http_protocol_options: {} }
`;
const { tree, lines } = bindYaml<Bootstrap>("envoy.config.bootstrap.v3.Bootstrap", text);
const resources = tree.root.staticResources;
const cluster = resources?.clusters[0];
const endpoints = cluster?.loadAssignment?.endpoints[0];
if (resources === undefined || cluster === undefined || endpoints === undefined) throw new Error(lines.join("\n"));

const shown = ({ line, column, path }: { line: number; column: number; path: string }) => `${line}:${column} ${path}`;

describe("places", () => {
  const option = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
  test.each([
    ["the root", () => tree.at(tree.root), "1:1 "],
    ["a message", () => tree.at(cluster), "5:7 staticResources.clusters[0]"],
    [
      "a field, in the spelling of the file",
      () => tree.at(cluster, "connect_timeout"),
      "6:23 staticResources.clusters[0].connectTimeout",
    ],
    ["a field's name", () => tree.at(cluster, "name", undefined, "key"), "5:7 staticResources.clusters[0].name"],
    ["a field that is not set", () => tree.at(cluster, "lb_policy"), "5:7 staticResources.clusters[0].lb_policy"],
    [
      "a message that is written as a text",
      () => tree.at(cluster.connectTimeout as never),
      "6:23 staticResources.clusters[0].connectTimeout",
    ],
    ["an element", () => tree.at(resources, "clusters", 0), "5:7 staticResources.clusters[0]"],
    [
      "an element after one that was left out",
      () => tree.at(endpoints, "lb_endpoints", 0),
      "10:31 staticResources.clusters[0].load_assignment.endpoints[0].lb_endpoints[1]",
    ],
    [
      "an entry of a map",
      () => tree.at(cluster, "typed_extension_protocol_options", option),
      `13:11 staticResources.clusters[0].typed_extension_protocol_options["${option}"]`,
    ],
    ["a message of elsewhere", () => tree.at({ $typeName: "envoy.x" } as never, "name"), "0:0 "],
    [
      "a path below a message",
      () => tree.atPath(cluster, ["load_assignment", "cluster_name"]),
      "8:23 staticResources.clusters[0].load_assignment.cluster_name",
    ],
    [
      "a path in the other spelling",
      () => tree.atPath(tree.root, ["static_resources", "clusters", 0, "connect_timeout"]),
      "6:23 staticResources.clusters[0].connectTimeout",
    ],
    [
      "a path that ends early",
      () => tree.atPath(cluster, ["load_assignment", "policy", "x"]),
      "8:9 staticResources.clusters[0].load_assignment.policy",
    ],
    ["an empty path", () => tree.atPath(cluster, []), "5:7 staticResources.clusters[0]"],
  ])("%s", (_, place, expected) => {
    expect(shown(place())).toBe(expected);
  });

  test("a payload's fields stand in the Any", () => {
    const any = cluster.typedExtensionProtocolOptions[option];
    const payload = any === undefined ? undefined : tree.payload(any);
    if (payload?.kind !== "message") throw new Error("no message");
    expect(shown(tree.at(payload.message, "explicit_http_config"))).toMatch(
      /^14:33 .*HttpProtocolOptions"\]\.explicit_http_config$/,
    );
  });
});

test("damage is known of every message around a problem, and of no other", () => {
  expect(lines).toHaveLength(1);
  expect([tree.root, resources, cluster, endpoints].map((message) => tree.isDamaged(message))).toEqual([
    true,
    true,
    true,
    true,
  ]);
  expect(tree.root.admin && tree.isDamaged(tree.root.admin)).toBe(false);
});

describe("toJson", () => {
  test("is fresh plain data that binds again to the same", () => {
    const good = bindYaml<Bootstrap>("envoy.config.bootstrap.v3.Bootstrap", text.replace("[5, ", "["));
    const json = good.tree.toJson(good.tree.root);
    expect(structuredClone(json)).toEqual(json);
    expect(Object.keys(json)).toEqual(["static_resources", "admin"]);
    const problems = new Problems();
    const options = { supported: allSupported, allowUnsupported: false, extensionTypes: new Set<string>(), problems };
    const again = bind<Bootstrap>("envoy.config.bootstrap.v3.Bootstrap", json, new PlainSource("f", json), options);
    expect(problems.format()).toBe("");
    expect(again.toJson(again.root)).toEqual(json);
  });

  test("does not share data with the source", () => {
    const { tree: node } = bindYaml("envoy.config.core.v3.Node", "id: a\nmetadata: { a: { b: 1 } }");
    const first = node.toJson(node.root) as { metadata: { a: { b: number } } };
    first.metadata.a.b = 2;
    expect(node.toJson(node.root)).toEqual({ id: "a", metadata: { a: { b: 1 } } });
  });
});

test("enum values have names", () => {
  expect(enumName("envoy.config.cluster.v3.Cluster.LbPolicy", 1)).toBe("LEAST_REQUEST");
  expect(enumName("envoy.config.cluster.v3.Cluster.LbPolicy", 99)).toBe("99");
  expect(() => enumName("envoy.config.cluster.v3.Cluster", 1)).toThrow("no enum");
});
