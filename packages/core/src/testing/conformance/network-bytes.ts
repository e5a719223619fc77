/** Checks of bytes: what passes is the same however it is cut and in whichever buffers it comes; and nothing makes the filter throw. */
import { seededRandom } from "../kit-services.ts";
import type { AnyDefinition } from "../setup.ts";
import type { NetworkFilterHarness } from "../network-filter-harness.ts";
import { expectSame, fail } from "./check.ts";
import { told, uncaughtDuring } from "./faults.ts";
import {
  type Conversation,
  conversationsOf,
  type NetworkConformanceOptions,
  type NetworkPlayOptions,
  outcomeOf,
  play,
  stage,
} from "./network-play.ts";

async function playOnce(
  definition: AnyDefinition,
  options: NetworkConformanceOptions,
  conversation: Conversation,
  how: NetworkPlayOptions = {},
): Promise<Readonly<Record<string, unknown>>> {
  const { harness } = await stage(definition, options);
  try {
    return outcomeOf(await play(harness, conversation, how));
  } finally {
    await harness.close();
  }
}

function compare(
  found: Readonly<Record<string, unknown>>,
  expected: Readonly<Record<string, unknown>>,
  where: string,
): void {
  for (const key of Object.keys(expected)) expectSame(found[key], expected[key], `${where}: ${key}`);
}

export async function anyChunking(definition: AnyDefinition, options: NetworkConformanceOptions): Promise<void> {
  for (const [i, conversation] of conversationsOf(options).entries()) {
    const expected = await playOnce(definition, options, conversation);
    for (let run = 0; run < (options.runs ?? 10); run++) {
      const seed = (options.seed ?? 1) * 1000 + run;
      const found = await playOnce(definition, options, conversation, { random: seededRandom(seed) });
      compare(found, expected, `conversation ${i}, cut by seed ${seed}`);
    }
  }
}

export async function buffersAreNotKept(definition: AnyDefinition, options: NetworkConformanceOptions): Promise<void> {
  for (const [i, conversation] of conversationsOf(options).entries()) {
    for (let run = 0; run < 3; run++) {
      const seed = (options.seed ?? 1) * 1000 + run;
      const once = (overwritesBuffers: boolean) =>
        playOnce(definition, options, conversation, { random: seededRandom(seed), overwritesBuffers });
      const where = `conversation ${i}, cut by seed ${seed}, with buffers that are overwritten after each hook`;
      compare(await once(true), await once(false), where);
    }
  }
}

export async function noInputMakesItThrow(
  definition: AnyDefinition,
  options: NetworkConformanceOptions,
): Promise<void> {
  const random = seededRandom((options.seed ?? 1) + 7);
  const noise = (length: number): Buffer => Buffer.from(Array.from({ length }, () => random.below(256)));
  const odd: Conversation[] = [
    { client: noise(300), server: noise(300) },
    { client: Buffer.alloc(70_000, 0x41), server: Buffer.alloc(70_000, 0x42) },
    { client: "\u0000", server: "\u0000" },
    { client: "\r\n\r\n*-1\r\n$-5\r\n", server: "*99999999999999\r\n" },
    { client: Buffer.from([0x16, 0x03, 0x01, 0xff, 0xff, 0x01]), server: Buffer.from([0xc3, 0x28]) },
  ];
  // What it is made for, broken off and turned round.
  for (const { client = "", server = "" } of options.conversations ?? []) {
    const [asked, answered] = [Buffer.from(client), Buffer.from(server)];
    odd.push({ client: asked.subarray(0, asked.length >> 1), server: answered.subarray(0, answered.length >> 1) });
    odd.push({ client: answered, server: asked }, { client: asked.toReversed(), server: answered.toReversed() });
  }
  for (const [i, conversation] of odd.entries()) {
    for (const cutBy of [null, random]) {
      const { harness } = await stage(definition, options);
      const uncaught = await uncaughtDuring(() => play(harness, conversation, { random: cutBy }).then(() => {}));
      expectNoErrors(harness, `odd conversation ${i}`);
      if (uncaught.length > 0) fail(`odd conversation ${i}: nobody caught ${told(uncaught[0])}`);
      await harness.close();
    }
  }
}

export function expectNoErrors(harness: NetworkFilterHarness, where: string): void {
  const entry = harness.log.find(({ level, fields }) => level === "error" && "error" in fields);
  if (harness.stat("errors") > 0 || entry !== undefined)
    fail(
      `${where}: ${entry === undefined ? "the filter failed" : `${entry.message}: ${String(entry.fields["error"])}`}`,
    );
}
