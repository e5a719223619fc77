// The redactor against a model: parse, replace, compare; for any JSON, any fields and any chunking.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FieldPatterns } from "./field-patterns.ts";
import { JsonRedactor } from "./redactor.ts";

const R = "[redacted]";
const base = { replacement: Buffer.from(JSON.stringify(R)), maxBytes: 1e6, maxDepth: 50, isSequence: false };

/** What comes out for those chunks; null where the body is refused. */
function redact(
  chunks: readonly (string | Uint8Array)[],
  fields: readonly string[],
  options: object = {},
): { text: string | null; fault: string | null; count: number } {
  const redactor = new JsonRedactor(new FieldPatterns(fields), { ...base, ...options });
  const out: Uint8Array[] = [];
  for (const [index, chunk] of chunks.entries()) {
    const data = Buffer.from(chunk as string);
    const made = redactor.redact(data, index === chunks.length - 1);
    out.push(Buffer.from(made ?? data));
    // The engine takes its buffers back.
    data.fill(0x21);
  }
  const { fault, count } = redactor;
  return { text: fault === null ? Buffer.concat(out).toString() : null, fault, count };
}

/** The same by a parser. */
function model(value: unknown, fields: readonly string[], path: readonly string[] = []): unknown {
  if (Array.isArray(value)) return value.map((each) => model(each, fields, path));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([name, each]) => {
    const here = [...path, name];
    const isMeant = fields.includes(name) || (here.length > 1 && fields.includes(here.join(".")));
    return [name, isMeant ? R : model(each, fields, here)] as const;
  });
  return Object.fromEntries(entries);
}

const name = fc.constantFrom(
  "a",
  "b",
  "secret",
  "Ключ",
  'qu"ote',
  "back\\slash",
  "\u0001",
  "",
  "a long name that is no field at all, however one looks at it, twice over",
);
const leaf = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
  fc.constant('"}],{"secret":'),
);
const { json } = fc.letrec((tie) => ({
  json: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    leaf,
    fc.array(tie("json"), { maxLength: 4 }),
    fc.dictionary(name, tie("json"), { maxKeys: 5, noNullPrototype: true }),
  ),
}));
const fields = fc.subarray(
  ["a", "secret", "Ключ", 'qu"ote', "back\\slash", "\u0001", "a.b", "b.secret", "b.a.secret"],
  { minLength: 1 },
);

/** The text in pieces; names with escapes of every kind. */
const text = fc.tuple(json, fc.constantFrom(0, 2), fc.boolean()).map(([value, indent, escapes]) => {
  const written = JSON.stringify(value, null, indent);
  return {
    value,
    written: escapes
      ? written.replace(/[a-zК-я]/gu, (c) =>
          /^[a-z]$/.test(c) ? c : `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
        )
      : written,
  };
});

function cut(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const points = [...new Set(cuts.map((c) => c % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...points].map((from, i) => bytes.subarray(from, points[i] ?? bytes.length));
}

test("what a parser would see is what is left, for any JSON in any pieces", () => {
  fc.assert(
    fc.property(text, fields, fc.array(fc.nat(), { maxLength: 12 }), ({ value, written }, wanted, cuts) => {
      const { text: out } = redact(cut(Buffer.from(written), cuts), wanted);
      expect(JSON.parse(out!)).toEqual(model(JSON.parse(JSON.stringify(value)), wanted));
    }),
    { numRuns: 500 },
  );
});

test("any pieces give the same bytes", () => {
  fc.assert(
    fc.property(text, fields, fc.array(fc.nat(), { maxLength: 12 }), ({ written }, wanted, cuts) => {
      const bytes = Buffer.from(written);
      expect(redact(cut(bytes, cuts), wanted)).toEqual(redact([bytes], wanted));
    }),
    { numRuns: 300 },
  );
});

test("nothing that JSON.parse refuses gets by, whatever was broken", () => {
  fc.assert(
    fc.property(
      text,
      fc.nat(),
      fc.constantFrom("", ",", '"', "}", "]", "{", ":", "1", "x", "\\", "\n", "\u0000"),
      fc.nat({ max: 2 }),
      ({ written }, at, put, drop) => {
        const where = at % (written.length + 1);
        const broken = written.slice(0, where) + put + written.slice(where + drop);
        const { fault } = redact([broken], ["secret"]);
        let isLegal = true;
        try {
          JSON.parse(broken);
        } catch {
          isLegal = broken.trim() === "";
        }
        expect(fault === null).toBe(isLegal);
      },
    ),
    { numRuns: 1000 },
  );
});

describe("by hand", () => {
  test.each([
    ['{"secret":1}', `{"secret":"${R}"}`],
    ['{ "secret" : {"a":[1,{"b":2}]} , "x":1 }', `{ "secret" : "${R}" , "x":1 }`],
    ['{"se\\u0063ret":"x"}', `{"se\\u0063ret":"${R}"}`],
    ['[{"secret":"a\\"}"},{"secret":true}]', `[{"secret":"${R}"},{"secret":"${R}"}]`],
    ['{"user":{"mail":"x"},"mail":"y"}', `{"user":{"mail":"${R}"},"mail":"y"}`],
    ['{"user":[{"mail":-1.5e3}]}', `{"user":[{"mail":"${R}"}]}`],
    ['"secret"', '"secret"'],
    ["", ""],
    [" \n", " \n"],
  ])("%s becomes %s", (input, output) => {
    expect(redact([input], ["secret", "user.mail"]).text).toBe(output);
    expect(redact([...input], ["secret", "user.mail"]).text).toBe(output);
  });

  test("a body that has nothing of it is not copied", () => {
    const redactor = new JsonRedactor(new FieldPatterns(["secret"]), base);
    expect(redactor.redact(Buffer.from('{"a":1}'), true)).toBeNull();
  });

  test.each([
    ['{"a":1}{"a":2}', "json_invalid"],
    ["01", "json_invalid"],
    ["nul", "json_invalid"],
    ["{'a':1}", "json_invalid"],
    ['{"a":1,}', "json_invalid"],
    ["[1,]", "json_invalid"],
    ['{"a":1', "json_invalid"],
    ["\ufeff{}", "json_invalid"],
    [`${"[".repeat(51)}${"]".repeat(51)}`, "json_too_deep"],
    [`"${"x".repeat(1_000_000)}"`, "json_too_long"],
  ])("%s is refused", (input, fault) => {
    expect(redact([input], ["secret"]).fault).toBe(fault);
  });

  test("a name that is no UTF-8 is refused", () => {
    expect(redact([Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])], ["secret"]).fault).toBe("json_invalid");
  });

  test("values one after another where that is the format", () => {
    expect(redact(['{"secret":1}\n{"secret":2}\n'], ["secret"], { isSequence: true }).text).toBe(
      `{"secret":"${R}"}\n{"secret":"${R}"}\n`,
    );
  });
});
