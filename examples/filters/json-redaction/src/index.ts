/**
 * Leaves the values of named fields out of JSON bodies while they stream: what is not redacted passes at once, and nothing is held. It fails closed: a body that
 * it cannot read does not get by, unless the configuration says so. An example: bytes in any chunking, a limit, state of a stream.
 */
import {
  Continue,
  type DataVerdict,
  type Headers,
  type HttpFilter,
  type HttpStream,
  defineHttpFilter,
  reply,
} from "@sluice/sdk";
import { type RedactionSettings, config, routeConfig } from "./config.ts";
import { FieldPatterns } from "./field-patterns.ts";
import { forgetLengths, jsonKind, whyUnreadable } from "./messages.ts";
import { JsonRedactor } from "./redactor.ts";

interface State {
  request: JsonRedactor | null;
  response: JsonRedactor | null;
}
type Stream = HttpStream<State, RedactionSettings>;

const NOTHING = new Uint8Array(0);

export const jsonRedaction = defineHttpFilter({
  id: "acme.http.json-redaction",
  maturity: "beta",
  security: "untrusted-downstream-and-upstream",
  portable: true,
  config,
  routeConfig,
  newState: (): State => ({ request: null, response: null }),
  create(own, context) {
    const redacted = context.stats.counter("redacted");
    const refused = context.stats.counter("refused");
    const patterns = new WeakMap<RedactionSettings, FieldPatterns>();

    const refuse = (status: number, details: string) => {
      refused.inc();
      return reply({ status, body: "the body cannot be checked\n", details });
    };

    /** null: the message is none of its business. A word: it cannot be read. `status`: 0 for a request. */
    const begin = (headers: Headers, status: number, settings: RedactionSettings): JsonRedactor | null | string => {
      const kind = jsonKind(headers);
      if (kind === null) return null;
      const why = whyUnreadable(headers, status);
      if (why !== null) return settings.unreadable === "pass" ? null : why;
      if (Number(headers.get("content-length") ?? 0) > settings.max_bytes) return "json_too_long";
      forgetLengths(headers);
      let fields = patterns.get(settings);
      if (fields === undefined) patterns.set(settings, (fields = new FieldPatterns(settings.fields)));
      return new JsonRedactor(fields, {
        replacement: Buffer.from(JSON.stringify(settings.replacement)),
        maxBytes: settings.max_bytes,
        maxDepth: settings.max_depth,
        isSequence: kind === "sequence",
      });
    };

    const redact = (redactor: JsonRedactor | null, data: Uint8Array, end: boolean, stream: Stream): DataVerdict => {
      if (redactor === null) return Continue;
      const before = redactor.count;
      const out = redactor.redact(data, end);
      redacted.inc(redactor.count - before);
      if (redactor.fault === null) return out ?? Continue;
      refused.inc();
      // Part of the body may have gone out: its end must not look like one.
      stream.reset(redactor.fault);
      return NOTHING;
    };

    const endAt = (trailers: Headers, redactor: JsonRedactor | null, stream: Stream): void => {
      if (redactor === null) return;
      redact(redactor, NOTHING, true, stream);
      forgetLengths(trailers);
    };

    const ofRequest: HttpFilter<State, RedactionSettings> = {
      onRequestHeaders(headers, end, stream) {
        if (end) return;
        const begun = begin(headers, 0, stream.routeConfig ?? own);
        if (typeof begun === "string") return refuse(begun === "json_too_long" ? 413 : 415, begun);
        stream.state.request = begun;
      },
      onRequestData: (data, end, stream) => redact(stream.state.request, data, end, stream),
      onRequestTrailers: (trailers, stream) => endAt(trailers, stream.state.request, stream),
    };
    const ofResponse: HttpFilter<State, RedactionSettings> = {
      onResponseHeaders(headers, end, stream) {
        // To HEAD, too, the length and the tags are those of the body with the secrets.
        if (end && jsonKind(headers) !== null) forgetLengths(headers);
        if (end) return;
        const begun = begin(headers, headers.status, stream.routeConfig ?? own);
        if (typeof begun === "string") return refuse(502, begun);
        stream.state.response = begun;
      },
      onResponseData: (data, end, stream) => redact(stream.state.response, data, end, stream),
      onResponseTrailers: (trailers, stream) => endAt(trailers, stream.state.response, stream),
    };
    // An upstream that may compress, or send parts, would make its bodies unreadable.
    const readable: HttpFilter<State, RedactionSettings> = {
      onRequestHeaders(headers, end, stream) {
        headers.set("accept-encoding", "identity");
        headers.delete("range");
        return own.direction === "both" ? ofRequest.onRequestHeaders!(headers, end, stream) : Continue;
      },
    };
    switch (own.direction) {
      case "request":
        return ofRequest;
      case "response":
        return { ...ofResponse, ...readable };
      case "both":
        return { ...ofRequest, ...ofResponse, ...readable };
    }
  },
});

export default jsonRedaction;
