/** Matchers in the compiled configuration: plain data that main makes and every worker compiles. What they match is in matching/. */
import type { StringMatcherModel } from "./model.ts";

/** Envoy: core.v3.RuntimeFractionalPercent. An empty key: the share is fixed. */
export interface RuntimeFractionModel {
  readonly key: string;
  readonly numerator: number;
  readonly denominator: 100 | 10_000 | 1_000_000;
}

/** Envoy: route.v3.CookieMatcher. */
export interface CookieMatchModel {
  readonly name: string;
  readonly matcher: StringMatcherModel;
  readonly invert: boolean;
}

/** Envoy: RouteMatch.TlsContextMatchOptions; null: it does not matter. */
export interface TlsMatchModel {
  readonly presented: boolean | null;
  readonly validated: boolean | null;
}

/** Envoy: type.matcher.v3.MetadataMatcher. */
export interface MetadataMatchModel {
  readonly filter: string;
  readonly path: readonly string[];
  readonly value: ValueMatchModel;
  readonly invert: boolean;
}

/** Envoy: type.matcher.v3.ValueMatcher. */
export type ValueMatchModel =
  | { readonly kind: "null" }
  | { readonly kind: "bool"; readonly value: boolean }
  | { readonly kind: "present"; readonly present: boolean }
  | { readonly kind: "number"; readonly value: number }
  /** From `start` (in) to `end` (out). */
  | { readonly kind: "range"; readonly start: number; readonly end: number }
  | { readonly kind: "string"; readonly matcher: StringMatcherModel }
  /** One element of a list. */
  | { readonly kind: "one_of"; readonly value: ValueMatchModel }
  | { readonly kind: "or"; readonly values: readonly ValueMatchModel[] };

/** Envoy: type.matcher.v3.FilterStateMatcher. */
export interface FilterStateMatchModel {
  readonly key: string;
  readonly match:
    | { readonly kind: "string"; readonly matcher: StringMatcherModel }
    | { readonly kind: "address"; readonly ranges: readonly string[] };
}

/** What few routes ask for. */
export interface RareConditionsModel {
  readonly runtimeFraction: RuntimeFractionModel | null;
  readonly cookies: readonly CookieMatchModel[];
  readonly tls: TlsMatchModel | null;
  readonly metadata: readonly MetadataMatchModel[];
  readonly filterState: readonly FilterStateMatchModel[];
}

// ---- matcher trees: xds.type.matcher.v3.Matcher ---------------------------------------------------------------------------------------------

export interface MatchTreeModel<Action> {
  readonly node: MatchNodeModel<Action>;
  /** What to do when nothing above it matched; null: the tree has not matched. */
  readonly onNoMatch: OnMatchModel<Action> | null;
}

export type MatchNodeModel<Action> =
  | { readonly kind: "none" }
  | {
      readonly kind: "list";
      readonly matchers: ReadonlyArray<{ readonly predicate: PredicateModel; readonly onMatch: OnMatchModel<Action> }>;
    }
  | {
      readonly kind: "exact" | "prefix";
      readonly input: MatchInputModel;
      readonly entries: ReadonlyArray<readonly [key: string, onMatch: OnMatchModel<Action>]>;
    }
  /** xds.type.matcher.v3.IPMatcher */
  | {
      readonly kind: "ip";
      readonly input: MatchInputModel;
      readonly ranges: ReadonlyArray<{
        readonly cidrs: readonly string[];
        readonly exclusive: boolean;
        readonly onMatch: OnMatchModel<Action>;
      }>;
    }
  /** xds.type.matcher.v3.ServerNameMatcher */
  | {
      readonly kind: "domain";
      readonly input: MatchInputModel;
      readonly domains: ReadonlyArray<readonly [domain: string, onMatch: OnMatchModel<Action>]>;
    };

export interface OnMatchModel<Action> {
  readonly then:
    | { readonly kind: "tree"; readonly tree: MatchTreeModel<Action> }
    | { readonly kind: "action"; readonly action: Action };
  /** The match is told, and matching goes on as if there was none. */
  readonly keepMatching: boolean;
}

export type PredicateModel =
  | { readonly kind: "single"; readonly input: MatchInputModel; readonly matcher: InputMatcherModel }
  | { readonly kind: "any" | "all"; readonly predicates: readonly PredicateModel[] }
  | { readonly kind: "not"; readonly predicate: PredicateModel };

/** Inputs that need no name. */
export type PlainInputKind =
  | "status_code"
  | "status_code_class"
  | "destination_ip"
  | "destination_port"
  | "source_ip"
  | "source_port"
  | "direct_source_ip"
  | "source_type"
  | "server_name"
  | "transport_protocol"
  | "application_protocol"
  | "uri_san"
  | "dns_san"
  | "subject";

/** Where a value comes from. */
export type MatchInputModel =
  | {
      readonly kind: "request_header" | "request_trailer" | "response_header" | "response_trailer" | "query_parameter";
      readonly name: string;
    }
  | { readonly kind: PlainInputKind }
  | { readonly kind: "filter_state"; readonly key: string }
  | { readonly kind: "dynamic_metadata"; readonly filter: string; readonly path: readonly string[] };

/** What a value must be. */
export type InputMatcherModel =
  | { readonly kind: "string"; readonly matcher: StringMatcherModel }
  | { readonly kind: "ip"; readonly ranges: readonly string[] }
  /** `seed`: a decimal number of 64 bits. */
  | { readonly kind: "hash"; readonly threshold: number; readonly modulo: number; readonly seed: string }
  | { readonly kind: "runtime_fraction"; readonly fraction: RuntimeFractionModel; readonly seed: string }
  | { readonly kind: "metadata"; readonly value: ValueMatchModel; readonly invert: boolean };
