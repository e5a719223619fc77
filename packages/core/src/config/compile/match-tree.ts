/** Matcher trees, whatever they decide: from Envoy's messages to the model, with all that is wrong at its place. */
import type { Message } from "@bufbuild/protobuf";
import type { StringMatcher } from "../envoy/generated/envoy/type/matcher/v3/string_pb.js";
import type { TypedExtensionConfig } from "../envoy/generated/xds/core/v3/extension_pb.js";
import type { ServerNameMatcher } from "../envoy/generated/xds/type/matcher/v3/domain_pb.js";
import type { IPMatcher } from "../envoy/generated/xds/type/matcher/v3/ip_pb.js";
import type {
  Matcher,
  Matcher_MatcherList_Predicate,
  Matcher_MatcherList_Predicate_SinglePredicate,
  Matcher_MatcherTree,
  Matcher_OnMatch,
} from "../envoy/generated/xds/type/matcher/v3/matcher_pb.js";
import { isMessage } from "../envoy/tree.ts";
import type {
  InputMatcherModel,
  MatchInputModel,
  MatchNodeModel,
  MatchTreeModel,
  OnMatchModel,
  PredicateModel,
} from "../match-model.ts";
import type { CompileContext } from "./context.ts";
import { Uniqueness } from "./lists.ts";
import { compileStringMatcher } from "./matchers.ts";
import { inputMatcherOf, inputOf } from "./match-inputs.ts";
import { xdsCidrTexts } from "./value-matchers.ts";

/** Who asks a tree: what is there when it is asked, and what it may lead to. */
export interface TreeRules<Action> {
  /** For messages: "a route". */
  readonly decides: string;
  /** Inputs that can have a value by then. */
  readonly inputs: ReadonlySet<MatchInputModel["kind"]>;
  /** undefined when it was reported. */
  action(message: Message, at: TypedExtensionConfig): Action | undefined;
}

export class TreeCompiler<Action> {
  readonly #context: CompileContext;
  readonly #rules: TreeRules<Action>;

  constructor(context: CompileContext, rules: TreeRules<Action>) {
    this.#context = context;
    this.#rules = rules;
  }

  /** undefined when something in it was reported. */
  tree(matcher: Matcher): MatchTreeModel<Action> | undefined {
    const node = this.#node(matcher);
    const onNoMatch = matcher.onNoMatch === undefined ? null : this.#onMatch(matcher.onNoMatch);
    return node === undefined || onNoMatch === undefined ? undefined : { node, onNoMatch };
  }

  #node({ matcherType }: Matcher): MatchNodeModel<Action> | undefined {
    if (matcherType.case === undefined) return { kind: "none" };
    if (matcherType.case === "matcherTree") return this.#map(matcherType.value);
    const matchers = all(
      matcherType.value.matchers.map(({ predicate, onMatch }) => {
        const condition = predicate && this.#predicate(predicate);
        const branch = onMatch && this.#onMatch(onMatch);
        return condition && branch && { predicate: condition, onMatch: branch };
      }),
    );
    return matchers && { kind: "list", matchers };
  }

  #onMatch({ onMatch, keepMatching }: Matcher_OnMatch): OnMatchModel<Action> | undefined {
    if (onMatch.case === "matcher") {
      const tree = this.tree(onMatch.value);
      return tree && { then: { kind: "tree", tree }, keepMatching };
    }
    if (onMatch.case !== "action") return undefined;
    const message = this.#message(onMatch.value);
    const action = message && this.#rules.action(message, onMatch.value);
    return action === undefined ? undefined : { then: { kind: "action", action }, keepMatching };
  }

  #predicate({ matchType }: Matcher_MatcherList_Predicate): PredicateModel | undefined {
    switch (matchType.case) {
      case "singlePredicate":
        return this.#single(matchType.value);
      case "notMatcher": {
        const predicate = this.#predicate(matchType.value);
        return predicate && { kind: "not", predicate };
      }
      case "orMatcher":
      case "andMatcher": {
        const predicates = all(matchType.value.predicate.map((one) => this.#predicate(one)));
        return predicates && { kind: matchType.case === "orMatcher" ? "any" : "all", predicates };
      }
      case undefined:
        return undefined;
    }
  }

  #single(single: Matcher_MatcherList_Predicate_SinglePredicate): PredicateModel | undefined {
    const input = single.input && this.#input(single.input);
    const { matcher: match } = single;
    if (match.case === undefined) return undefined;
    const matcher =
      match.case === "customMatch"
        ? this.#inputMatcher(match.value)
        : asString(compileStringMatcher(this.#context, single, "value_match", match.value as unknown as StringMatcher));
    if (input === undefined || matcher === undefined) return undefined;
    const isStructured = input.kind === "dynamic_metadata";
    if (isStructured !== (matcher.kind === "metadata")) {
      const finding = isStructured ? "metadata is no text" : "a metadata matcher needs metadata";
      const at = match.case === "customMatch" ? "custom_match" : "value_match";
      return void this.#context.error({ message: single, field: at }, "ERR_CONFIG_CONFLICT", finding, {
        expected: isStructured
          ? "custom_match with envoy.extensions.matching.input_matchers.metadata.v3.Metadata"
          : "the input DynamicMetadataInput",
      });
    }
    return { kind: "single", input, matcher };
  }

  #inputMatcher(config: TypedExtensionConfig): InputMatcherModel | undefined {
    const message = this.#message(config);
    if (message === undefined) return undefined;
    const matcher = inputMatcherOf(this.#context, message);
    if (matcher !== null) return matcher;
    return this.#wrongKind(
      config,
      `${message.$typeName} matches no value`,
      "Ip, ConsistentHashing, RuntimeFraction or Metadata",
    );
  }

  #input(config: TypedExtensionConfig): MatchInputModel | undefined {
    const message = this.#message(config);
    if (message === undefined) return undefined;
    const input = inputOf(message);
    if (input === undefined)
      return this.#wrongKind(config, `${message.$typeName} is no input`, "an input, as HttpRequestHeaderMatchInput");
    if (this.#rules.inputs.has(input.kind)) return input;
    return this.#wrongKind(
      config,
      `${message.$typeName} has no value when ${this.#rules.decides} is chosen`,
      "an input of the connection or the request's headers",
    );
  }

  #map(tree: Matcher_MatcherTree): MatchNodeModel<Action> | undefined {
    const input = tree.input && this.#input(tree.input);
    if (input?.kind === "dynamic_metadata")
      this.#wrongKind(tree.input!, "metadata is no text, and a map is asked by one", "an input that is a text");
    const { treeType } = tree;
    if (treeType.case === undefined) return undefined;
    if (treeType.case === "customMatch") return this.#custom(input, treeType.value);
    const entries = all(
      Object.entries(treeType.value.map).map(([key, onMatch]) => {
        const branch = this.#onMatch(onMatch);
        return branch && ([key, branch] as const);
      }),
    );
    if (input === undefined || entries === undefined) return undefined;
    return { kind: treeType.case === "exactMatchMap" ? "exact" : "prefix", input, entries };
  }

  #custom(input: MatchInputModel | undefined, config: TypedExtensionConfig): MatchNodeModel<Action> | undefined {
    const message = this.#message(config);
    if (message === undefined) return undefined;
    if (isMessage<IPMatcher>(message, "xds.type.matcher.v3.IPMatcher")) return this.#ranges(input, message);
    if (isMessage<ServerNameMatcher>(message, "xds.type.matcher.v3.ServerNameMatcher"))
      return this.#domains(input, message);
    return this.#wrongKind(
      config,
      `${message.$typeName} is no matcher of a tree`,
      "xds.type.matcher.v3.IPMatcher or xds.type.matcher.v3.ServerNameMatcher",
    );
  }

  #ranges(input: MatchInputModel | undefined, { rangeMatchers }: IPMatcher): MatchNodeModel<Action> | undefined {
    const ranges = all(
      rangeMatchers.map((range) => {
        const onMatch = this.#required(range, range.onMatch);
        const cidrs = xdsCidrTexts(this.#context, range.ranges);
        return onMatch && { cidrs, exclusive: range.exclusive, onMatch };
      }),
    );
    return input && ranges && { kind: "ip", input, ranges };
  }

  #domains(input: MatchInputModel | undefined, matcher: ServerNameMatcher): MatchNodeModel<Action> | undefined {
    const unique = new Uniqueness(this.#context, "the domain");
    const groups = all(
      matcher.domainMatchers.map((group) => {
        const onMatch = this.#required(group, group.onMatch);
        for (const [element, domain] of group.domains.entries()) {
          const at = { message: group, field: "domains", element };
          unique.add(domain, at);
          if (domain !== "*" && !/^(\*\.)?[^*]+$/.test(domain))
            this.#context.error(at, "ERR_CONFIG_TYPE", `${JSON.stringify(domain)} is no domain to match`, {
              expected: 'a domain, "*." and a domain, or "*"',
            });
        }
        return onMatch && group.domains.map((domain) => [domain, onMatch] as const);
      }),
    );
    return input && groups && { kind: "domain", input, domains: groups.flat() };
  }

  #required(owner: Message, onMatch: Matcher_OnMatch | undefined): OnMatchModel<Action> | undefined {
    if (onMatch === undefined) return void this.#context.missing({ message: owner }, "on_match");
    return this.#onMatch(onMatch);
  }

  /** undefined when it was reported. */
  #message(config: TypedExtensionConfig): Message | undefined {
    if (config.typedConfig === undefined) return undefined;
    const payload = this.#context.tree.payload(config.typedConfig);
    if (payload === undefined) return undefined;
    if (payload.kind === "message") return payload.message;
    return this.#wrongKind(config, `${payload.typeName} is no part of a matcher`, "a message of Envoy's API");
  }

  #wrongKind(config: TypedExtensionConfig, message: string, expected: string): undefined {
    const at = { message: config as Message, field: "typed_config" };
    return void this.#context.error(at, "ERR_CONFIG_CONFLICT", message, { expected });
  }
}

function asString(matcher: Extract<InputMatcherModel, { readonly kind: "string" }>["matcher"] | undefined) {
  return matcher && ({ kind: "string", matcher } as const);
}

/** All of them, or nothing where one was reported. */
function all<T>(items: readonly (T | undefined)[]): T[] | undefined {
  return items.includes(undefined) ? undefined : (items as T[]);
}
