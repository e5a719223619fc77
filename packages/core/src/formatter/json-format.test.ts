import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatContext } from "../../../../test/support/format-context.ts";
import type { Json } from "../config/model.ts";
import type { FormatContext } from "./context.ts";
import { JsonFormatProblem, compileJsonFormat } from "./json-format.ts";

function line(json: Json, context: FormatContext = formatContext()): string {
  const format = compileJsonFormat(json);
  if (format instanceof JsonFormatProblem) throw new Error(format.message);
  return Buffer.from(format.render(context), "latin1").toString("utf8");
}

describe("a JSON line", () => {
  it("keeps keys in their order, and the type of an operator that stands alone", () => {
    const text = line({
      status: "%RESPONSE_CODE%",
      took: "%DURATION%",
      port: "%UPSTREAM_REMOTE_PORT%",
      path: "%REQ(:PATH)%",
      flags: "%RESPONSE_FLAGS%",
    });
    expect(text).toBe('{"status":200,"took":42,"port":8080,"path":"/path?x=1","flags":"-"}\n');
  });

  it("has null for a value that is missing, and a dash inside a longer text", () => {
    expect(line({ a: "%REQ(X-NONE)%", b: "<%REQ(X-NONE)%>" })).toBe('{"a":null,"b":"<->"}\n');
  });

  it("makes a text of several operators", () => {
    expect(line({ a: "%RESPONSE_CODE%/%DURATION%" })).toBe('{"a":"200/42"}\n');
  });

  it("takes literals, nesting and lists as they are", () => {
    const json = { n: 1, b: true, z: null, list: ["%PROTOCOL%", 2, { x: "y" }], 'k"ey': "50%%" };
    expect(JSON.parse(line(json))).toEqual({
      n: 1,
      b: true,
      z: null,
      list: ["HTTP/1.1", 2, { x: "y" }],
      'k"ey': "50%",
    });
  });

  it("keeps the shape of what filters left", () => {
    const context = formatContext();
    context.metadata.set("acme", { deep: { list: [1, "zoë"] }, text: "naïve" });
    context.filterState.set("s", "état");
    expect(
      JSON.parse(
        line(
          { a: "%DYNAMIC_METADATA(acme:deep)%", b: "%DYNAMIC_METADATA(acme:text)%", c: "%FILTER_STATE(s)%" },
          context,
        ),
      ),
    ).toEqual({
      a: { list: [1, "zoë"] },
      b: "naïve",
      c: "état",
    });
  });

  it("decodes header values that are UTF-8, and stays valid where they are not", () => {
    const request = { "x-utf8": Buffer.from("héllo €", "utf8").toString("latin1"), "x-latin": "\u00ff\u00fe" };
    expect(JSON.parse(line({ a: "%REQ(X-UTF8)%", b: "%REQ(X-LATIN)%" }, formatContext({ request })))).toEqual({
      a: "héllo €",
      b: "\u00ff\u00fe",
    });
  });

  it("cuts after so many bytes and is valid all the same", () => {
    const request = { "x-a": Buffer.from("€€", "utf8").toString("latin1") };
    expect(() => JSON.parse(line({ a: "%REQ(X-A):4%" }, formatContext({ request }))) as unknown).not.toThrow();
  });

  it("is one line of valid JSON whatever the values hold", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (a, b) => {
        const context = formatContext({ details: a });
        context.metadata.set("m", { [b]: a, v: b });
        const text = line(
          { d: "%RESPONSE_CODE_DETAILS%", m: "%DYNAMIC_METADATA(m)%", t: "<%DYNAMIC_METADATA(m:v)%>" },
          context,
        );
        expect(text.indexOf("\n")).toBe(text.length - 1);
        expect((JSON.parse(text) as { t: string }).t).toBe(`<${Buffer.from(b, "utf8").toString("utf8")}>`);
      }),
    );
  });

  it("names the place of a text that is wrong", () => {
    const problem = compileJsonFormat({ a: ["ok", { b: "x%FOO%" }] });
    expect(problem).toBeInstanceOf(JsonFormatProblem);
    expect(problem).toMatchObject({
      path: ["a", 1, "b"],
      position: 1,
      message: expect.stringContaining("%FOO%") as unknown,
    });
  });
});
