/** Plays one connection of a conformance suite: what its client says and what its upstream answers, in steps that a check can cut and stop at. */
import type { Random } from "@sluice/sdk";
import type { FakeCluster } from "../fake-cluster.ts";
import { type BytesInput, bytesOf } from "../messages.ts";
import type { NetworkClient } from "../network-client.ts";
import { type FarEnd, type NetworkFilterHarness, networkHarness } from "../network-filter-harness.ts";
import type { AnyDefinition, CommonOptions, FilterSetup } from "../setup.ts";
import { cut } from "./cut.ts";

/** Bytes of both sides; the client speaks first, then the server. */
export interface Conversation {
  readonly client?: BytesInput;
  readonly server?: BytesInput;
}

export interface NetworkConformanceOptions extends FilterSetup, Pick<CommonOptions, "runtime" | "client"> {
  readonly statPrefix?: string;
  /** Besides the suite's own: those that the filter is made for. */
  readonly conversations?: readonly Conversation[];
  /** Makes the clusters that the filter calls, anew for each run. */
  readonly clusters?: () => Readonly<Record<string, FakeCluster>>;
  /** The suite sends more than it. @default 64 KiB */
  readonly bufferLimitBytes?: number;
  /** Of what is random in the suite. @default 1 */
  readonly seed?: number;
  /** Random cuts of each conversation. @default 10 */
  readonly runs?: number;
}

export const DEFAULT_LIMIT = 64 * 1024;

const BINARY = Uint8Array.from({ length: 2000 }, (_, i) => (i * 37 + (i >> 4)) & 0xff);
const OWN: readonly Conversation[] = [
  { client: "hello\r\n", server: "hello to you\r\n" },
  { server: "220 ready\r\n" },
  { client: BINARY, server: BINARY.toReversed() },
  { client: "GET / HTTP/1.1\r\nhost: a\r\n\r\n", server: "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok" },
  {},
];

export function conversationsOf(options: NetworkConformanceOptions): readonly Conversation[] {
  return [...OWN, ...(options.conversations ?? [])];
}

export async function stage(
  definition: AnyDefinition,
  options: NetworkConformanceOptions,
): Promise<{ readonly harness: NetworkFilterHarness; readonly clusters: readonly FakeCluster[] }> {
  const { config, name, statPrefix, runtime, client } = options;
  const clusters = options.clusters?.() ?? {};
  const given = Object.entries({ config, name, statPrefix, runtime, client }).filter(([, v]) => v !== undefined);
  const harness = await networkHarness(definition, {
    ...(Object.fromEntries(given) as FilterSetup),
    clusters,
    bufferLimitBytes: options.bufferLimitBytes ?? DEFAULT_LIMIT,
  });
  return { harness, clusters: Object.values(clusters) };
}

export interface NetworkPlayOptions {
  /** Cuts what is said; null: each side in one piece. @default null */
  readonly random?: Random | null;
  /** The connection breaks after so many steps. @default never */
  readonly breakAfter?: number;
  /** @default true */
  readonly overwritesBuffers?: boolean;
}

export interface NetworkPlayed {
  readonly client: NetworkClient;
  readonly far: FarEnd | null;
  readonly steps: number;
}

/** One connection, to its end. */
export async function play(
  harness: NetworkFilterHarness,
  conversation: Conversation,
  { random = null, breakAfter = -1, overwritesBuffers = true }: NetworkPlayOptions = {},
): Promise<NetworkPlayed> {
  const client = harness.connect();
  client.overwritesBuffers = overwritesBuffers;
  let steps = 0;
  const step = async (take: () => void, canSend: () => boolean): Promise<void> => {
    if (client.closed) return;
    if (!canSend()) await patiently(harness, () => client.closed || canSend());
    if (client.closed || !canSend()) return;
    take();
    steps++;
    if (random === null || random.below(3) === 0) await harness.settle();
    if (steps === breakAfter) client.reset();
  };
  await harness.settle();
  for (const piece of pieces(conversation.client, random))
    await step(
      () => void client.send(piece),
      () => !client.paused,
    );
  await harness.settle();
  const far = harness.farOf(client);
  if (far !== null) {
    far.overwritesBuffers = overwritesBuffers;
    for (const piece of pieces(conversation.server, random))
      await step(
        () => far.send(piece),
        () => !far.paused,
      );
  }
  await step(
    () => void client.end(),
    () => !client.paused,
  );
  if (far !== null)
    await step(
      () => far.send(new Uint8Array(0), true),
      () => !far.paused,
    );
  await patiently(harness, () => client.closedBy !== "" || client.closed);
  if (!client.closed) client.reset();
  await harness.settle();
  return { client, far, steps };
}

/** Waits for what timers and promises bring, a minute of virtual time at most: a connection may stay as it is. */
async function patiently(harness: NetworkFilterHarness, isDone: () => boolean): Promise<void> {
  await harness.settle();
  for (let i = 0; i < 60 && !isDone(); i++) await harness.advance(1000);
}

function pieces(said: BytesInput | undefined, random: Random | null): Buffer[] {
  const bytes = said === undefined ? Buffer.alloc(0) : bytesOf(said);
  if (random !== null) return cut(bytes, random).filter(({ length }) => length > 0);
  return bytes.length === 0 ? [] : [bytes];
}

/** What has to be the same, however it was cut. */
export function outcomeOf({ client, far }: NetworkPlayed): Readonly<Record<string, unknown>> {
  return {
    "what the client got": Buffer.from(client.receivedBytes).toString("latin1"),
    "how the connection was closed": client.closedBy,
    "what the upstream got": far === null ? null : Buffer.from(far.receivedBytes).toString("latin1"),
    "the half-close at the upstream": far === null ? null : far.ended,
  };
}
