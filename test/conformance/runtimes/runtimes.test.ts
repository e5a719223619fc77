// The conformance table: filters do the same inline, with promises, and in threads of their own. docs/extending/runtimes.md.
import { afterAll, describe, expect, test } from "vitest";
import { inline, promised, type RuntimeFixture, worker } from "./fixtures.ts";
import { PROBER, READER } from "./prober-scenarios.ts";
import { type Scenario, Stage } from "./scenario.ts";
import { GREETING } from "./scenarios.ts";

const SCENARIOS: readonly Scenario[] = [...GREETING, ...PROBER, ...READER];
/** Whoever else runs these filters joins here. */
const ELSEWHERE: readonly RuntimeFixture[] = [promised, worker];

const stages: Stage[] = [];
const stage = (fixture: RuntimeFixture, isStepwise: boolean): Stage => {
  const made = new Stage(fixture, isStepwise);
  stages.push(made);
  return made;
};

afterAll(async () => {
  for (const each of stages) await each.close();
});

async function compare(scenario: Scenario, here: Stage, there: Stage): Promise<void> {
  const found = await there.observe(scenario);
  if (scenario.isOpen === true) expect(found).toMatchObject(scenario.expected);
  else expect(found).toEqual(await here.observe(scenario));
}

describe("inline, frame by frame", () => {
  const here = stage(inline, true);
  test.each(SCENARIOS)("$name", async (scenario) => {
    expect(await here.observe(scenario)).toMatchObject(scenario.expected);
  });
});

describe.each(ELSEWHERE)("$name, frame by frame, as inline", (fixture) => {
  const [here, there] = [stage(inline, true), stage(fixture, true)];
  test.each(SCENARIOS.filter(({ filter }) => fixture.filters.includes(filter)))("$name", async (scenario) => {
    await compare(scenario, here, there);
  });
});

describe.each(ELSEWHERE.filter((fixture) => fixture !== promised))(
  "$name, all at once, as with promises",
  (fixture) => {
    const [here, there] = [stage(promised, false), stage(fixture, false)];
    test.each(SCENARIOS.filter(({ filter }) => fixture.filters.includes(filter)))("$name", async (scenario) => {
      await compare(scenario, here, there);
    });
  },
);
