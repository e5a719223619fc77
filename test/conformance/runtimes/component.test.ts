// The conformance table for components: the filter that exists in C too does what it does inline, by either glue, in a worker's own code and in a thread.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { AnyDefinition } from "@sluice/core/testing";
import { afterAll, describe, expect, test } from "vitest";
import { componentDefinition } from "../../../packages/core/src/isolate/wasm/component-definition.ts";
import type { AnyHttpFilterDefinition } from "../../../packages/core/src/registry/registry.ts";
import { type RuntimeFixture, inline, isolated, patient, promised, realHost } from "./fixtures.ts";
import { type Observed, type Scenario, observe } from "./scenario.ts";
import { GREETING } from "./scenarios.ts";

const cacheDirectory = mkdtempSync(join(tmpdir(), "sluice-conformance-"));
afterAll(() => rmSync(cacheDirectory, { recursive: true }));

const COMPONENT = join(import.meta.dirname, "component/greeting.wasm");
const plain = await componentDefinition(COMPONENT);
const byJco = await componentDefinition(COMPONENT, { glue: "jco", cacheDirectory });

const here = (name: string, definition: object): RuntimeFixture => ({
  name,
  filters: ["greeting"],
  place: () => ({ definition: definition as AnyDefinition, settle: async () => {} }),
});
const RUNTIMES: readonly RuntimeFixture[] = [
  here("own glue", plain),
  here("jco's glue", byJco),
  {
    name: "in a thread",
    filters: ["greeting"],
    place: () => {
      const module = { specifier: COMPONENT, url: pathToFileURL(COMPONENT).href, bundle: undefined };
      return isolated(plain as unknown as AnyHttpFilterDefinition, patient, realHost({ module }));
    },
  },
];

/** A trap takes the instance with the state of the stream, so that the response hook does not run: told apart below. */
const isFailing = ({ name }: Scenario): boolean => name.startsWith("a failing hook");

/** Without what only components count. */
function withoutOwn({ stats, ...rest }: Observed): Observed {
  return {
    ...rest,
    stats: Object.fromEntries(Object.entries(stats).filter(([name]) => !name.startsWith("component."))),
  };
}

describe.each(RUNTIMES)("$name", (fixture) => {
  test.each(GREETING.filter((scenario) => !isFailing(scenario)))("$name", async (scenario) => {
    expect(withoutOwn(await observe(fixture, scenario, true))).toEqual(await observe(inline, scenario, true));
    const model = fixture.name === "in a thread" ? promised : inline;
    expect(withoutOwn(await observe(fixture, scenario, false))).toEqual(await observe(model, scenario, false));
  });

  test.each(GREETING.filter(isFailing))("$name", async (scenario) => {
    const found = await observe(fixture, scenario, true);
    expect(found).toMatchObject(scenario.expected);
    expect(found.stats).toMatchObject({ "component.traps": 1, "component.lost_streams": 0 });
    expect(found.response["headers"]).not.toContainEqual(["x-request-bytes", expect.anything()]);
  });
});
