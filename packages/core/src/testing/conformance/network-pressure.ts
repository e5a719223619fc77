/** Checks of flow control: who is asked to wait waits, and what a filter holds does not grow with what passes. */
import { bytesOf } from "../messages.ts";
import type { NetworkClient } from "../network-client.ts";
import type { FarEnd, NetworkFilterHarness } from "../network-filter-harness.ts";
import type { AnyDefinition } from "../setup.ts";
import { expect, fail } from "./check.ts";
import { bytesDownTo, bytesInUse } from "./memory.ts";
import { conversationsOf, DEFAULT_LIMIT, type NetworkConformanceOptions, stage } from "./network-play.ts";

const SLOW_STEPS = 50;
const STEP_MS = 100;
const CHUNK_BYTES = 16 * 1024;
const FLOOD_BYTES = 4 * 1024 * 1024;
const NOISE_BYTES = 1.5 * 1024 * 1024;

interface Side {
  readonly name: string;
  readonly send: (bytes: Uint8Array) => void;
  readonly isPaused: () => boolean;
  readonly slow: () => void;
  readonly fast: () => void;
  readonly arrived: () => number;
}

/** From the client to the upstream, and back; where the filter ends the chain, what it makes of the client's bytes goes back. */
function sidesOf(client: NetworkClient, far: FarEnd | null): Side[] {
  const up = { name: "read", send: (bytes: Uint8Array) => void client.send(bytes), isPaused: () => client.paused };
  const toClient = { slow: () => void client.slow(), fast: () => void client.fast(), arrived: () => client.length };
  if (far === null) return [{ ...up, ...toClient }];
  const down = { name: "write", send: (bytes: Uint8Array) => far.send(bytes), isPaused: () => far.paused };
  const toFar = { slow: () => far.slow(), fast: () => far.fast(), arrived: () => far.length };
  return [
    { ...up, ...toFar },
    { ...down, ...toClient },
  ];
}

async function sides(
  definition: AnyDefinition,
  options: NetworkConformanceOptions,
  use: (harness: NetworkFilterHarness, client: NetworkClient, side: Side) => Promise<void>,
): Promise<void> {
  for (let i = 0; i < 2; i++) {
    const { harness } = await stage(definition, options);
    const client = harness.connect();
    await harness.settle();
    const far = harness.farOf(client);
    if (far !== null) far.keepsBytes = false;
    const side = sidesOf(client, far)[i];
    if (side !== undefined && !client.closed) await use(harness, client, side);
    await harness.close();
  }
}

export async function pausesAreHonoured(definition: AnyDefinition, options: NetworkConformanceOptions): Promise<void> {
  const limit = options.bufferLimitBytes ?? DEFAULT_LIMIT;
  await sides(definition, options, async (harness, client, side) => {
    side.slow();
    let sent = 0;
    while (!side.isPaused() && !client.closed && sent < 16 * limit) {
      side.send(Buffer.alloc(CHUNK_BYTES, 0x61));
      sent += CHUNK_BYTES;
      await harness.settle();
    }
    if (client.closed) return;
    const before = side.arrived();
    // A filter may take bytes and give nothing; what arrives has to stop.
    expect(
      side.isPaused() || before <= 2 * limit,
      `${side.name}: ${sent} bytes were taken for a receiver that is slow`,
    );
    for (let i = 0; i < SLOW_STEPS; i++) await harness.advance(STEP_MS);
    const came = side.arrived() - before;
    expect(came <= limit, `${side.name}: ${came} bytes were sent to a receiver that had asked to wait`);
    const wasPaused = side.isPaused();
    side.fast();
    await harness.advance(STEP_MS);
    expect(
      !wasPaused || !side.isPaused() || client.closed,
      `${side.name}: the receiver goes on, and the sender is still asked to wait`,
    );
  });
}

export async function whatItHoldsIsBounded(
  definition: AnyDefinition,
  options: NetworkConformanceOptions,
): Promise<void> {
  const bound = 4 * (options.bufferLimitBytes ?? DEFAULT_LIMIT) + NOISE_BYTES;
  const said = conversationsOf(options).flatMap(({ client, server }) => [client, server]);
  const floods = [
    Buffer.from("x"),
    ...said
      .slice(-2)
      .filter((each) => each !== undefined)
      .map(bytesOf),
  ];
  for (const [i, flood] of floods.filter(({ length }) => length > 0).entries()) {
    const chunk = Buffer.alloc(CHUNK_BYTES).fill(flood);
    await sides(definition, options, async (harness, client, side) => {
      // Anew each time: what others have let go of since must hide nothing.
      const before = await bytesInUse();
      let sent = 0;
      for (; sent < FLOOD_BYTES && !side.isPaused() && !client.closed; sent += chunk.length) {
        side.send(chunk);
        client.forget();
        if (sent % (8 * CHUNK_BYTES) === 0) await harness.settle();
      }
      const held = client.closed ? 0 : (await bytesDownTo(before + bound)) - before;
      if (held > bound) fail(`${side.name}, flood ${i}: after ${sent} bytes without an end ${held} are held`);
    });
  }
}
