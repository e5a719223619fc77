/** Hot path. Conditions that few routes have: a share of the requests, cookies, the client's certificate, what filters left on the stream. Envoy: RouteMatch. */
import type { RuntimeFraction, RuntimeValue } from "@sluice/sdk";
import type {
  CookieMatchModel,
  FilterStateMatchModel,
  MetadataMatchModel,
  RareConditionsModel,
  RuntimeFractionModel,
  TlsMatchModel,
} from "../../config/model.ts";
import { type CidrSet, checkedCidrs } from "../../matching/cidr.ts";
import type { StringMatcher } from "../../matching/string-matcher.ts";
import type { FractionSource } from "../../matching/tree/input-matcher.ts";
import { checkedStringMatcher, stateText, ValueMatcher, valueAt } from "../../matching/value-matcher.ts";
import { cookieValue } from "../cookies.ts";
import type { HeaderMap } from "../headers/header-map.ts";
import type { RouteQuestion } from "./route-question.ts";
import type { RouteFacts } from "./types.ts";

/** Where runtime keys are read; what routes hold of it ends with their table. */
export interface RouteRuntime extends FractionSource {
  number(key: string, defaultValue: number): RuntimeValue<number>;
}

export const RARE_HOLD = -1;
export const FRACTION_FAILS = 2;
export const TLS_FAILS = 3;
export const COOKIE_FAILS = 0x3_0000;
export const METADATA_FAILS = 0x4_0000;
export const FILTER_STATE_FAILS = 0x5_0000;

export class RareConditions {
  readonly #fraction: RuntimeFractionModel | null;
  /** null: the share is fixed, or there is no runtime to ask (explain). */
  readonly #runtime: RuntimeFraction | null;
  readonly #tls: TlsMatchModel | null;
  readonly #cookies: readonly CookieMatch[];
  readonly #metadata: readonly MetadataMatch[];
  readonly #states: readonly FilterStateMatch[];

  constructor(model: RareConditionsModel, runtime: FractionSource | null) {
    const fraction = model.runtimeFraction;
    this.#fraction = fraction;
    this.#runtime =
      fraction === null || fraction.key === "" || runtime === null ? null : runtime.fraction(fraction.key, fraction);
    this.#tls = model.tls;
    this.#cookies = model.cookies.map((cookie) => new CookieMatch(cookie));
    this.#metadata = model.metadata.map((metadata) => new MetadataMatch(metadata));
    this.#states = model.filterState.map((state) => new FilterStateMatch(state));
  }

  /** The first that does not hold: `FRACTION_FAILS`, `TLS_FAILS`, the start of the others + its index; or `RARE_HOLD`. */
  firstFailure(question: RouteQuestion): number {
    const { headers, facts } = question;
    if (this.#fraction !== null && !this.#fractionHolds(this.#fraction, question.random())) return FRACTION_FAILS;
    const cookies = this.#cookies;
    for (let i = 0; i < cookies.length; i++) if (!cookies[i]!.holds(headers)) return COOKIE_FAILS + i;
    if (this.#tls !== null && !tlsHolds(this.#tls, facts)) return TLS_FAILS;
    const metadata = this.#metadata;
    for (let i = 0; i < metadata.length; i++) if (!metadata[i]!.holds(facts)) return METADATA_FAILS + i;
    const states = this.#states;
    for (let i = 0; i < states.length; i++) if (!states[i]!.holds(facts)) return FILTER_STATE_FAILS + i;
    return RARE_HOLD;
  }

  #fractionHolds({ numerator, denominator }: RuntimeFractionModel, random: number): boolean {
    if (random < 0) return numerator >= denominator;
    // Other bits than weighted clusters go by: otherwise those that a share lets in would all get the same cluster.
    const place = Math.floor(random / 1024);
    return this.#runtime === null ? place % denominator < numerator : this.#runtime.includes(place);
  }
}

function tlsHolds({ presented, validated }: TlsMatchModel, { connection }: RouteFacts): boolean {
  const { tls } = connection;
  if (presented !== null && presented !== (tls !== null && tls.peerCertificatePresented)) return false;
  return validated === null || validated === (tls !== null && tls.peerCertificateVerified);
}

class CookieMatch {
  readonly #name: string;
  readonly #matcher: StringMatcher;
  readonly #invert: boolean;

  constructor({ name, matcher, invert }: CookieMatchModel) {
    this.#name = name;
    this.#matcher = checkedStringMatcher(matcher);
    this.#invert = invert;
  }

  /** A cookie that is missing matches nothing, and everything when inverted. */
  holds(headers: HeaderMap): boolean {
    const value = cookieValue(headers, this.#name);
    return (value !== null && this.#matcher.matches(value)) !== this.#invert;
  }
}

class MetadataMatch {
  readonly #model: MetadataMatchModel;
  readonly #value: ValueMatcher;

  constructor(model: MetadataMatchModel) {
    this.#model = model;
    this.#value = new ValueMatcher(model.value);
  }

  holds({ metadata }: RouteFacts): boolean {
    const { filter, path, invert } = this.#model;
    return this.#value.matches(valueAt(metadata.get(filter), path)) !== invert;
  }
}

class FilterStateMatch {
  readonly #key: string;
  readonly #text: StringMatcher | null;
  readonly #ranges: CidrSet | null;

  constructor({ key, match }: FilterStateMatchModel) {
    this.#key = key;
    this.#text = match.kind === "string" ? checkedStringMatcher(match.matcher) : null;
    this.#ranges = match.kind === "address" ? checkedCidrs(match.ranges) : null;
  }

  holds({ filterState }: RouteFacts): boolean {
    const text = stateText(filterState.get(this.#key));
    if (text === null) return false;
    return this.#text === null ? this.#ranges!.contains(text) : this.#text.matches(text);
  }
}
