/**
 * The filters of the conformance table, each written once against the sdk: they run inline and in a thread as they are. `greeting` is the one that exists in other
 * languages too; `prober` does what the request's `x-do` says, so that a scenario shows which rule of the contract it is about.
 */
import { defineHttpFilter, type HttpFilter, parsedBy, reply } from "@sluice/sdk";
import { FLOW_ACTS } from "./acts/flow.ts";
import { type Act, probed, type ProberState, type Stream } from "./acts/act.ts";
import { VALUE_ACTS } from "./acts/values.ts";

const HASH = 0x23;

/** Sets a greeting, counts, tells the length of bodies. */
export const greeting = defineHttpFilter({
  id: "test.http.greeting",
  maturity: "alpha",
  security: "untrusted-downstream",
  portable: true,
  config: parsedBy((given) => given as { readonly header: string; readonly value: string }),
  routeConfig: parsedBy((given) => given as { readonly value: string }),
  newState: () => ({ bytes: 0 }),
  create: (config, context) => {
    const greeted = context.stats.counter("greeted");
    const bodyBytes = context.stats.counter("body_bytes");
    return {
      onRequestHeaders(headers, _end, stream) {
        if (headers.has("x-deny"))
          return reply({
            status: 403,
            headers: { "x-denied-by": "greeting" },
            body: "denied",
            details: "greeting_denied",
          });
        greeted.inc();
        headers.delete("x-secret");
        headers.set(config.header, stream.routeConfig?.value ?? config.value);
        if (headers.has("x-rewrite")) headers.path = "/greeted";
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

const ACTS: Readonly<Record<string, Act>> = { ...FLOW_ACTS, ...VALUE_ACTS };

/** Does what `x-do` of the request says. */
export const prober = defineHttpFilter({
  id: "test.http.prober",
  maturity: "alpha",
  security: "untrusted-downstream",
  portable: true,
  calls: true,
  provides: [probed],
  reads: [
    "requestHeaders",
    "responseHeaders",
    "requestTrailers",
    "metadata.test.probed",
    "filterState.test.key",
    "info.remote",
    "info.protocol",
    "info.connection",
    "info.response",
    "info.bytes",
  ],
  config: { type: "object" },
  routeConfig: { type: "object", properties: { tag: { type: "string", default: "defaulted" } } } as never as ReturnType<
    typeof parsedBy<{ readonly tag: string }>
  >,
  newState: (): ProberState => ({ what: "", chunks: [] }),
  create: (_config, context): HttpFilter<ProberState, { readonly tag: string }> => {
    const act = (stream: Stream): Act => ACTS[stream.state.what] ?? {};
    return {
      onRequestHeaders(headers, end, stream) {
        stream.state.what = headers.get("x-do") ?? "";
        return act(stream).requestHeaders?.(headers, end, stream, context);
      },
      onRequestData: (data, end, stream) => act(stream).requestData?.(data, end, stream),
      onRequestTrailers: (trailers, stream) => act(stream).requestTrailers?.(trailers, stream),
      onInformational: (headers, stream) => act(stream).informational?.(headers, stream),
      onResponseHeaders: (headers, end, stream) => act(stream).responseHeaders?.(headers, end, stream),
      onResponseData: (data, end, stream) => act(stream).responseData?.(data, end, stream),
      onResponseTrailers: (trailers, stream) => act(stream).responseTrailers?.(trailers, stream),
      onLocalReply: (told, stream) => act(stream).localReply?.(told, stream),
      onStreamComplete: (_info, stream) => act(stream).complete?.(stream, context),
      onDestroy: (stream) => act(stream).destroy?.(stream, context),
    };
  },
});

/** May look at headers, and not change them. */
export const reader = defineHttpFilter({
  id: "test.http.reader",
  maturity: "alpha",
  security: "untrusted-downstream",
  portable: true,
  mutatesHeaders: false,
  config: { type: "object" },
  create: (_config, context) => {
    const accepted = context.stats.counter("accepted");
    return {
      onRequestHeaders(headers) {
        if (headers.get("accept") === "a" && headers.path === "/") accepted.inc();
        if (headers.has("x-change")) headers.set("x-changed", "1");
      },
    };
  },
});

// oxlint-disable-next-line import/no-default-export -- a module of filters, as the registry loads it
export default [greeting, prober, reader];
