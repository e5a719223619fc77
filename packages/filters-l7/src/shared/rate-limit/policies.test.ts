import { httpHarness } from "@sluice/core/testing";
import { defineHttpFilter, parsedBy } from "@sluice/sdk";
import { describe, expect, it, test } from "vitest";
import { Section } from "../section.ts";
import { descriptorKey, RequestDescriptors } from "./descriptors.ts";
import { compilePolicies, type PolicySettings, parsePolicies } from "./policies.ts";

/** Tells in its answer which descriptors a request has. */
const teller = defineHttpFilter({
  id: "test.teller",
  maturity: "alpha",
  security: "unknown",
  config: parsedBy((value) => parsePolicies(new Section(value, ["rate_limits"]), "rate_limits")),
  create: (settings: readonly PolicySettings[], context) => {
    const policies = compilePolicies(settings, context);
    const descriptors = new RequestDescriptors(0, context.runtime);
    return {
      onRequestHeaders(_headers, _end, stream) {
        stream.metadata.set("ns", {
          a: { text: "here", number: 1, list: ["x"] },
          limit: { requests_per_unit: 2.9, unit: "DAY" },
        });
        const found = descriptors.by(policies, stream);
        const told = found.map(({ entries, limit }) => [
          ...entries.map(({ key, value }) => `${key}=${value}`),
          ...(limit === null ? [] : [`${limit.requestsPerUnit}/${limit.unit}`]),
        ]);
        return { kind: "sluice.reply", status: 200, body: JSON.stringify(told) } as const;
      },
    };
  },
});

async function told(rate_limits: readonly object[], request: object = {}): Promise<string[][]> {
  const harness = await httpHarness(teller, { config: { rate_limits } });
  return JSON.parse((await harness.request(request)).body) as string[][];
}

const one = (action: object) => [{ actions: [action] }];
const at = (...path: string[]) => ({ key: "ns", path: path.map((key) => ({ key })) });

describe("an action", () => {
  test.each([
    [{ remote_address: {} }, {}, ["remote_address=192.0.2.1"]],
    [{ masked_remote_address: { v4_prefix_mask_len: 24 } }, {}, ["masked_remote_address=192.0.2.0/24"]],
    [{ masked_remote_address: {} }, {}, ["masked_remote_address=192.0.2.1/32"]],
    [{ destination_cluster: {} }, {}, ["destination_cluster=upstream"]],
    [{ generic_key: { descriptor_value: "v" } }, {}, ["generic_key=v"]],
    [{ request_headers: { header_name: ":Path", descriptor_key: "p" } }, { path: "/x?y" }, ["p=/x?y"]],
    [{ request_headers: { header_name: ":method", descriptor_key: "m" } }, { method: "PUT" }, ["m=PUT"]],
    [{ request_headers: { header_name: "X-A", descriptor_key: "a" } }, { headers: { "x-a": "1" } }, ["a=1"]],
    [{ metadata: { descriptor_key: "m", metadata_key: at("a", "text") } }, {}, ["m=here"]],
    [{ dynamic_metadata: { descriptor_key: "m", metadata_key: at("a", "text") } }, {}, ["m=here"]],
    [{ metadata: { descriptor_key: "m", metadata_key: at("a", "number"), default_value: "d" } }, {}, ["m=d"]],
    [
      { metadata: { descriptor_key: "m", metadata_key: at("a", "text"), source: "ROUTE_ENTRY", default_value: "d" } },
      {},
      ["m=d"],
    ],
    [
      { header_value_match: { descriptor_value: "v", headers: [{ name: "x-a" }] } },
      { headers: { "x-a": "" } },
      ["header_match=v"],
    ],
    [
      {
        query_parameter_value_match: {
          descriptor_value: "v",
          query_parameters: [{ name: "Q", string_match: { prefix: "a b" } }],
        },
      },
      { path: "/?q=a%20b&Q=a%20bc" },
      ["query_match=v"],
    ],
    [
      {
        query_parameter_value_match: {
          descriptor_value: "v",
          expect_match: false,
          query_parameters: [{ name: "q", present_match: true }],
        },
      },
      { path: "/q?x=q" },
      ["query_match=v"],
    ],
  ])("%j of %j: %j", async (action, request, expected) => {
    expect(await told(one(action), request)).toEqual([expected]);
  });

  test.each([
    [{ request_headers: { header_name: "x-none", descriptor_key: "n" } }],
    [{ request_headers: { header_name: "x-none", descriptor_key: "n", skip_if_absent: true } }],
    [{ metadata: { descriptor_key: "m", metadata_key: at("none") } }],
    [{ metadata: { descriptor_key: "m", metadata_key: at("a", "list", "0") } }],
    [{ metadata: { descriptor_key: "m", metadata_key: at("__proto__") } }],
    [{ metadata: { descriptor_key: "m", metadata_key: at("none"), skip_if_absent: true } }],
    [{ header_value_match: { descriptor_value: "v", headers: [{ name: "x-none" }] } }],
    [{ query_parameter_value_match: { descriptor_value: "v", query_parameters: [{ name: "q" }] } }],
  ])("%j alone makes no descriptor", async (action) => {
    expect(await told(one(action))).toEqual([]);
  });
});

it("makes no descriptor where one action finds nothing, and one without the entries that may be missing", async () => {
  const here = { generic_key: { descriptor_value: "v" } };
  const missing = (skip_if_absent: boolean) => ({
    request_headers: { header_name: "x-none", descriptor_key: "n", skip_if_absent },
  });
  expect(await told([{ actions: [here, missing(false)] }, { actions: [here, missing(true)] }])).toEqual([
    ["generic_key=v"],
  ]);
});

it("takes limits of the request's own out of metadata; what is no limit is none", async () => {
  const policy = (...path: string[]) => ({
    actions: [{ generic_key: { descriptor_value: "v" } }],
    limit: { dynamic_metadata: { metadata_key: at(...path) } },
  });
  expect(await told([policy("limit"), policy("a"), policy("none")])).toEqual([
    ["generic_key=v", "2/DAY"],
    ["generic_key=v"],
    ["generic_key=v"],
  ]);
});

test("descriptors have one key only where they are the same", () => {
  const keys = [
    [["a", "b"]],
    [["ab", ""]],
    [["a", "b1 c"]],
    [
      ["a", "b"],
      ["c", ""],
    ],
    [["a", "b1 c0 "]],
  ].map((entries) => descriptorKey(entries.map(([key = "", value = ""]) => ({ key, value }))));
  expect(new Set(keys).size).toBe(keys.length);
});

test.each([
  [{ source_cluster: {} }, "rate_limits.0.actions.0.source_cluster expected an action of the request"],
  [{}, "expected one of destination_cluster"],
  [{ remote_address: {}, destination_cluster: {} }, "expected one of destination_cluster"],
  [{ extension: {} }, "unknown field extension"],
  [{ generic_key: {} }, "descriptor_value expected a text that is not empty"],
  [{ masked_remote_address: { v4_prefix_mask_len: 33 } }, "expected a whole number from 0 to 32"],
  [{ metadata: { descriptor_key: "k" } }, "metadata_key expected the place of the value"],
  [{ metadata: { descriptor_key: "k", metadata_key: { key: "a" } } }, "path expected at least one key"],
  [{ metadata: { descriptor_key: "k", metadata_key: at("a"), source: "NOWHERE" } }, "expected DYNAMIC or ROUTE_ENTRY"],
  [{ header_value_match: { descriptor_value: "v" } }, "headers expected at least one condition"],
])("%j is refused: %s", async (action, message) => {
  await expect(httpHarness(teller, { config: { rate_limits: one(action) } })).rejects.toThrow(message);
});
