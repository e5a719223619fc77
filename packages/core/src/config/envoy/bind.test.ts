import { describe, expect, test } from "vitest";
import { bindYaml } from "../../../../../test/support/bind-yaml.ts";
import { Problems } from "../problems.ts";
import { PlainSource } from "../source/plain-source.ts";
import { bind } from "./bind.ts";
import type { Bootstrap } from "./generated/envoy/config/bootstrap/v3/bootstrap_pb.js";
import type { Cluster } from "./generated/envoy/config/cluster/v3/cluster_pb.js";
import type { RouteMatch } from "./generated/envoy/config/route/v3/route_components_pb.js";
import { allSupported } from "../../../../../test/support/bind-yaml.ts";

const cluster = (text: string) => bindYaml<Cluster>("envoy.config.cluster.v3.Cluster", text);
const bootstrap = (text: string) => bindYaml<Bootstrap>("envoy.config.bootstrap.v3.Bootstrap", text);

describe("fields", () => {
  test("snake_case and camelCase name the same field", () => {
    for (const text of ["connect_timeout: 1s\nname: a", "connectTimeout: 1s\nname: a"]) {
      const { tree, lines } = cluster(text);
      expect(lines).toEqual([]);
      expect(tree.root.connectTimeout).toMatchObject({ seconds: 1n, nanos: 0 });
    }
  });

  test("one field in both spellings", () => {
    const { lines, tree } = cluster("name: a\nconnectTimeout: 1s\nconnect_timeout: 2s");
    expect(lines).toEqual(["2:1 connectTimeout connectTimeout and connect_timeout are the same field"]);
    expect(tree.root.connectTimeout?.seconds).toBe(2n);
  });

  test("an unknown field is told at its key, with the near miss", () => {
    expect(cluster("name: a\nlb_polic: RANDOM").lines).toEqual([
      '2:1 lb_polic unknown field; did you mean "lb_policy"?',
    ]);
    expect(cluster("name: a\nnope_nope: 1").lines).toEqual(["2:1 nope_nope unknown field"]);
  });

  test("where nothing is near and there are few, the fields are listed", () => {
    const { lines } = bootstrap("admin: { address: { pipe: { zzzzzz: 1, path: /a } } }");
    expect(lines).toEqual(["1:29 admin.address.pipe.zzzzzz unknown field, expected one of path, mode"]);
  });

  test("null leaves a field unset", () => {
    const { tree, lines } = cluster("name: a\nconnect_timeout:\nlb_policy: null\ntransport_socket: ~");
    expect(lines).toEqual([]);
    expect(tree.root.connectTimeout).toBeUndefined();
    expect(tree.root.lbPolicy).toBe(0);
  });

  test("__proto__, constructor and toString are unknown fields, and nothing else", () => {
    const { lines, tree } = cluster("name: a\n__proto__: {a: 1}\nconstructor: 1\ntoString: 2");
    expect(lines.map((line) => line.split(" ").slice(0, 4).join(" "))).toEqual([
      "2:1 __proto__ unknown field",
      "3:1 constructor unknown field",
      "4:1 toString unknown field",
    ]);
    expect(Object.getPrototypeOf(tree.root)).toBe(Object.prototype);
  });

  test("a map takes __proto__ as a key", () => {
    const { tree } = cluster('name: a\nmetadata: { filter_metadata: { __proto__: { x: 1 }, "a.b": {} } }');
    expect(Object.entries(tree.root.metadata?.filterMetadata ?? {})).toEqual([
      ["__proto__", { x: 1 }],
      ["a.b", {}],
    ]);
  });
});

describe("oneofs", () => {
  const match = (text: string) => bindYaml<RouteMatch>("envoy.config.route.v3.RouteMatch", text);

  test("the arm that is set is the case", () => {
    expect(match("prefix: /a").tree.root.pathSpecifier).toEqual({ case: "prefix", value: "/a" });
  });

  test("two arms are told at the second", () => {
    const { lines, tree } = match("prefix: /a\npath: /b");
    expect(lines).toEqual(["2:1 path only one of prefix and path may be set"]);
    expect(tree.root.pathSpecifier.case).toBe("prefix");
  });

  test("none of a required oneof is told at the message", () => {
    expect(match("case_sensitive: true").lines[0]).toMatch(/^1:1 one of prefix, path, safe_regex, .* is missing$/);
  });

  test("a wrong arm is no missing arm", () => {
    expect(match("prefix: [1]").lines).toEqual(["1:9 prefix found a list, expected a text"]);
  });
});

describe("shapes", () => {
  test.each([
    [
      "static_resources: 5",
      "1:19 static_resources found the number 5, expected a mapping (envoy.config.bootstrap.v3.Bootstrap.StaticResources)",
    ],
    ["static_resources: { clusters: {} }", "1:31 static_resources.clusters found a mapping, expected a list"],
    [
      "static_resources: { clusters: [null] }",
      "1:32 static_resources.clusters[0] found nothing, expected a mapping (envoy.config.cluster.v3.Cluster)",
    ],
    ["node: { metadata: [] }", "1:19 node.metadata found a list, expected a mapping"],
    ["node: { dynamic_parameters: x }", '1:29 node.dynamic_parameters found the text "x", expected a mapping'],
    ["default_config_source: { ads: 1 }", /^1:31 default_config_source.ads found the number 1, expected a mapping/],
  ])("%s", (text, expected) => {
    const { lines } = bootstrap(text);
    expect(lines).toHaveLength(1);
    if (typeof expected === "string") expect(lines[0]).toBe(expected);
    else expect(lines[0]).toMatch(expected);
  });

  test("all problems of a file come at once", () => {
    const text = `
admin: { adress: {} }
static_resources:
  clusters:
    - name: a
      type: STATICC
      connect_timeout: 5
    - 7
    - { name: "", lb_policy: [x] }
`;
    expect(bootstrap(text).lines).toEqual([
      '2:10 admin.adress unknown field; did you mean "address"?',
      '6:13 static_resources.clusters[0].type found "STATICC", expected one of STATIC, STRICT_DNS, LOGICAL_DNS, EDS, ORIGINAL_DST; did you mean "STATIC"?',
      '7:24 static_resources.clusters[0].connect_timeout found the number 5, expected a duration in seconds, as in 1.5s; did you mean "5s"?',
      "8:7 static_resources.clusters[1] found the number 7, expected a mapping (envoy.config.cluster.v3.Cluster)",
      "9:15 static_resources.clusters[2].name found an empty text, expected a text that is not empty",
      "9:30 static_resources.clusters[2].lb_policy found a list, expected one of ROUND_ROBIN, LEAST_REQUEST, RING_HASH, RANDOM, MAGLEV, CLUSTER_PROVIDED, LOAD_BALANCING_POLICY_CONFIG",
    ]);
  });

  test("what is right around a problem is there", () => {
    const { tree } = bootstrap("static_resources: { clusters: [{ name: a, type: NOPE }, 5, { name: b }] }");
    expect(tree.root.staticResources?.clusters.map(({ name }) => name)).toEqual(["a", "b"]);
  });

  test("messages that hold each other are read to a limit", () => {
    const nested = `${"{ on_no_match: { matcher: ".repeat(60)}{}${" } }".repeat(60)}`;
    const { problems } = bindYaml("xds.type.matcher.v3.Matcher", nested);
    expect([...problems].map(({ code }) => code)).toContain("ERR_CONFIG_TOO_DEEP");
  });
});

describe("a configuration that was never text", () => {
  const options = { supported: allSupported, allowUnsupported: false, extensionTypes: new Set<string>() };

  function bindValue(root: object) {
    const problems = new Problems();
    const value = root as Record<string, never>;
    const tree = bind<Cluster>("envoy.config.cluster.v3.Cluster", value, new PlainSource("sluice.config.ts", value), {
      ...options,
      problems,
    });
    return { tree, text: problems.format() };
  }

  test("is told by path", () => {
    const { text } = bindValue({ name: "a", connect_timeout: 5 });
    expect(text).toContain("sluice.config.ts  connect_timeout  found the number 5");
  });

  test("undefined is unset; functions, bigints and cycles are problems", () => {
    const cycle: Record<string, unknown> = { filter_metadata: {} };
    cycle["filter_metadata"] = { a: cycle };
    const { tree, text } = bindValue({
      name: "a",
      lb_policy: undefined,
      alt_stat_name: () => 1,
      type: 2n,
      metadata: cycle,
    });
    expect(tree.root.name).toBe("a");
    expect(text).toContain("alt_stat_name  found a function, expected a text");
    expect(text).toContain("type  found a bigint, expected one of");
    expect(text).toContain("metadata.filter_metadata.a  the data is nested deeper than 100 levels");
  });
});

test("a name that is no message is a mistake of the caller", () => {
  expect(() => bindYaml("envoy.config.Nope" as never, "a: 1")).toThrow("envoy.config.Nope is no message");
});
