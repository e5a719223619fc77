/**
 * The filter of the spike, written once against the sdk: it sets a greeting, counts, and tells the length of bodies. It runs inline and in a
 * worker thread as it is, and component/greeting.c is the same in C. Its odd headers are handles for the conformance table.
 */
import { ConfigError, defineHttpFilter, type HttpFilter, parsedBy, reply } from "@sluice/sdk";

export interface GreetingConfig {
  readonly header: string;
  readonly value: string;
}

export interface GreetingRoute {
  readonly value: string;
}

export interface GreetingState {
  bytes: number;
}

export type GreetingFilter = HttpFilter<GreetingState, GreetingRoute>;

export const greeting = defineHttpFilter({
  id: "spike.http.greeting",
  maturity: "alpha",
  security: "untrusted-downstream",
  config: parsedBy(parseConfig),
  routeConfig: parsedBy((given): GreetingRoute => ({ value: textOf(given, "value") })),
  newState: (): GreetingState => ({ bytes: 0 }),
  create: (config, context): GreetingFilter => {
    const greeted = context.stats.counter("greeted");
    const bodyBytes = context.stats.counter("body_bytes");
    return {
      onRequestHeaders(headers, _end, stream) {
        if (headers.has("x-deny")) {
          return reply({
            status: 403,
            headers: { "x-denied-by": "greeting" },
            body: "denied",
            details: "greeting_denied",
          });
        }
        greeted.inc();
        headers.delete("x-secret");
        headers.set(config.header, stream.routeConfig?.value ?? config.value);
        if (headers.has("x-rewrite")) headers.path = "/greeted";
        if (headers.has("x-name-route")) headers.set("x-name-route", stream.route?.name ?? "none");
        // Last, so that the edits before it show what becomes of them.
        if (headers.has("x-fail")) throw new Error("asked to fail");
        return undefined;
      },
      onRequestData(data, _end, stream) {
        stream.state.bytes += data.length;
        bodyBytes.inc(data.length);
        return data[0] === HASH ? new Uint8Array(data.length).fill(HASH) : undefined;
      },
      onRequestTrailers(trailers, stream) {
        trailers.set("x-length", String(stream.state.bytes));
      },
      onResponseHeaders(headers, _end, stream) {
        headers.append("x-request-bytes", String(stream.state.bytes));
      },
    };
  },
});

const HASH = 0x23;

function parseConfig(given: unknown): GreetingConfig {
  return { header: textOf(given, "header"), value: textOf(given, "value") };
}

function textOf(given: unknown, key: string): string {
  const value: unknown = typeof given === "object" && given !== null ? Reflect.get(given, key) : undefined;
  if (typeof value !== "string") throw new ConfigError("expected a text", [key]);
  return value;
}
