/** Plays one exchange of a conformance suite in steps that a check can cut, watch and stop at. */
import type { Random } from "@sluice/sdk";
import type { TestResponse } from "../client-end.ts";
import type { HttpExchange } from "../exchange.ts";
import { FakeCluster, fakeCluster } from "../fake-cluster.ts";
import { type HttpFilterHarness, httpHarness } from "../http-filter-harness.ts";
import type { AnyDefinition, HttpFilterSetup } from "../setup.ts";
import type { UpstreamEnd } from "../upstream-end.ts";
import { cut } from "./cut.ts";
import { headOf, type HttpConformanceOptions, type Scenario, wholeBody } from "./scenario.ts";

export const DEFAULT_LIMIT = 64 * 1024;
/** A suite plays filters that never go on, too. */
const PATIENCE_MS = 300;

export interface Stage {
  readonly harness: HttpFilterHarness;
  readonly clusters: readonly FakeCluster[];
}

/** A fresh harness for the filter under test. */
export async function stage(definition: AnyDefinition, options: HttpConformanceOptions): Promise<Stage> {
  const { config, routeConfig, levels, disabled, onError, name, routes, hcm, runtime, client } = options;
  const setup = { config, routeConfig, levels, disabled, onError, name };
  const clusters =
    options.clusters?.() ??
    (definition.terminal === true ? { upstream: fakeCluster() } : ({} as Record<string, never>));
  const given = Object.entries({ ...setup, routes, hcm, runtime, client }).filter(([, value]) => value !== undefined);
  const harness = await httpHarness(definition, {
    ...(Object.fromEntries(given) as HttpFilterSetup),
    clusters,
    bufferLimitBytes: options.bufferLimitBytes ?? DEFAULT_LIMIT,
  });
  return { harness, clusters: Object.values(clusters) };
}

export interface PlayOptions {
  /** Cuts bodies, and lets the event loop turn between frames; null: each body in one piece. @default null */
  readonly random?: Random | null;
  /** The client goes away after so many frames. @default never */
  readonly abortAfter?: number;
  /** @default true */
  readonly overwritesBuffers?: boolean;
}

export interface Played {
  readonly exchange: HttpExchange;
  readonly response: TestResponse;
  /** Frames that were sent, of both sides. */
  readonly frames: number;
}

/** One exchange, to its end. */
export async function play(
  harness: HttpFilterHarness,
  { request, respond }: Scenario,
  options: PlayOptions = {},
): Promise<Played> {
  const { random = null, abortAfter = -1, overwritesBuffers = true } = options;
  const exchange = harness.open();
  exchange.overwritesBuffers = overwritesBuffers;
  let frames = 0;
  const isCut = (): boolean => frames === abortAfter;
  const step = async (frame: () => void, canSend: () => boolean): Promise<boolean> => {
    if (!canSend()) await until(harness, exchange, () => exchange.over || canSend());
    if (exchange.over) return false;
    frame();
    frames++;
    if (random !== null && random.below(3) === 0) await harness.settle();
    if (isCut() && !exchange.over) exchange.abort();
    return !exchange.over;
  };
  const all = async (list: readonly (() => void)[], canSend: () => boolean): Promise<boolean> => {
    for (const frame of list) if (!(await step(frame, canSend))) return false;
    return true;
  };

  await harness.settle();
  const wentOut = await all(requestFrames(exchange, request, random), () => !exchange.requestPaused);
  if (wentOut) {
    let upstream: UpstreamEnd | null = null;
    const hasArrived = (): boolean => {
      upstream = harness.upstreamOf(exchange.stream);
      return upstream !== null && upstream.frames.includes("end") && !upstream.answersItself;
    };
    await until(harness, exchange, () => exchange.over || hasArrived());
    if (!exchange.over && hasArrived()) {
      const far = upstream! as UpstreamEnd;
      far.overwritesBuffers = overwritesBuffers;
      const answer = await respond(far.request);
      await all(answerFrames(far, answer, random), () => !far.responsePaused);
    }
  }
  await until(harness, exchange, () => exchange.over);
  await harness.settle();
  return { exchange, response: exchange.response, frames };
}

export function until(harness: HttpFilterHarness, exchange: HttpExchange, isDone: () => boolean): Promise<void> {
  return harness.runUntil(isDone, () => exchange.awaitsPromise, PATIENCE_MS);
}

function requestFrames(exchange: HttpExchange, request: Scenario["request"], random: Random | null): (() => void)[] {
  const chunks = cutBody(wholeBody(request), random);
  const { trailers } = request;
  const isBare = chunks.length === 0 && trailers === undefined;
  return [
    () => void exchange.headers(headOf(request), isBare),
    ...chunks.map((chunk, i) => () => void exchange.data(chunk, trailers === undefined && i === chunks.length - 1)),
    ...(trailers === undefined ? [] : [() => void exchange.trailers(trailers)]),
  ];
}

function answerFrames(
  upstream: UpstreamEnd,
  answer: Awaited<ReturnType<Scenario["respond"]>>,
  random: Random | null,
): (() => void)[] {
  const { trailers, reset, informational = [] } = answer;
  const chunks = cutBody(wholeBody(answer), random);
  if (reset !== undefined && chunks.length === 0) return [() => void upstream.reset(reset)];
  const isOpen = trailers !== undefined || reset !== undefined;
  const { headers, status = 200 } = headOf(answer);
  const head = headers === undefined ? { status } : { status, headers };
  return [
    ...informational.map((early) => () => void upstream.informational(early)),
    () => void upstream.respond(head, chunks.length === 0 && !isOpen),
    ...chunks.map((chunk, i) => () => void upstream.data(chunk, !isOpen && i === chunks.length - 1)),
    ...(reset === undefined ? [] : [() => void upstream.reset(reset)]),
    ...(reset === undefined && trailers !== undefined ? [() => void upstream.trailers(trailers)] : []),
  ];
}

function cutBody(body: Buffer, random: Random | null): Buffer[] {
  if (random !== null) return cut(body, random);
  return body.length === 0 ? [] : [body];
}
