/** Hot path. Puts what headers and cookies say into dynamic metadata, for filters, routes and logs. */
import {
  Continue,
  type DynamicMetadata,
  type FilterContext,
  type Headers,
  type HttpFilter,
  type HttpStream,
  type RequestHeaders,
  type ResponseHeaders,
  type Verdict,
} from "@sluice/sdk";
import type { HeaderToMetadataSettings, RuleSettings } from "./config.ts";
import { readCookie, readHeader } from "./source.ts";
import { Target } from "./target.ts";

type Stream = HttpStream<undefined, HeaderToMetadataSettings>;

class Rule {
  readonly #settings: RuleSettings;
  readonly #onPresent: Target | null;
  readonly #onMissing: Target | null;

  /** @throws ConfigError where a pattern is no regular expression. */
  constructor(settings: RuleSettings, { regexes }: FilterContext) {
    this.#settings = settings;
    this.#onPresent = settings.onPresent === null ? null : new Target(settings.onPresent, regexes);
    this.#onMissing = settings.onMissing === null ? null : new Target(settings.onMissing, regexes);
  }

  apply(headers: Headers, metadata: DynamicMetadata): void {
    const { source, name, removesHeader } = this.#settings;
    const sent = source === "header" ? readHeader(headers, name) : readCookie(headers, name);
    if (sent === null) {
      this.#onMissing?.set(metadata, "");
      return;
    }
    if (removesHeader) headers.delete(name);
    this.#onPresent?.set(metadata, sent);
  }
}

class Rules {
  readonly request: readonly Rule[];
  readonly response: readonly Rule[];

  constructor({ request, response }: HeaderToMetadataSettings, context: FilterContext) {
    this.request = request.map((settings) => new Rule(settings, context));
    this.response = response.map((settings) => new Rule(settings, context));
  }
}

export class HeaderToMetadataFilter implements HttpFilter<undefined, HeaderToMetadataSettings> {
  readonly #context: FilterContext;
  readonly #own: Rules;
  /** Made when a route is taken for the first time. */
  readonly #ofRoutes = new WeakMap<HeaderToMetadataSettings, Rules>();

  constructor(settings: HeaderToMetadataSettings, context: FilterContext) {
    this.#context = context;
    this.#own = new Rules(settings, context);
  }

  onRequestHeaders(headers: RequestHeaders, _end: boolean, stream: Stream): Verdict {
    const rules = this.#rulesOf(stream).request;
    for (let i = 0; i < rules.length; i++) rules[i]!.apply(headers, stream.metadata);
    return Continue;
  }

  onResponseHeaders(headers: ResponseHeaders, _end: boolean, stream: Stream): Verdict {
    const rules = this.#rulesOf(stream).response;
    for (let i = 0; i < rules.length; i++) rules[i]!.apply(headers, stream.metadata);
    return Continue;
  }

  #rulesOf({ routeConfig }: Stream): Rules {
    if (routeConfig === undefined) return this.#own;
    let rules = this.#ofRoutes.get(routeConfig);
    if (rules === undefined) this.#ofRoutes.set(routeConfig, (rules = new Rules(routeConfig, this.#context)));
    return rules;
  }
}
