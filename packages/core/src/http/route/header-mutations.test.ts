import { describe, expect, it, test } from "vitest";
import { adds, entries } from "../../../../../test/support/route-model.ts";
import { formatContext } from "../../../../../test/support/format-context.ts";
import type { HeaderMutationModel } from "../../config/model.ts";
import { HeaderMap, field } from "../headers/header-map.ts";
import { HeaderMutations, mutationChain } from "./header-mutations.ts";

function applied(
  model: HeaderMutationModel,
  before: ReadonlyArray<readonly [string, string]>,
  context = formatContext(),
): string[] {
  const headers = new HeaderMap(before.map(([name, value]) => field(name, value)));
  new HeaderMutations(model).apply(headers, context);
  return entries(headers);
}

describe("the four actions", () => {
  const there = [
    ["x-a", "1"],
    ["x-b", "2"],
    ["x-a", "3"],
  ] as const;
  test.each([
    ["append", ["x-a: 1", "x-b: 2", "x-a: 3", "x-a: new"], ["x-b: 2", "x-a: new"]],
    ["add_if_absent", ["x-a: 1", "x-b: 2", "x-a: 3"], ["x-b: 2", "x-a: new"]],
    ["overwrite_or_add", ["x-a: new", "x-b: 2"], ["x-b: 2", "x-a: new"]],
    ["overwrite_if_exists", ["x-a: new", "x-b: 2"], ["x-b: 2"]],
  ] as const)("%s", (action, whereThere, whereNot) => {
    expect(applied(adds({ "X-A": "new" }, action), there)).toEqual(whereThere);
    expect(applied(adds({ "X-A": "new" }, action), [["x-b", "2"]])).toEqual(whereNot);
  });
});

describe("mutations", () => {
  it("remove every value of a name, before anything is added", () => {
    const model = { ...adds({ "x-a": "new" }, "overwrite_if_exists"), remove: ["X-A"] };
    expect(
      applied(model, [
        ["x-a", "1"],
        ["x-a", "2"],
      ]),
    ).toEqual([]);
    expect(applied({ ...adds({ "x-a": "new" }), remove: ["x-a"] }, [["x-a", "1"]])).toEqual(["x-a: new"]);
  });

  it("see the headers as they were: one does not read what another of its level adds", () => {
    const model: HeaderMutationModel = {
      add: [
        { name: "x-a", value: "1", action: "append", keepEmpty: false },
        { name: "x-a", value: "2", action: "add_if_absent", keepEmpty: false },
        { name: "x-a", value: "3", action: "overwrite_if_exists", keepEmpty: false },
        { name: "x-a", value: "4", action: "overwrite_or_add", keepEmpty: false },
      ],
      remove: [],
    };
    // Overwrites first, then what is added.
    expect(applied(model, [])).toEqual(["x-a: 4", "x-a: 1", "x-a: 2"]);
  });

  it("render operators, and trim what comes out", () => {
    const model = adds({ "x-from": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", "x-b": " b %PROTOCOL% " });
    expect(applied(model, [])).toEqual(["x-from: 192.0.2.7", "x-b: b HTTP/1.1"]);
  });

  it("add nothing where the value is empty, unless they are told to", () => {
    expect(applied(adds({ "x-a": "%REQ(X-NONE)%", "x-b": "" }), [])).toEqual([]);
    expect(applied(adds({ "x-a": "%REQ(X-NONE)%" }, "overwrite_or_add"), [["x-a", "1"]])).toEqual(["x-a: 1"]);
    const keeping = {
      add: [{ name: "x-a", value: "%REQ(X-NONE)%", action: "append", keepEmpty: true }],
      remove: [],
    } as const;
    expect(applied(keeping, [])).toEqual(["x-a: "]);
  });

  it("never let a value end the line", () => {
    const context = formatContext();
    context.metadata.set("acme", { evil: "a\r\nx-evil: 1\u0000" });
    expect(applied(adds({ "x-a": "%DYNAMIC_METADATA(acme:evil)%" }), [], context)).toEqual(["x-a: ax-evil: 1"]);
  });

  it("are null where no level does anything", () => {
    expect(mutationChain([{ add: [], remove: [] }])).toBeNull();
    expect(mutationChain([{ add: [], remove: [] }, adds({ a: "b" })])).toHaveLength(1);
  });

  it("refuse a value that is no format", () => {
    expect(() => new HeaderMutations(adds({ a: "%NOPE%" }))).toThrow(/%NOPE%/);
  });
});
