import { expect, test } from "vitest";
import { proxyProtocolConfig } from "./config.ts";

const judge = (value: unknown) => proxyProtocolConfig["~standard"].validate(value);

test("Envoy's defaults: both versions, nothing without a header", () => {
  expect(judge({})).toEqual({
    value: { allowsRequestsWithout: false, takesV1: true, takesV2: true, rules: [], passed: null, statPrefix: "" },
  });
});

test("everything set", () => {
  const value = {
    allow_requests_without_proxy_protocol: true,
    disallowed_versions: ["V1"],
    rules: [
      { tlv_type: 2, on_tlv_present: { key: "authority" } },
      { tlv_type: 0xea, on_tlv_present: { metadata_namespace: "aws", key: "vpce" } },
    ],
    stat_prefix: "edge",
  };
  expect(judge(value)).toEqual({
    value: {
      allowsRequestsWithout: true,
      takesV1: false,
      takesV2: true,
      rules: [
        { type: 2, namespace: "envoy.filters.listener.proxy_protocol", key: "authority" },
        { type: 234, namespace: "aws", key: "vpce" },
      ],
      passed: null,
      statPrefix: "edge.",
    },
  });
});

test("TLVs for upstreams: all, or some", () => {
  expect(judge({ pass_through_tlvs: {} })).toHaveProperty("value.passed", "all");
  const some = { match_type: "INCLUDE", tlv_type: [2, 234] };
  expect(judge({ pass_through_tlvs: some })).toHaveProperty("value.passed", new Set([2, 234]));
});

test.each([
  ["a word for a flag", { allow_requests_without_proxy_protocol: "yes" }, ["allow_requests_without_proxy_protocol"]],
  ["a version that there is not", { disallowed_versions: ["V3"] }, ["disallowed_versions", 0]],
  ["no version at all", { disallowed_versions: ["V1", "V2"] }, ["disallowed_versions"]],
  ["rules that are no list", { rules: {} }, ["rules"]],
  ["a type that is no byte", { rules: [{ tlv_type: 256, on_tlv_present: { key: "a" } }] }, ["rules", 0, "tlv_type"]],
  ["a rule without a key", { rules: [{ tlv_type: 1, on_tlv_present: {} }] }, ["rules", 0, "on_tlv_present", "key"]],
  ["a rule that does nothing", { rules: [{ tlv_type: 1 }] }, ["rules", 0, "on_tlv_present"]],
  [
    "a way to choose TLVs that there is not",
    { pass_through_tlvs: { match_type: "EXCLUDE" } },
    ["pass_through_tlvs", "match_type"],
  ],
  [
    "a type of TLVs that is no byte",
    { pass_through_tlvs: { tlv_type: [1, 256] } },
    ["pass_through_tlvs", "tlv_type", 1],
  ],
  ["no mapping", true, []],
])("%s is refused", (_title, value, path) => {
  expect(judge(value)).toHaveProperty("issues.0.path", path);
});
