/** Plays what a tap recorded (`POST /tap` of the admin interface) through a harness: the same frames, cut as they were, at their times. */
import type { TapFixture, TapFrame, TapStream } from "../tap/fixture.ts";
import type { TestResponse } from "./client-end.ts";
import type { HttpExchange } from "./exchange.ts";
import { type HttpChainInput, HttpFilterHarness, type HttpHarnessOptions, httpHarness } from "./http-filter-harness.ts";
import type { AnyDefinition, HttpFilterSetup } from "./setup.ts";
import type { UpstreamEnd } from "./upstream-end.ts";

export type { TapFixture, TapFrame, TapStream };

export interface ReplayOptions extends HttpFilterSetup, HttpHarnessOptions {
  /** Values of request headers that the tap left out, by their names. */
  readonly restore?: Readonly<Record<string, string>>;
}

/** One stream, played again. */
export interface Replayed {
  /** What the client got this time, and (`upstream`) what the upstream got. */
  readonly response: TestResponse;
  /** What the tap recorded. */
  readonly recorded: TapStream;
}

/**
 * Plays each stream of a fixture, one after the other, with its own time: frames come from both ends as they were recorded, later where the proxy asks to wait. What
 * the recorded upstream answered is the upstream's answer.
 * @param input the filter, or the chain, that is to see them. A terminal filter must not end it
 * @throws Error for a stream whose bodies were cut: record it with a larger `max_bytes`
 */
export async function replay(
  fixture: TapFixture,
  input: AnyDefinition | readonly HttpChainInput[],
  options: ReplayOptions = {},
): Promise<readonly Replayed[]> {
  const version: unknown = fixture.sluice_tap;
  if (version !== 1) throw new Error(`the fixture is of version ${String(version)}, and this kit plays version 1`);
  const { restore = {}, ...setup } = options;
  const harness = await (Array.isArray(input)
    ? httpHarness(input as readonly HttpChainInput[], setup)
    : httpHarness(input as AnyDefinition, setup));
  try {
    const played: Replayed[] = [];
    for (const recorded of fixture.streams)
      played.push({ recorded, response: await playStream(harness, recorded, restore) });
    return played;
  } finally {
    await harness.close();
  }
}

async function playStream(
  harness: HttpFilterHarness,
  stream: TapStream,
  restore: Readonly<Record<string, string>>,
): Promise<TestResponse> {
  if (stream.cut) throw new Error("the stream was cut when it was recorded: tap it again with a larger max_bytes");
  const { ip, port, tls } = stream.client;
  const exchange = harness.open({ ip, port, tls });
  const startMs = harness.now;
  const client = [...stream.from_client];
  const upstream = [...stream.from_upstream];
  const far = (): UpstreamEnd | null => harness.upstreamOf(exchange.stream);
  const clientIsReady = (): boolean => client.length > 0 && (client[0]!.kind === "reset" || !exchange.requestPaused);
  const upstreamIsReady = (): boolean => upstream.length > 0 && far() !== null && !far()!.responsePaused;
  while (!exchange.over && (client.length > 0 || upstream.length > 0)) {
    const ready = [clientIsReady() ? client : null, upstreamIsReady() ? upstream : null].filter(
      (list) => list !== null,
    );
    const [next] = ready.toSorted((a, b) => a[0]!.at_ms - b[0]!.at_ms);
    if (next === undefined) {
      await harness.runUntil(
        () => exchange.over || clientIsReady() || upstreamIsReady(),
        () => exchange.awaitsPromise,
        harness.patienceMs,
      );
      continue;
    }
    const frame = next[0]!;
    const waitMs = startMs + frame.at_ms - harness.now;
    if (waitMs > 0) {
      await harness.advance(waitMs);
      // Time may have changed who is ready.
      continue;
    }
    next.shift();
    if (next === client) fromClient(exchange, frame, restore);
    else fromUpstream(far()!, frame);
    await harness.settle();
  }
  await harness.runUntil(
    () => exchange.over,
    () => exchange.awaitsPromise,
    harness.patienceMs,
  );
  await harness.settle();
  return exchange.response;
}

function fromClient(exchange: HttpExchange, frame: TapFrame, restore: Readonly<Record<string, string>>): void {
  if (frame.kind === "request") {
    const { method, path, authority, scheme, upgrade, end } = frame;
    const headers = frame.headers.map(([name, value]) => [name, restore[name] ?? value] as const);
    exchange.headers({ method, path, authority, scheme: scheme === "https" ? "https" : "http", upgrade, headers }, end);
  } else if (frame.kind === "data") exchange.data(Buffer.from(frame.data, "base64"), frame.end);
  else if (frame.kind === "trailers") exchange.trailers(frame.headers);
  else if (frame.kind === "reset") exchange.abort();
}

function fromUpstream(upstream: UpstreamEnd, frame: TapFrame): void {
  if (frame.kind === "informational") upstream.informational(frame.status, frame.headers);
  else if (frame.kind === "response") upstream.respond({ status: frame.status, headers: frame.headers }, frame.end);
  else if (frame.kind === "data") upstream.data(Buffer.from(frame.data, "base64"), frame.end);
  else if (frame.kind === "trailers") upstream.trailers(frame.headers);
  else if (frame.kind === "reset") upstream.reset(frame.reason);
}
