/** Checks of bytes: what passes is the same however it is cut, in whichever buffers it comes, and as long as it says. */
import { seededRandom } from "../kit-services.ts";
import type { AnyDefinition } from "../setup.ts";
import { expect, expectSame } from "./check.ts";
import { play, type PlayOptions, stage } from "./player.ts";
import {
  type HttpConformanceOptions,
  type Outcome,
  outcomeOf,
  type Scenario,
  scenariosOf,
  varyingOf,
} from "./scenario.ts";
import type { TestResponse } from "../client-end.ts";

const RUNS = 10;

async function playOnce(
  definition: AnyDefinition,
  options: HttpConformanceOptions,
  scenario: Scenario,
  how: PlayOptions = {},
): Promise<TestResponse> {
  const { harness } = await stage(definition, options);
  try {
    return (await play(harness, scenario, how)).response;
  } finally {
    await harness.close();
  }
}

function nameOf({ request }: Scenario): string {
  return `${request.method ?? "GET"} ${request.path ?? "/"}`;
}

export async function anyChunking(definition: AnyDefinition, options: HttpConformanceOptions): Promise<void> {
  for (const scenario of scenariosOf(options)) {
    const whole = await playOnce(definition, options, scenario);
    // Headers that are not even the same for two equal requests prove nothing.
    const varying = varyingOf(whole, await playOnce(definition, options, scenario));
    const expected = outcomeOf(whole, varying, options.meaning);
    for (let run = 0; run < (options.runs ?? RUNS); run++) {
      const seed = (options.seed ?? 1) * 1000 + run;
      const response = await playOnce(definition, options, scenario, { random: seededRandom(seed) });
      compare(outcomeOf(response, varying, options.meaning), expected, `${nameOf(scenario)}, cut by seed ${seed}`);
    }
  }
}

function compare(found: Outcome, expected: Outcome, where: string): void {
  expect(
    (found.request === null) === (expected.request === null),
    `${where}: the request ${found.request === null ? "did not reach" : "reached"} the upstream, and in one piece it was the other way`,
  );
  for (const key of Object.keys(expected.request ?? {}))
    expectSame(found.request![key], expected.request![key], `${where}: ${key} of the request at the upstream`);
  for (const key of Object.keys(expected.response))
    expectSame(found.response[key], expected.response[key], `${where}: ${key} of the response`);
}

export async function buffersAreNotKept(definition: AnyDefinition, options: HttpConformanceOptions): Promise<void> {
  for (const scenario of scenariosOf(options)) {
    for (let run = 0; run < 3; run++) {
      const seed = (options.seed ?? 1) * 1000 + run;
      const how = (overwritesBuffers: boolean): PlayOptions => ({ random: seededRandom(seed), overwritesBuffers });
      const calm = await playOnce(definition, options, scenario, how(false));
      const varying = varyingOf(calm, await playOnce(definition, options, scenario, how(false)));
      const response = await playOnce(definition, options, scenario, how(true));
      const where = `${nameOf(scenario)}, cut by seed ${seed}, with buffers that are overwritten after each hook`;
      const outcome = (of: TestResponse): Outcome => outcomeOf(of, varying, options.meaning);
      compare(outcome(response), outcome(calm), where);
    }
  }
}

export async function contentLengthIsTrue(definition: AnyDefinition, options: HttpConformanceOptions): Promise<void> {
  for (const scenario of scenariosOf(options)) {
    for (const random of [null, seededRandom(options.seed ?? 1)]) {
      const response = await playOnce(definition, options, scenario, { random });
      const { upstream, status } = response;
      const isBodyless = scenario.request.method === "HEAD" || status === 204 || status === 304;
      if (response.ended && !isBodyless) agree(response, `${nameOf(scenario)}: the response`);
      if (upstream !== null && upstream.ended) agree(upstream, `${nameOf(scenario)}: the request at the upstream`);
    }
  }
}

function agree(
  { headers, bytes }: { readonly headers: Readonly<Record<string, string>>; readonly bytes: Uint8Array },
  where: string,
): void {
  const length = headers["content-length"];
  expect(
    length === undefined || Number(length) === bytes.length,
    `${where} says content-length ${length} and has ${bytes.length} bytes`,
  );
}
