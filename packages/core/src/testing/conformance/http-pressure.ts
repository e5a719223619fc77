/** Checks of flow control: who is asked to wait waits, and what a filter holds does not grow with what passes. */
import type { HttpExchange } from "../exchange.ts";
import type { HttpFilterHarness } from "../http-filter-harness.ts";
import type { TestRequest } from "../messages.ts";
import type { AnyDefinition } from "../setup.ts";
import type { UpstreamEnd } from "../upstream-end.ts";
import { expect, fail } from "./check.ts";
import { type Flood, FLOODS, floodOf } from "./floods.ts";
import { bytesDownTo, bytesInUse } from "./memory.ts";
import { DEFAULT_LIMIT, stage, until } from "./player.ts";
import type { HttpConformanceOptions } from "./scenario.ts";

/** How long a side stays slow, in virtual time: timers of filters strike meanwhile. */
const SLOW_STEPS = 50;
const STEP_MS = 100;
const DIRECTIONS = ["request", "response"] as const;
/** Streams whose memory is measured together; what one of them may hold, all of them do not in sum. */
const AT_ONCE = 3;
const FLOOD_BYTES = 4 * 1024 * 1024;
/** What a collection leaves behind is not exact. */
const NOISE_BYTES = 1.5 * 1024 * 1024;

/** The two directions, told alike. */
interface Side {
  readonly name: string;
  readonly slow: () => void;
  readonly fast: () => void;
  /** Whether the sender is asked to wait. */
  readonly isPaused: () => boolean;
  readonly send: (bytes: Uint8Array) => void;
  readonly arrived: () => number;
  readonly end: () => void;
}

function requestSide(exchange: HttpExchange, upstream: UpstreamEnd): Side {
  return {
    name: "request",
    slow: () => void upstream.slow(),
    fast: () => void upstream.fast(),
    isPaused: () => exchange.requestPaused,
    send: (bytes) => void exchange.data(bytes),
    arrived: () => upstream.receivedBytes,
    end: () => void exchange.data("", true),
  };
}

function responseSide(exchange: HttpExchange, upstream: UpstreamEnd): Side {
  return {
    name: "response",
    slow: () => void exchange.clientSlow(),
    fast: () => void exchange.clientFast(),
    isPaused: () => upstream.responsePaused,
    send: (bytes) => void upstream.data(bytes),
    arrived: () => exchange.record.length,
    end: () => void upstream.data("", true),
  };
}

/** Opens a stream on which one direction flows; null where the filter does not let it come so far. */
async function flowing(
  harness: HttpFilterHarness,
  request: TestRequest,
  direction: "request" | "response",
): Promise<{ readonly exchange: HttpExchange; readonly side: Side } | null> {
  const exchange = harness.open();
  exchange.record.keepsBody = false;
  exchange.headers({ method: "POST", ...request }, direction === "response");
  await harness.settle();
  let upstream = harness.upstreamOf(exchange.stream);
  if (upstream === null)
    await until(harness, exchange, () => exchange.over || harness.upstreamOf(exchange.stream) !== null);
  upstream = harness.upstreamOf(exchange.stream);
  if (upstream === null || exchange.over) return null;
  upstream.keepsBody = false;
  if (direction === "request") return { exchange, side: requestSide(exchange, upstream) };
  if (upstream.answersItself) return null;
  upstream.respond({ headers: request.headers ?? [] }, false);
  await harness.settle();
  return { exchange, side: responseSide(exchange, upstream) };
}

export async function pausesAreHonoured(definition: AnyDefinition, options: HttpConformanceOptions): Promise<void> {
  const limit = options.bufferLimitBytes ?? DEFAULT_LIMIT;
  for (const request of requestsOf(options)) {
    for (const direction of DIRECTIONS) {
      const { harness } = await stage(definition, options);
      const flow = await flowing(harness, request, direction);
      if (flow !== null) await beSlow(harness, flow.exchange, flow.side, limit);
      await harness.close();
    }
  }
}

async function beSlow(harness: HttpFilterHarness, exchange: HttpExchange, side: Side, limit: number): Promise<void> {
  side.send(Buffer.from("some bytes"));
  await harness.settle();
  if (exchange.over) return;
  side.slow();
  expect(side.isPaused() || exchange.over, `${side.name}: the receiver is slow, and the sender is not asked to wait`);
  const before = side.arrived();
  for (let step = 0; step < SLOW_STEPS && !exchange.over; step++) {
    await harness.advance(STEP_MS);
    const came = side.arrived() - before;
    expect(came <= limit, `${side.name}: ${came} bytes were sent to a receiver that had asked to wait`);
  }
  if (exchange.over) return;
  side.fast();
  await harness.settle();
  if (exchange.over) return;
  if (side.isPaused()) {
    const pausedMs = harness.now;
    await until(harness, exchange, () => exchange.over || !side.isPaused());
    expect(!side.isPaused() && !exchange.over, () => {
      const seconds = (harness.now - pausedMs) / 1000;
      return `${side.name}: the receiver goes on, and the sender is still asked to wait after ${seconds} s`;
    });
  }
  side.end();
  await harness.settle();
}

export async function whatItHoldsIsBounded(definition: AnyDefinition, options: HttpConformanceOptions): Promise<void> {
  const bound = 4 * (options.bufferLimitBytes ?? DEFAULT_LIMIT) + NOISE_BYTES;
  const floods = [...FLOODS, ...(options.requests ?? []).map(floodOf)];
  // What a slow receiver leaves behind is the engine's to hold, whatever the bytes are.
  const pours = floods.flatMap((flood, i) => [
    ...DIRECTIONS.map((direction) => ({ flood, direction, isSlow: false })),
    ...(i === 0 ? DIRECTIONS.map((direction) => ({ flood, direction, isSlow: true })) : []),
  ]);
  // Collections take most of the time: one for a few at once, and only where that is too much for each.
  for (let i = 0; i < pours.length; i += AT_ONCE) {
    const some = pours.slice(i, i + AT_ONCE);
    if ((await heldAfter(definition, options, some, bound)).held <= bound) continue;
    for (const one of some) {
      if ((await heldAfter(definition, options, [one], bound)).held <= bound) continue;
      const { held, sent } = await heldAfter(definition, options, [one], bound);
      if (held <= bound) continue;
      fail(
        `${one.direction} of ${one.flood.name}: after ${sent} bytes without an end ${held} are held, expected at most ${bound}`,
      );
    }
  }
}

interface Pour {
  readonly flood: Flood;
  readonly direction: "request" | "response";
  readonly isSlow: boolean;
}

/**
 * What is in use while the streams are open, beyond what was before them or is after them, whichever is more: what others let go of meanwhile (code that is
 * not used any more) must hide nothing.
 */
async function heldAfter(
  definition: AnyDefinition,
  options: HttpConformanceOptions,
  pours: readonly Pour[],
  bound: number,
): Promise<{ readonly held: number; readonly sent: number }> {
  const before = await bytesInUse();
  const { open, sent } = await inUseWithOpen(definition, options, pours, before + bound);
  if (sent === 0) return { held: 0, sent };
  return { held: open - Math.min(before, await bytesInUse()), sent };
}

/** `enough`: what need not be measured more exactly. */
async function inUseWithOpen(
  definition: AnyDefinition,
  options: HttpConformanceOptions,
  pours: readonly Pour[],
  enough: number,
): Promise<{ readonly open: number; readonly sent: number }> {
  const { harness } = await stage(definition, options);
  let sent = 0;
  for (const { flood, direction, isSlow } of pours) {
    const flow = await flowing(harness, flood.request, direction);
    if (flow === null) continue;
    if (isSlow) flow.side.slow();
    sent += await pour(harness, flow.exchange, flow.side, flood.chunk);
  }
  const open = sent === 0 ? 0 : await bytesDownTo(enough);
  await harness.close();
  return { open, sent };
}

/** Sends without an end, as long as the sender is let; tells how much that was. */
async function pour(
  harness: HttpFilterHarness,
  exchange: HttpExchange,
  side: Side,
  chunk: (index: number) => Buffer,
): Promise<number> {
  let sent = 0;
  for (let i = 0; sent < FLOOD_BYTES && !exchange.over; i++) {
    if (side.isPaused()) {
      await harness.settle();
      // It waits for what will not come: the receiver, or the end of the message.
      if (side.isPaused()) break;
    }
    const bytes = chunk(i);
    side.send(bytes);
    sent += bytes.length;
    if (i % 8 === 0) await harness.settle();
  }
  return sent;
}

function requestsOf({ requests = [] }: HttpConformanceOptions): TestRequest[] {
  return [{ path: "/" }, ...requests];
}
