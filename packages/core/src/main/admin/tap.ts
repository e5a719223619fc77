/** `POST /tap`: records live streams into a JSON fixture, which is the response. Ends with the last stream, the time, or the client that asked. */
import type { TapFixture, TapStream } from "../../tap/fixture.ts";
import type { TapOptions } from "../../tap/tap-point.ts";
import { type AdminEndpoint, type AdminReply, type AdminView, text } from "./endpoint.ts";

const POLL_MS = 25;
const DEFAULTS = { count: 1, max_bytes: 65_536, timeout_ms: 10_000 } as const;
const MOST = { count: 100, max_bytes: 16 * 1024 * 1024, timeout_ms: 600_000 } as const;
/** Of all streams together, in each worker. */
const MOST_BYTES = 64 * 1024 * 1024;
/** What is never wanted in a file. */
const REDACT = "authorization,cookie,proxy-authorization,set-cookie";

/** Servers that are being tapped. */
const busy = new WeakSet<AdminView>();

export const tap: AdminEndpoint = {
  path: "/tap",
  help: "record live HTTP streams into a fixture for tests of filters",
  mutates: true,
  parameters: {
    listener: "name of the listener; all unless given",
    path_prefix: "only requests whose path begins so",
    count: `streams, the first that come: ${DEFAULTS.count} unless given`,
    max_bytes: `bytes of bodies for each stream: ${DEFAULTS.max_bytes} unless given`,
    timeout_ms: `the tap ends after so long: ${DEFAULTS.timeout_ms} unless given`,
    redact: `names of headers whose values are left out: ${REDACT} unless given`,
  },
  async handle(query, { server }, signal = new AbortController().signal) {
    const asked = readQuery(query, server);
    if ("status" in asked) return asked;
    if (busy.has(server)) return text("a tap is running already\n", 409);
    busy.add(server);
    try {
      return reply({ sluice_tap: 1, streams: await record(server, asked, signal) });
    } finally {
      busy.delete(server);
    }
  },
};

interface Asked {
  readonly options: TapOptions;
  readonly timeoutMs: number;
}

async function record(server: AdminView, { options, timeoutMs }: Asked, signal: AbortSignal): Promise<TapStream[]> {
  const streams: TapStream[] = [];
  const endMs = performance.now() + timeoutMs;
  await server.tap({ kind: "start", options });
  try {
    while (streams.length < options.count && performance.now() < endMs && !signal.aborted) {
      await pause(Math.min(POLL_MS, Math.max(1, endMs - performance.now())), signal);
      streams.push(...(await server.tap({ kind: "take" })));
    }
  } finally {
    streams.push(...(await server.tap({ kind: "stop" })));
  }
  // Each worker has taken as many; what was complete first counts.
  const complete = streams.filter((stream) => stream.complete);
  const open = streams.filter((stream) => !stream.complete);
  return [...complete, ...open].slice(0, options.count);
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
  });
}

function readQuery(query: URLSearchParams, server: AdminView): Asked | AdminReply {
  const known = Object.keys(tap.parameters!);
  for (const name of query.keys())
    if (!known.includes(name)) return text(`unknown parameter "${name}", expected ${known.join(", ")}\n`, 400);
  const numbers: Record<string, number> = {};
  for (const name of ["count", "max_bytes", "timeout_ms"] as const) {
    const value = Number(query.get(name) ?? DEFAULTS[name]);
    const least = name === "max_bytes" ? 0 : 1;
    if (!Number.isInteger(value) || value < least || value > MOST[name])
      return text(`${name} is ${query.get(name)}, expected a whole number from ${least} to ${MOST[name]}\n`, 400);
    numbers[name] = value;
  }
  const { count = 1, max_bytes: maxBytes = 0, timeout_ms: timeoutMs = 0 } = numbers;
  if (count * maxBytes > MOST_BYTES)
    return text(`count times max_bytes is ${count * maxBytes}, expected at most ${MOST_BYTES}\n`, 400);
  const listener = query.get("listener") ?? "";
  const listeners = (server.config?.listeners ?? []).map(({ name }) => name);
  if (listener !== "" && !listeners.includes(listener))
    return text(`no listener "${listener}", expected one of ${listeners.join(", ")}\n`, 400);
  const redact = (query.get("redact") ?? REDACT).split(",").map((name) => name.trim().toLowerCase());
  return { options: { listener, pathPrefix: query.get("path_prefix") ?? "", count, maxBytes, redact }, timeoutMs };
}

function reply(fixture: TapFixture): AdminReply {
  return { status: 200, body: `${JSON.stringify(fixture, null, 1)}\n`, contentType: "application/json" };
}
