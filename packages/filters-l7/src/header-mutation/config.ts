/** Configuration of header_mutation: envoy.extensions.filters.http.header_mutation.v3.HeaderMutation and HeaderMutationPerRoute. */
import { parsedBy } from "@sluice/sdk";
import { HEADER_VALUE_OPTION, type HeaderOption, headerName, parseHeaderOption } from "../shared/header-options.ts";
import { Section } from "../shared/section.ts";

export type Mutation =
  | { readonly kind: "remove"; readonly name: string }
  | { readonly kind: "add"; readonly option: HeaderOption };

export interface Mutations {
  readonly request: readonly Mutation[];
  readonly response: readonly Mutation[];
}

export interface HeaderMutationSettings {
  readonly mutations: Mutations;
  readonly mostSpecificWins: boolean;
}

export interface HeaderMutationRouteSettings {
  readonly mutations: Mutations;
}

const PACKAGE = "envoy.extensions.filters.http.header_mutation.v3";
const MUTATIONS = ["request_mutations", "response_mutations"];
const HEADER_MUTATION = ["remove", "append"];

export const HEADER_MUTATION_MESSAGES = {
  [`${PACKAGE}.HeaderMutation`]: ["mutations", "most_specific_header_mutations_wins"],
  [`${PACKAGE}.HeaderMutationPerRoute`]: ["mutations"],
  [`${PACKAGE}.Mutations`]: MUTATIONS,
  "envoy.config.common.mutation_rules.v3.HeaderMutation": HEADER_MUTATION,
};

export const HEADER_MUTATION_ROUTE_MESSAGE = `${PACKAGE}.HeaderMutationPerRoute`;

export const headerMutationConfig = parsedBy((value): HeaderMutationSettings => {
  const section = new Section(value, ["mutations", "most_specific_header_mutations_wins"]);
  return {
    mutations: parseMutations(section),
    mostSpecificWins: section.boolean("most_specific_header_mutations_wins", false),
  };
});

export const headerMutationRouteConfig = parsedBy((value): HeaderMutationRouteSettings => {
  return { mutations: parseMutations(new Section(value, ["mutations"])) };
});

function parseMutations(section: Section): Mutations {
  const mutations = section.section("mutations", MUTATIONS);
  if (mutations === null) return { request: [], response: [] };
  return { request: parseList(mutations, "request_mutations"), response: parseList(mutations, "response_mutations") };
}

function parseList(section: Section, key: string): Mutation[] {
  return section.list(key, HEADER_MUTATION).map((each): Mutation => {
    const append = each.section("append", HEADER_VALUE_OPTION);
    if (append !== null) {
      if (each.has("remove")) throw each.wrong("remove", "append and remove are both set");
      return { kind: "add", option: parseHeaderOption(append) };
    }
    if (!each.has("remove")) throw each.wrong("append", "expected append or remove");
    return { kind: "remove", name: headerName(each, "remove") };
  });
}
