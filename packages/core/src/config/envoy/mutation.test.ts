/** Whatever is done to a good bootstrap, reading it gives a tree and problems, and never throws. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { allSupported } from "../../../../../test/support/bind-yaml.ts";
import { pick, seeded } from "../../../../../test/support/random-json.ts";
import type { Json } from "../model.ts";
import { Problems } from "../problems.ts";
import { parseSource } from "../source/parse-source.ts";
import { PlainSource } from "../source/plain-source.ts";
import type { JsonObject, Source } from "../source/source.ts";
import { bind } from "./bind.ts";
import type { Bootstrap } from "./generated/envoy/config/bootstrap/v3/bootstrap_pb.js";

const api = "type.googleapis.com/envoy.extensions.filters";
const good = `
node: { id: a, metadata: { deep: { list: [1, null, { x: y }] } } }
admin: { address: { socket_address: { address: 127.0.0.1, port_value: 9901 } } }
static_resources:
  listeners:
    - name: http
      address: { socket_address: { address: "::", port_value: 10000 } }
      filter_chains:
        - filters:
            - name: hcm
              typed_config:
                "@type": ${api}.network.http_connection_manager.v3.HttpConnectionManager
                stat_prefix: in
                codec_type: AUTO
                request_timeout: 1.5s
                route_config:
                  virtual_hosts:
                    - name: all
                      domains: ["*"]
                      routes:
                        - match: { prefix: /, headers: [{ name: x, string_match: { exact: y } }] }
                          route: { cluster: web, timeout: 3s }
                          typed_per_filter_config:
                            buffer: { "@type": "${api}.http.buffer.v3.BufferPerRoute", disabled: true }
                http_filters:
                  - { name: router, typed_config: { "@type": "${api}.http.router.v3.Router" } }
  clusters:
    - { name: web, type: STRICT_DNS, connect_timeout: 0.25s, lb_policy: 1, metadata: { filter_metadata: { a: {} } } }
`;
const goodJson = parseSource(good, "f", new Problems()).root as JsonObject;

function bindAll(source: Source, problems: Problems): boolean {
  if (source.root === undefined) return false;
  const options = { supported: allSupported, allowUnsupported: false, extensionTypes: new Set(["acme.x"]), problems };
  const tree = bind<Bootstrap>("envoy.config.bootstrap.v3.Bootstrap", source.root, source, options);
  JSON.stringify(tree.toJson(tree.root));
  problems.format();
  return true;
}

test("the good one has no problems", () => {
  const problems = new Problems();
  expect(bindAll(parseSource(good, "f", problems), problems)).toBe(true);
  expect(problems.format()).toBe("");
});

test("any change of the value", () => {
  const values = fc.jsonValue({ depthSize: "small" }) as fc.Arbitrary<Json>;
  fc.assert(
    fc.property(fc.array(fc.record({ seed: fc.nat(), value: values }), { minLength: 1, maxLength: 4 }), (changes) => {
      const json = structuredClone(goodJson);
      for (const { seed, value } of changes) change(json, value, seed);
      const problems = new Problems();
      expect(bindAll(new PlainSource("f", json), problems)).toBe(true);
      for (const problem of problems) expect(problem.message).not.toBe("");
    }),
    { numRuns: 1000 },
  );
});

test("any change of the text", () => {
  const edit = fc.record({
    at: fc.nat(good.length),
    remove: fc.nat(20),
    insert: fc.oneof(
      fc.string(),
      fc.constantFrom("*a", "&a ", "<<: ", "\t", "- ", "{", "]", "!ignore ", ": ", "---\n", "'", "\u0000"),
    ),
  });
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 3 }), (edits) => {
      const text = edits.reduce(
        (now, { at, remove, insert }) => now.slice(0, at) + insert + now.slice(at + remove),
        good,
      );
      const problems = new Problems();
      const isRead = bindAll(parseSource(text, "f", problems), problems);
      expect(isRead || problems.hasErrors).toBe(true);
      for (const { line, column } of problems) expect(line > 0 && column > 0).toBe(true);
    }),
    { numRuns: 1000 },
  );
});

/** Replaces, adds or removes one entry, or writes a value to a second place. */
function change(json: JsonObject, value: Json, seed: number): void {
  const random = seeded(seed);
  let holder: Record<string | number, Json> = json;
  for (;;) {
    const keys = Object.keys(holder);
    const key = pick(random, keys);
    const inner = key === undefined ? null : holder[key];
    if (key === undefined || typeof inner !== "object" || inner === null || random() < 0.2) {
      const kind = random();
      if (kind < 0.1 && key !== undefined && !Array.isArray(holder)) delete holder[key];
      else if (kind < 0.3 && !Array.isArray(holder))
        holder[pick(random, ["@type", "name", "typed_config", "nope", "is_optional", "value"])] = value;
      else if (key !== undefined) holder[key] = value;
      return;
    }
    holder = inner as Record<string, Json>;
  }
}
