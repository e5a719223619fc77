/**
 * Stands in front of language models: reads the model's name from the request, so that routes can choose by it, and limits the tokens that each key uses in a
 * minute, counted from the responses while they stream. An example: a whole body read, shared state by key, costs that are known afterwards.
 *
 * A request reserves what it may cost; when it is over, the difference to what it did cost is charged or given back. So many requests at once do not
 * get past the limit.
 */
import {
  type HttpStream,
  type LocalReply,
  type RequestHeaders,
  type TokenBuckets,
  defineHttpFilter,
  metadataKey,
  reply,
} from "@sluice/sdk";
import { config, routeConfig } from "./config.ts";
import { readPrompt } from "./prompt.ts";
import { type TokenMeter, meterFor } from "./token-meter.ts";

/** What a request asked and what it cost, for logs and filters behind. */
export const aiUse = metadataKey<{ model: string; prompt_tokens: number; completion_tokens: number }>("acme.ai");

/** What is known of a request while it lasts. */
interface State {
  /** Whose tokens they are; null: nothing is counted. */
  key: string | null;
  buckets: TokenBuckets | null;
  model: string;
  reserved: number;
  estimatedPrompt: number;
  meter: TokenMeter | null;
}

const newState = (): State => ({ key: null, buckets: null, model: "", reserved: 0, estimatedPrompt: 0, meter: null });

interface RouteSettings {
  readonly tokens_per_minute: number;
}

export const aiGateway = defineHttpFilter({
  id: "acme.http.ai-gateway",
  maturity: "beta",
  security: "untrusted-downstream",
  provides: [aiUse],
  config,
  routeConfig,
  newState,
  create(own, context) {
    const { stats } = context;
    const counters = {
      requests: stats.counter("requests"),
      limited: stats.counter("limited"),
      refused: stats.counter("refused"),
      prompt: stats.counter("prompt_tokens"),
      completion: stats.counter("completion_tokens"),
    };
    const bucketsOf = ({ tokens_per_minute }: RouteSettings, owner?: object): TokenBuckets =>
      context.shared.tokenBuckets(
        "tokens",
        {
          maxTokens: tokens_per_minute,
          tokensPerFill: tokens_per_minute,
          fillIntervalMs: 60_000,
          maxKeys: own.max_keys,
        },
        owner,
      );
    const ownBuckets = bucketsOf(own);
    const ofRoutes = new WeakMap<object, TokenBuckets>();
    const bucketsFor = (route: RouteSettings | undefined): TokenBuckets => {
      if (route === undefined) return ownBuckets;
      let buckets = ofRoutes.get(route);
      if (buckets === undefined) ofRoutes.set(route, (buckets = bucketsOf(route, route)));
      return buckets;
    };
    const refuse = (status: number, details: string, message: string): LocalReply => {
      counters.refused.inc();
      return failure(status, details, message);
    };

    return {
      async onRequestHeaders(headers, end, stream) {
        // What a client says of the model in this header counts for nothing.
        headers.delete(own.model_header);
        if (end || headers.method !== "POST") return;
        const key = keyOf(headers, stream, own.key_header);
        // What is compressed cannot be counted.
        headers.set("accept-encoding", "identity");
        if (key === undefined) return refuse(401, "ai_key_missing", "one API key is needed");
        const body = await stream.request.body(own.max_request_bytes);
        const prompt = readPrompt(body);
        if (prompt === null) return refuse(400, "ai_model_missing", "the request has to be JSON that names a model");
        if (prompt === "ambiguous")
          return refuse(400, "ai_model_ambiguous", "the request says twice which model or how many tokens it wants");
        const { model } = prompt;
        if (own.models !== undefined && !own.models.some((each) => isModel(each, model)))
          return refuse(404, "ai_model_unknown", `there is no model ${JSON.stringify(model)} here`);

        headers.set(own.model_header, model);
        stream.clearRouteCache();
        const route = stream.routeConfig;
        const buckets = bucketsFor(route);
        const limit = route?.tokens_per_minute ?? own.tokens_per_minute;
        // A request that may cost more than there ever is waits for a full bucket.
        const reserved = Math.min(limit, prompt.estimatedTokens + prompt.completionLimit);
        if (!buckets.take(key, reserved)) {
          counters.limited.inc();
          return tooMany(buckets.retryAfterMs(key, reserved), limit);
        }
        counters.requests.inc();
        Object.assign(stream.state, { key, buckets, model, reserved, estimatedPrompt: prompt.estimatedTokens });
      },

      onResponseHeaders(headers, _end, { state }) {
        if (state.key === null) return;
        headers.set("x-ratelimit-remaining-tokens", String(Math.max(0, state.buckets!.remaining(state.key))));
        // A request that failed costs nothing.
        if (headers.status < 400)
          state.meter = meterFor(headers.get("content-type") ?? "", headers.get("content-encoding") ?? "identity");
      },

      onResponseData(data, _end, { state }) {
        state.meter?.add(data);
      },

      // Whether it came to its end or was broken off: what has gone out is paid for.
      onStreamComplete(_info, { state, metadata }) {
        const { key, buckets, reserved, meter, model } = state;
        if (key === null) return;
        const counted = meter?.read() ?? { prompt: 0, completion: 0 };
        const prompt = counted.prompt === -1 ? state.estimatedPrompt : counted.prompt;
        counters.prompt.inc(prompt);
        counters.completion.inc(counted.completion);
        buckets!.charge(key, prompt + counted.completion - reserved);
        metadata.set(aiUse, { model, prompt_tokens: prompt, completion_tokens: counted.completion });
      },
    };
  },
});

export default aiGateway;

/**
 * The name of the client where an API-key filter has found it out, else the key itself. Of two keys the upstream may go by either, and a scheme is the same in
 * any case and with any blanks behind it: neither may make it another client's.
 */
function keyOf(headers: RequestHeaders, stream: HttpStream<State, RouteSettings>, name: string): string | undefined {
  const client = stream.metadata.get("acme.api_client")?.["name"];
  if (typeof client === "string") return `client ${client}`;
  const [value = "", second] = headers.getAll(name);
  if (value === "" || second !== undefined) return undefined;
  return name === "authorization" ? value.replace(/^\S+\s+/, (scheme) => `${scheme.trim().toLowerCase()} `) : value;
}

function isModel(pattern: string, model: string): boolean {
  return pattern.endsWith("*") ? model.startsWith(pattern.slice(0, -1)) : model === pattern;
}

function tooMany(retryAfterMs: number, limit: number): LocalReply {
  const seconds = String(Math.max(1, Math.ceil(retryAfterMs / 1000)));
  return failure(429, "ai_tokens_limited", `the limit of ${limit} tokens a minute is reached`, {
    "retry-after": seconds,
    "x-ratelimit-limit-tokens": String(limit),
  });
}

/** The shape in which clients of these APIs expect errors. */
function failure(
  status: number,
  details: string,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): LocalReply {
  return reply({
    status,
    details,
    headers: { ...headers, "content-type": "application/json" },
    body: `${JSON.stringify({ error: { type: details, message } })}\n`,
  });
}
