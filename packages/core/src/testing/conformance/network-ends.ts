/** Checks of ends: connections break at any point, once, and for good; so does the filter. */
import { seededRandom } from "../kit-services.ts";
import type { AnyDefinition } from "../setup.ts";
import { expect, expectSame, fail } from "./check.ts";
import { pointsOf } from "./cut.ts";
import { told, uncaughtDuring } from "./faults.ts";
import { instrument, type Instrumented } from "./instrument.ts";
import { leftOpenBy } from "./leaks.ts";
import { expectNoErrors } from "./network-bytes.ts";
import { conversationsOf, type NetworkConformanceOptions, play, stage } from "./network-play.ts";

const LONG_MS = 600_000;
const CONNECTIONS = 5;
const NEVER = -1;

type Staged = Awaited<ReturnType<typeof stage>>;

/** Plays each conversation to its end, and then once for each step after which the connection breaks. */
async function atEveryEnd(
  definition: AnyDefinition,
  options: NetworkConformanceOptions,
  judge: (staged: Staged, where: string) => Promise<void>,
): Promise<void> {
  for (const [i, conversation] of conversationsOf(options).entries()) {
    let ends: readonly number[] = [NEVER];
    for (let end = 0; end < ends.length; end++) {
      const breakAfter = ends[end]!;
      const where = `conversation ${i}${breakAfter === NEVER ? "" : `, broken off after step ${breakAfter}`}`;
      const staged = await stage(definition, options);
      const uncaught = await uncaughtDuring(async () => {
        const random = seededRandom(options.seed ?? 1);
        const played = await play(staged.harness, conversation, { random, breakAfter });
        if (breakAfter === NEVER) ends = [NEVER, ...pointsOf(played.steps)];
        await judge(staged, where);
      });
      if (uncaught.length > 0) fail(`${where}: nobody caught ${told(uncaught[0])}`);
      await staged.harness.close();
    }
  }
}

export async function connectionsMayBreak(
  definition: AnyDefinition,
  options: NetworkConformanceOptions,
): Promise<void> {
  await atEveryEnd(definition, options, async ({ harness, clusters }, where) => {
    expectNoErrors(harness, where);
    for (const cluster of clusters) {
      // One that has heard the end may stay until its upstream has done with it.
      for (const connection of cluster.connections)
        expect(
          connection.closed || connection.ended,
          `${where}: a connection of the filter stands when its client's is gone`,
        );
      for (const stream of cluster.streams)
        expect(
          stream.gone || stream.answered,
          `${where}: a request of the filter is under way when its client is gone`,
        );
    }
  });
}

export async function nothingAfterTheEnd(definition: AnyDefinition, options: NetworkConformanceOptions): Promise<void> {
  await atEveryEnd(definition, options, async ({ harness, clusters }, where) => {
    const lines = harness.log.length;
    const opened = (): number[] => clusters.map(({ streams, connections }) => streams.length + connections.length);
    const before = opened();
    const errors = harness.stat("errors");
    harness.services.time.advance(LONG_MS);
    await harness.settle();
    const failed = harness.log.slice(lines).find(({ level }) => level === "error");
    if (failed !== undefined) fail(`${where}: after the end ${failed.message}: ${String(failed.fields["error"])}`);
    expect(harness.stat("errors") === errors, `${where}: the filter failed after the end`);
    expectSame(opened(), before, `${where}: what the filter has opened after the end`);
  });
  const { harness } = await stage(definition, options);
  const { timers, time } = harness.services;
  const before = timers.count("filter");
  for (const conversation of conversationsOf(options))
    for (let i = 0; i < CONNECTIONS; i++) await play(harness, conversation);
  time.advance(LONG_MS);
  await harness.settle();
  const more = timers.count("filter") - before;
  expect(more < CONNECTIONS, `${more} timers are armed ten minutes after the last connection was over`);
  await harness.close();
}

export async function destroyIsIdempotent(
  definition: AnyDefinition,
  options: NetworkConformanceOptions,
): Promise<void> {
  let watched: Instrumented = instrument(definition);
  const once: AnyDefinition = {
    ...definition,
    create: (config, context) => {
      watched = instrument(definition);
      return watched.definition.create(config, context);
    },
  };
  await atEveryEnd(once, options, async ({ harness }, where) => {
    const { onClose } = watched.instances[0]!.hooks;
    if (onClose === undefined) return;
    const handles = new Set(watched.calls.map(({ handle }) => handle).filter((handle) => handle !== null));
    for (const handle of handles) {
      const calls = watched.calls.filter((call) => call.hook === "onClose" && call.handle === handle).length;
      expectSame(calls, 1, `${where}: calls of onClose`);
    }
    const before = harness.stats();
    try {
      for (const handle of handles) onClose(handle);
    } catch (error) {
      fail(`${where}: onClose for the second time: ${told(error)}`);
    }
    expectSame(harness.stats(), before, `${where}: statistics after onClose for the second time`);
  });
  const { harness } = await stage(once, options);
  await harness.close();
  const { dispose } = watched.instances[0]!.hooks;
  try {
    await dispose?.();
  } catch (error) {
    fail(`dispose() for the second time: ${told(error)}`);
  }
}

export async function nothingIsLeft(definition: AnyDefinition, options: NetworkConformanceOptions): Promise<void> {
  let timers = 0;
  const open = await leftOpenBy(async () => {
    const { harness } = await stage(definition, options);
    for (const conversation of conversationsOf(options)) {
      await play(harness, conversation);
      await play(harness, conversation, { breakAfter: 1 });
    }
    await harness.close();
    timers = harness.services.timers.count("filter");
  });
  expect(open.length === 0, `open after the filter's end: ${[...new Set(open)].join(", ")}`);
  expect(timers === 0, `${timers} timers of the context are armed after the filter's end`);
}
