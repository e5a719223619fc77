// A definition is checked when it is made, every field of it, and all that is wrong is told at once.
import { describe, expect, it } from "vitest";
import { defineHttpFilter, definitionProblems, metadataKey, SDK_VERSION } from "./index.ts";

const good = {
  id: "acme.http.x",
  maturity: "alpha",
  security: "unknown",
  config: { type: "object" },
  create: () => ({}),
} as const;

const circular: { self?: unknown } = {};
circular.self = circular;

describe("a definition", () => {
  it.each([undefined, null, "x", []])("that is %o is none", (nothing) => {
    expect(() => defineHttpFilter(nothing as never)).toThrow("the definition is none: expected an object");
  });

  it("is marked, frozen and says with which sdk it was made", () => {
    const definition = defineHttpFilter(good);
    expect(Object.isFrozen(definition)).toBe(true);
    expect(definition).toMatchObject({ [Symbol.for("sluice.definition")]: "http", sdkVersion: SDK_VERSION });
  });

  it.each([
    [{ id: "Greeting" }, 'id "Greeting": expected reverse DNS in lower case, like "acme.http.greeting"'],
    [{ id: undefined }, "id is missing"],
    [{ maturity: "gamma" }, 'maturity "gamma": expected one of "alpha", "beta", "stable"'],
    [{ security: "none" }, 'security "none": expected one of "untrusted-downstream"'],
    [{ mutatesHeaders: "no" }, 'mutatesHeaders "no": expected true or false'],
    [{ calls: ["api"] }, 'calls ["api"]: expected true or false'],
    [{ phase: "auth" }, 'phase "auth": expected one of "authn", "authz", "stats"'],
    [{ before: "acme.http.y" }, 'before "acme.http.y": expected a list of ids of filters'],
    [{ after: ["Y"] }, 'after ["Y"]: expected a list of ids of filters'],
    [{ provides: ["acme.identity"] }, 'provides ["acme.identity"]: expected a list of what metadataKey() returns'],
    [{ requires: [{}] }, "requires [{}]: expected a list of what metadataKey() returns"],
    [{ reads: ["remote"] }, 'reads ["remote"]: expected a list of stream attributes'],
    [{ configJsonSchema: "{}" }, 'configJsonSchema "{}": expected a JSON Schema'],
    [{ config: null }, "config null: expected a Standard Schema or a JSON Schema"],
    [{ config: undefined }, "config is missing, expected a Standard Schema or a JSON Schema"],
    [{ create: {} }, "create {}: expected a function (config, context) => hooks"],
    [{ newState: { count: 0 } }, 'newState {"count":0}: expected a function'],
    [{ hooks: {} }, 'unknown field "hooks", expected one of id, maturity'],
    [{ toString: 1 }, 'unknown field "toString", expected one of id, maturity'],
    [{ phase: 1n }, "phase of the type bigint: expected one of"],
    [{ phase: circular }, "phase of the type object: expected one of"],
    [{ terminal: true, phase: "authn" }, "a terminal filter has no phase"],
  ])("with %o is refused", (change, message) => {
    expect(() => defineHttpFilter({ ...good, ...change } as never)).toThrow(message);
  });

  it("tells everything that is wrong", () => {
    const problems = definitionProblems({ ...good, maturity: "x", security: "y", colour: "z" });
    expect(problems).toHaveLength(3);
  });

  it("may declare all that there is", () => {
    const key = metadataKey<{ subject: string }>("acme.identity");
    const all = {
      phase: "authn",
      before: ["a.b"],
      after: ["c.d"],
      provides: [key],
      requires: [key],
      calls: true,
      portable: true,
    } as const;
    expect(
      defineHttpFilter({ ...good, ...all, reads: ["info.remote"], configJsonSchema: {}, routeConfig: {} }),
    ).toMatchObject(all);
  });
});

it("a key of metadata has a name", () => {
  expect(() => metadataKey("")).toThrow("the namespace of a metadata key is empty");
});
