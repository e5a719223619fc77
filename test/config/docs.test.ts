// The reference pages name everything that a configuration may say.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { envoyTypes } from "../../packages/core/src/config/envoy/registry.ts";
import { shortKeys } from "../../packages/core/src/config/short/keys.ts";
import { supportTable } from "../../packages/core/src/config/supported.ts";
import { operatorNames } from "../../packages/core/src/formatter/operators.ts";

function page(name: string): string {
  return readFileSync(new URL(`../../docs/configuration/${name}`, import.meta.url), "utf8");
}

/** Words in inline code. */
function namesIn(text: string): Set<string> {
  return new Set([...text.matchAll(/`([^`]+)`/g)].flatMap(([, code = ""]) => code.match(/\w+/g) ?? []));
}

test("short-form.md has a section for every part, which names its keys", () => {
  const sections = new Map(
    page("short-form.md")
      .split(/^##+ /m)
      .map((section) => [section.split("\n")[0], section]),
  );
  for (const [part, keys] of Object.entries(shortKeys)) {
    const named = namesIn(sections.get(part) ?? "");
    expect(
      [...keys].filter((key) => !named.has(key)),
      part,
    ).toEqual([]);
  }
});

test("the tables of short-form.md have no key that does not exist", () => {
  const known = new Set(Object.values(shortKeys).flatMap((keys) => [...keys]));
  const rows = [...page("short-form.md").matchAll(/^\| (`[^|]+`) \|/gm)].flatMap(([, keys = ""]) => [...namesIn(keys)]);
  expect(rows.filter((key) => !known.has(key))).toEqual([]);
});

test("envoy.md lists the messages and fields that are supported, all and no others", () => {
  const rows = [...page("envoy.md").matchAll(/^\| `([\w.]+)` \| (.*) \|$/gm)];
  const listed = Object.fromEntries(rows.map(([, name = "", fields = ""]) => [name, [...namesIn(fields)]]));
  const supported = [...supportTable([])].map(([name, fields]) => {
    const names =
      fields === "all"
        ? (envoyTypes()
            .message(name)
            ?.fields.map((field) => field.name) ?? [])
        : [...fields];
    return [name.replace(/^envoy\./, ""), names];
  });
  expect(listed).toEqual(Object.fromEntries(supported));
});

test("format-strings.md names every operator", () => {
  const named = namesIn(page("format-strings.md"));
  expect(operatorNames().filter((name) => !named.has(name))).toEqual([]);
});
