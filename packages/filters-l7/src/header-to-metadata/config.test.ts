import { describe, expect, it, test } from "vitest";
import { settingsOf } from "../../../../test/support/l7-chain.ts";
import { headerToMetadata } from "./index.ts";

const present = { on_header_present: { key: "k" } };
const requestRule = (rule: object): object => ({ request_rules: [rule] });

describe("configuration", () => {
  it("has Envoy's defaults", () => {
    expect(settingsOf(headerToMetadata, "config", requestRule({ header: "X-Team", ...present }))).toEqual({
      request: [
        {
          source: "header",
          name: "x-team",
          onPresent: {
            namespace: "envoy.filters.http.header_to_metadata",
            key: "k",
            value: "",
            rewrite: null,
            type: "STRING",
            isBase64: false,
          },
          onMissing: null,
          removesHeader: false,
        },
      ],
      response: [],
    });
    expect(settingsOf(headerToMetadata, "config", {})).toEqual({ request: [], response: [] });
  });

  test.each([
    [requestRule({ ...present }), "request_rules.0.header: expected header or cookie"],
    [requestRule({ header: "a", cookie: "b", ...present }), "header: expected header or cookie"],
    [requestRule({ header: "a" }), "on_header_present: expected on_header_present or on_header_missing"],
    [requestRule({ header: "a", on_header_missing: { key: "k" } }), "on_header_missing: expected a value"],
    [requestRule({ header: "a", on_header_present: {} }), "on_header_present.key: expected the key"],
    [requestRule({ cookie: "a", remove: true, ...present }), "remove: a cookie cannot be removed"],
    [requestRule({ header: ":path", remove: true, ...present }), "remove: :path cannot be removed"],
    [requestRule({ header: ":status", ...present }), "header: expected a header, or :method"],
    [{ response_rules: [{ header: ":path", ...present }] }, "header: expected a header, or :status"],
    [{ response_rules: [{ cookie: "a", ...present }] }, "cookie: responses have no cookie header"],
    [requestRule({ header: "a", on_header_present: { key: "k", type: "JSON" } }), "type: expected one of STRING"],
    [requestRule({ header: "a", on_header_present: { key: "k", encode: "HEX" } }), "encode: expected one of NONE"],
    [
      requestRule({
        header: "a",
        on_header_present: { key: "k", value: "v", regex_value_rewrite: { pattern: { regex: "a" } } },
      }),
      "value: value and regex_value_rewrite are both set",
    ],
    [
      requestRule({ header: "a", on_header_present: { key: "k", regex_value_rewrite: {} } }),
      "pattern: expected a regular expression",
    ],
  ])("%j is refused: %s", (config, message) => {
    expect(() => settingsOf(headerToMetadata, "config", config)).toThrow(message);
  });

  it("of a route has rules", () => {
    expect(() => settingsOf(headerToMetadata, "routeConfig", {})).toThrow("expected request_rules or response_rules");
  });
});
