/** Everything that @bufbuild/protobuf makes of a JSON value, from the same protos, is what bind makes of it. */
import { readFileSync } from "node:fs";
import { create, createFileRegistry, type DescMessage, fromBinary, fromJson, toJson } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { allSupported } from "../../../../../test/support/bind-yaml.ts";
import { pick, type Random, randomMessage, seeded } from "../../../../../test/support/random-json.ts";
import type { Json } from "../model.ts";
import { Problems } from "../problems.ts";
import { PlainSource } from "../source/plain-source.ts";
import { bind } from "./bind.ts";
import { assetUrl, envoyTypes, MessageType } from "./registry.ts";
import { isWellKnown, zeroMessage } from "./well-known.ts";

const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(assetUrl("envoy.binpb"))));
const types = [...envoyTypes().names()]
  .map((name) => envoyTypes().message(name))
  .filter((type) => type instanceof MessageType);
const ownForm = types.filter((type) => !isWellKnown(type.name));

function schema(type: MessageType): DescMessage {
  const found = registry.getMessage(type.name);
  if (found === undefined) throw new Error(`${type.name} is not in envoy.binpb`);
  return found;
}

/** Without what validate.rules say: the library does not read them. */
function ours(type: MessageType, json: { [key: string]: Json }) {
  const problems = new Problems();
  const options = { supported: allSupported, allowUnsupported: false, extensionTypes: new Set<string>(), problems };
  const tree = bind(type.name, json, new PlainSource("f", json), options);
  const shape = [...problems].filter(({ code, message }) => !isRule(code, message));
  return { tree, shape };
}

function isRule(code: string, message: string): boolean {
  if (code === "ERR_CONFIG_REQUIRED") return !message.startsWith("@type");
  return code === "ERR_CONFIG_RANGE" && !message.endsWith("is out of range");
}

/** An Any of ours keeps its payload beside it, not as bytes. */
function withoutAnyBytes(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutAnyBytes);
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  const isAny = "$typeName" in value && value.$typeName === "google.protobuf.Any";
  const entries = Object.entries(value).filter(([key]) => !(isAny && key === "value"));
  return Object.fromEntries(entries.map(([key, each]) => [key, withoutAnyBytes(each)]));
}

test("every message of the descriptor set that is no annotation has its line, and every line its message", () => {
  const isOther = /annotations|^validate\/|^google\/protobuf\/descriptor$|^google\/api\/(?!expr)/;
  const kept = [...registry].filter(
    (type) => (type.kind === "message" || type.kind === "enum") && !isOther.test(type.file.name),
  );
  const names = kept.map((type) => type.typeName);
  expect(names.filter((name) => !(envoyTypes().message(name) ?? envoyTypes().enumeration(name)))).toEqual([]);
  expect([...envoyTypes().names()].filter((name) => !names.includes(name))).toEqual([]);
  expect(types.length).toBeGreaterThan(900);
});

test("an unset message of every type is the library's", () => {
  for (const type of ownForm) expect(zeroMessage(type)).toEqual(create(schema(type)));
});

describe("random values", () => {
  const seeds = fc.record({ index: fc.nat(ownForm.length - 1), seed: fc.nat() });

  test("valid JSON of any message becomes the library's message, and back its JSON", () => {
    fc.assert(
      fc.property(seeds, ({ index, seed }) => {
        const type = ownForm[index] as MessageType;
        const json = randomMessage(type, seeded(seed));
        const expected = fromJson(schema(type), json, { registry });
        const { tree, shape } = ours(type, json);
        expect(shape).toEqual([]);
        expect(withoutAnyBytes(tree.root)).toEqual(withoutAnyBytes(expected));
        expect(tree.toJson(tree.root)).toEqual(toJson(schema(type), expected, { registry, useProtoFieldName: true }));
      }),
      { numRuns: 1500 },
    );
  });

  test("JSON with one thing wrong is refused where the library refuses it, and only there", () => {
    fc.assert(
      fc.property(seeds, ({ index, seed }) => {
        const type = ownForm[index] as MessageType;
        const random = seeded(seed);
        const json = randomMessage(type, random);
        damage(json, random);
        let refused: unknown;
        try {
          fromJson(schema(type), json, { registry });
        } catch (error) {
          refused = error;
        }
        const { shape } = ours(type, json);
        // An Any without a type is empty to the library, and an extension that was forgotten to us.
        fc.pre(!shape.some(({ message }) => message === "@type is missing"));
        const story = JSON.stringify({ type: type.name, json, library: String(refused), shape });
        expect(shape.length > 0, story).toBe(refused !== undefined);
      }),
      { numRuns: 3000 },
    );
  });
});

const wrong: readonly Json[] = [
  null,
  1,
  -1,
  1.5,
  2 ** 40,
  1e30,
  "",
  "x",
  "1.1234567890s",
  "aGk",
  true,
  [],
  {},
  [null],
  { a: null },
  { name: 1 },
];

/** Replaces one value somewhere inside, or adds a key. */
function damage(json: { [key: string]: Json }, random: Random): void {
  let holder: Record<string | number, Json> | Json[] = json;
  for (;;) {
    const keys = Object.keys(holder).filter((key) => key !== "@type");
    // In an Any of a well-known type the library takes null, and passes over what stands beside the value.
    const type = (holder as Record<string, Json>)["@type"];
    if (typeof type === "string" && type.includes("google.protobuf.")) return;
    if (keys.length === 0 || random() < 0.1) {
      if (Array.isArray(holder)) holder.push(structuredClone(pick(random, wrong)));
      else holder[pick(random, ["nope", "name", "value"])] = structuredClone(pick(random, wrong));
      return;
    }
    const key = pick(random, keys);
    const value = (holder as Record<string, Json>)[key] as Json;
    if (typeof value !== "object" || value === null || random() < 0.3) {
      (holder as Record<string, Json>)[key] = structuredClone(pick(random, wrong));
      return;
    }
    holder = value;
  }
}
