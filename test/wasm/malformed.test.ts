// What is no component, or none for this world, is refused in one sentence, before any of its code runs.
import { tmpdir } from "node:os";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { componentDefinition } from "../../packages/core/src/isolate/wasm/component-definition.ts";
import { readComponentFile } from "../../packages/core/src/isolate/wasm/component-file.ts";
import { DESCRIPTION, probe, watComponent } from "./support/components.ts";

const refusal = (bytes: Uint8Array): Promise<string> =>
  componentDefinition(bytes).then(
    () => "taken",
    (error: unknown) => (error as Error).message,
  );

describe("the file", () => {
  test("is something else", async () => {
    expect(await refusal(Buffer.from("not WebAssembly"))).toBe("the component is no WebAssembly file");
    expect(await refusal(new Uint8Array())).toBe("the component is no WebAssembly file");
  });

  test("is a core module", async () => {
    expect(await refusal(Buffer.from("0061736d01000000", "hex"))).toBe(
      "the component is a core module, expected a component (wasm-tools component new makes one of it)",
    );
  });

  test("is of another version", async () => {
    expect(await refusal(Buffer.from("0061736d0e000100", "hex"))).toContain("of a version that is not known here");
  });

  test("ends too early, wherever it is cut inside of a section", () => {
    const bytes = probe();
    const whole = readComponentFile(bytes);
    let refused = 0;
    for (let end = 8; end < bytes.length; end += 97) {
      try {
        expect(readComponentFile(bytes.subarray(0, end))).not.toEqual(whole);
      } catch (error) {
        expect((error as Error).message).toMatch(/^(?:it ends too early|has |a number)/);
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(50);
  });

  test("has bytes changed: it is taken or refused in a sentence, and nothing else happens", async () => {
    const bytes = probe();
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        async (changes) => {
          const changed = Buffer.from(bytes);
          for (const [at, value] of changes) changed[at] = value;
          const found = await componentDefinition(changed, { transpilerBases: [], directory: tmpdir() }).catch(
            (error: unknown) => error,
          );
          if (found instanceof Error) expect(found.message).toMatch(/^(?:the component |test\.http\.|the definition)/);
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe("the world", () => {
  test("is of another version of sluice:filter", async () => {
    const bytes = Buffer.from(await watComponent({}));
    for (let at = bytes.indexOf("@0.1.0"); at >= 0; at = bytes.indexOf("@0.1.0", at)) bytes.write("@0.7.0", at);
    expect(await refusal(bytes)).toBe(
      "the component exports sluice:filter/lifecycle@0.7.0, which sluice:filter@0.1.0 does not have",
    );
  });

  test("imports what nobody offers", async () => {
    const bytes = await watComponent({
      packages: "package acme:other@1.0.0 { interface store { drop: func(); } }",
      world: "import acme:other/store@1.0.0; export request-headers;",
      imports: '(import "acme:other/store@1.0.0" "drop" (func $drop))',
    });
    expect(await refusal(bytes)).toContain("imports acme:other/store@1.0.0, which nobody offers");
  });

  test("calls clusters without saying so in the description", async () => {
    const bytes = await watComponent({
      world: "import calls; export request-headers;",
      imports:
        '(import "sluice:filter/calls@0.1.0" "start" (func (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))',
    });
    expect(await refusal(bytes)).toBe(
      'the component imports sluice:filter/calls@0.1.0, and its description does not say "calls": true',
    );
  });
});

describe("the description", () => {
  const refusalOf = async (description: object): Promise<string> => refusal(await watComponent({ description }));

  test.each([
    [{ ...DESCRIPTION, id: undefined }, "lacks id, expected a text in reverse DNS"],
    [{ ...DESCRIPTION, config: "any" }, 'has config "any", expected a JSON Schema'],
    [{ ...DESCRIPTION, maturity: "ripe" }, 'has maturity "ripe", expected one of alpha, beta, stable'],
    [{ ...DESCRIPTION, reads: ["info.weather"] }, 'reads "info.weather", which is no stream attribute'],
    [{ ...DESCRIPTION, portable: true }, 'has an unknown field "portable"'],
    [{ ...DESCRIPTION, phase: "last" }, 'has phase "last", expected one of authn, authz, stats'],
  ])("%j", async (description, why) => {
    expect(await refusalOf(description)).toContain(`the component has a description that ${why}`);
  });

  test("has an id that no definition may have", async () => {
    expect(await refusalOf({ ...DESCRIPTION, id: "Greeting" })).toContain("expected reverse DNS in lower case");
  });

  test("is not there", async () => {
    const bytes = Buffer.from(await watComponent({}));
    bytes.write("sluice:notes!", bytes.lastIndexOf("sluice:filter"));
    expect(await refusal(bytes)).toBe('the component has no description: a custom section "sluice:filter" with JSON');
  });

  test("becomes the definition's own fields", async () => {
    const description = { ...DESCRIPTION, phase: "authz", mutatesHeaders: false, reads: ["id"], provides: ["acme.a"] };
    expect(await componentDefinition(await watComponent({ description }))).toMatchObject({
      id: "test.http.small",
      phase: "authz",
      mutatesHeaders: false,
      reads: ["id"],
      provides: [{ namespace: "acme.a" }],
      portable: true,
    });
  });
});
