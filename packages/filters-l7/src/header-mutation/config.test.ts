import { describe, expect, it, test } from "vitest";
import { settingsOf } from "../../../../test/support/l7-chain.ts";
import { headerMutation } from "./index.ts";

const option = { name: "x-a", text: "b", action: "append", keepEmpty: false };
const request = (...request_mutations: object[]) => ({ mutations: { request_mutations } });

describe("configuration", () => {
  it("is a list of mutations for each direction", () => {
    const config = {
      mutations: {
        request_mutations: [{ append: { header: { key: "X-A", value: "b" } } }, { remove: "X-B" }],
        response_mutations: [
          {
            append: {
              header: { key: "x-a", value: "b" },
              append_action: "OVERWRITE_IF_EXISTS",
              keep_empty_value: true,
            },
          },
        ],
      },
      most_specific_header_mutations_wins: true,
    };
    expect(settingsOf(headerMutation, "config", config)).toEqual({
      mutations: {
        request: [
          { kind: "add", option },
          { kind: "remove", name: "x-b" },
        ],
        response: [{ kind: "add", option: { ...option, action: "overwrite_if_exists", keepEmpty: true } }],
      },
      mostSpecificWins: true,
    });
  });

  it("may be empty", () => {
    expect(settingsOf(headerMutation, "config", {})).toEqual({
      mutations: { request: [], response: [] },
      mostSpecificWins: false,
    });
    expect(settingsOf(headerMutation, "routeConfig", {})).toEqual({ mutations: { request: [], response: [] } });
  });

  test.each([
    [{ append: { header: { key: "a", value: "" }, append_action: "ADD_IF_ABSENT" } }, "add_if_absent"],
    [{ append: { header: { key: "a", value: "" }, append_action: "OVERWRITE_IF_EXISTS_OR_ADD" } }, "overwrite_or_add"],
    [{ append: { header: { key: "a", value: "" }, append: true } }, "append"],
    [{ append: { header: { key: "a", value: "" }, append: false } }, "overwrite_or_add"],
  ])("%j is the action %s", (mutation, action) => {
    expect(settingsOf(headerMutation, "config", request(mutation))).toMatchObject({
      mutations: { request: [{ option: { action } }] },
    });
  });

  it("takes a value as bytes of UTF-8", () => {
    const raw = Buffer.from("é").toString("base64");
    expect(
      settingsOf(headerMutation, "config", request({ append: { header: { key: "a", raw_value: raw } } })),
    ).toMatchObject({
      mutations: { request: [{ option: { text: "é" } }] },
    });
  });

  test.each([
    [request({}), "mutations.request_mutations.0.append: expected append or remove"],
    [request({ remove: "a", append: { header: { key: "a" } } }), "remove: append and remove are both set"],
    [request({ remove: ":path" }), 'remove: ":path" cannot be changed here'],
    [request({ append: {} }), "append.header: expected the header to add"],
    [request({ append: { header: { key: "", value: "x" } } }), 'header.key: "" cannot be changed here'],
    [request({ append: { header: { key: ":authority", value: "x" } } }), "cannot be changed here"],
    [request({ append: { header: { key: "host", value: "x" } } }), "cannot be changed here"],
    [request({ append: { header: { key: "two words", value: "x" } } }), "cannot be changed here"],
    [request({ append: { header: { key: "a", value: 1 } } }), "header.value: expected a text"],
    [
      request({ append: { header: { key: "a", value: "b", raw_value: "Yg==" } } }),
      "raw_value: value and raw_value are both set",
    ],
    [request({ append: { header: { key: "a", raw_value: "/w==" } } }), "raw_value: expected UTF-8 text in base64"],
    [
      request({ append: { header: { key: "a", value: "b" }, append_action: "REPLACE" } }),
      "append_action: expected one of APPEND_IF_EXISTS_OR_ADD",
    ],
    [
      request({ append: { header: { key: "a", value: "b" }, append: true, append_action: "ADD_IF_ABSENT" } }),
      "append: append and append_action are both set",
    ],
    [{ mutations: { request_mutations: {} } }, "mutations.request_mutations: expected a list"],
    [{ mutations: { query_parameter_mutations: [] } }, "unknown field query_parameter_mutations"],
  ])("%j is refused: %s", (config, message) => {
    expect(() => settingsOf(headerMutation, "config", config)).toThrow(message);
    expect(() => settingsOf(headerMutation, "routeConfig", config)).toThrow(message);
  });
});
