/** Checks of ends: streams end at any point, once, and for good; so does the filter. */
import type { AnyDefinition } from "../setup.ts";
import { seededRandom } from "../kit-services.ts";
import { expect, expectSame, fail } from "./check.ts";
import { told, uncaughtDuring } from "./faults.ts";
import { expectNoErrors } from "./http-input.ts";
import { instrument, type Instrumented } from "./instrument.ts";
import { leftOpenBy } from "./leaks.ts";
import { play, type Played, type Stage, stage } from "./player.ts";
import { pointsOf } from "./cut.ts";
import { type HttpConformanceOptions, type Scenario, scenariosOf } from "./scenario.ts";

/** After it the timers of a stream have struck. */
const LONG_MS = 600_000;
const STREAMS = 5;
const NEVER = -1;

function nameOf({ request }: Scenario, abortAfter: number): string {
  const what = `${request.method ?? "GET"} ${request.path ?? "/"}`;
  return abortAfter === NEVER ? what : `${what}, whose client left after frame ${abortAfter}`;
}

/** Plays each exchange to its end, and then once for each frame after which its client leaves. */
async function atEveryEnd(
  definition: AnyDefinition,
  options: HttpConformanceOptions,
  judge: (stage: Stage, played: Played, where: string) => Promise<void>,
): Promise<void> {
  for (const scenario of scenariosOf(options)) {
    const random = () => seededRandom(options.seed ?? 1);
    let ends: readonly number[] = [NEVER];
    for (let i = 0; i < ends.length; i++) {
      const abortAfter = ends[i]!;
      const where = nameOf(scenario, abortAfter);
      const made = await stage(definition, options);
      const uncaught = await uncaughtDuring(async () => {
        const played = await play(made.harness, scenario, { random: random(), abortAfter });
        if (abortAfter === NEVER) ends = [NEVER, ...pointsOf(played.frames)];
        await judge(made, played, where);
      });
      if (uncaught.length > 0) fail(`${where}: nobody caught ${told(uncaught[0])}`);
      await made.harness.close();
    }
  }
}

export async function clientsMayLeave(definition: AnyDefinition, options: HttpConformanceOptions): Promise<void> {
  await atEveryEnd(definition, options, async ({ harness, clusters }, { exchange }, where) => {
    expectNoErrors(harness, where);
    expect(exchange.over, `${where}: the stream is not over`);
    for (const cluster of clusters)
      for (const stream of cluster.streams)
        expect(
          stream.gone || stream.answered,
          `${where}: a request of the filter is still under way when its stream is over`,
        );
  });
}

export async function nothingAfterTheEnd(definition: AnyDefinition, options: HttpConformanceOptions): Promise<void> {
  await atEveryEnd(definition, options, async ({ harness, clusters }, _played, where) => {
    const lines = harness.log.length;
    const calls = clusters.map(({ streams }) => streams.length);
    const stats = harness.stats();
    harness.services.time.advance(LONG_MS);
    await harness.settle();
    const failed = harness.log.slice(lines).find(({ level }) => level === "error");
    if (failed !== undefined) fail(`${where}: after the end ${failed.message}: ${String(failed.fields["error"])}`);
    expect(harness.stat("errors") === (stats["errors"] ?? 0), `${where}: the filter failed after the end`);
    expectSame(
      clusters.map(({ streams }) => streams.length),
      calls,
      `${where}: requests of the filter after the end`,
    );
  });
  await timersEnd(definition, options);
}

/** Timers may outlive a stream, but there may not be more of them with each. */
async function timersEnd(definition: AnyDefinition, options: HttpConformanceOptions): Promise<void> {
  const { harness } = await stage(definition, options);
  const { timers, time } = harness.services;
  const before = timers.count("filter");
  for (const scenario of scenariosOf(options)) for (let i = 0; i < STREAMS; i++) await play(harness, scenario);
  time.advance(LONG_MS);
  await harness.settle();
  const after = timers.count("filter");
  expect(after < before + STREAMS, `${after - before} timers are armed ten minutes after the last stream was over`);
  await harness.close();
}

export async function destroyIsIdempotent(definition: AnyDefinition, options: HttpConformanceOptions): Promise<void> {
  let watched: Instrumented = instrument(definition);
  // One instrument serves one harness at a time.
  const once: AnyDefinition = {
    ...definition,
    create: (config, context) => {
      watched = instrument(definition);
      return watched.definition.create(config, context);
    },
  };
  await atEveryEnd(once, options, async ({ harness }, _played, where) => {
    await again(watched, () => harness.stats(), where);
  });
  const { harness } = await stage(once, options);
  await harness.close();
  const { dispose } = watched.instances[0]!.hooks;
  if (dispose === undefined) return;
  const errors = await uncaughtDuring(async () => {
    await dispose();
  }).catch((error: unknown) => [error]);
  if (errors.length > 0) fail(`dispose() for the second time: ${told(errors[0])}`);
}

async function again(watched: Instrumented, stats: () => object, where: string): Promise<void> {
  const { hooks } = watched.instances[0]!;
  const handles = new Set(watched.calls.map(({ handle }) => handle).filter((handle) => handle !== null));
  for (const hook of ["onStreamComplete", "onDestroy"])
    for (const handle of handles) {
      const calls = watched.calls.filter((call) => call.hook === hook && call.handle === handle).length;
      if (hooks[hook] !== undefined) expectSame(calls, 1, `${where}: calls of ${hook}`);
    }
  if (hooks["onDestroy"] === undefined) return;
  const before = stats();
  for (const handle of handles) {
    try {
      hooks["onDestroy"](handle);
    } catch (error) {
      fail(`${where}: onDestroy for the second time: ${told(error)}`);
    }
  }
  expectSame(stats(), before, `${where}: statistics after onDestroy for the second time`);
}

export async function nothingIsLeft(definition: AnyDefinition, options: HttpConformanceOptions): Promise<void> {
  let timers = 0;
  const open = await leftOpenBy(async () => {
    const { harness } = await stage(definition, options);
    for (const scenario of scenariosOf(options)) {
      await play(harness, scenario);
      await play(harness, scenario, { abortAfter: 1 });
    }
    await harness.close();
    timers = harness.services.timers.count("filter");
  });
  expect(open.length === 0, `open after the filter's end: ${[...new Set(open)].join(", ")}`);
  expect(timers === 0, `${timers} timers of the context are armed after the filter's end`);
}
