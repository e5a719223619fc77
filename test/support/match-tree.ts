// What matcher trees are asked about in tests, and short ways to write their models.
import type {
  InputMatcherModel,
  MatchInputModel,
  MatchNodeModel,
  MatchTreeModel,
  OnMatchModel,
  PredicateModel,
} from "../../packages/core/src/config/match-model.ts";
import { StreamFilterState, StreamMetadata } from "../../packages/core/src/http/chain/stream-data.ts";
import { buildMatchTree } from "../../packages/core/src/matching/tree/build-tree.ts";
import type { HttpMatchData } from "../../packages/core/src/matching/tree/match-data.ts";
import { StandardInput } from "../../packages/core/src/matching/tree/match-input.ts";
import { NOT_YET } from "../../packages/core/src/matching/tree/match-result.ts";
import type { MatchTree } from "../../packages/core/src/matching/tree/match-tree.ts";
import { SocketInfo } from "../../packages/core/src/network/connection-info.ts";
import { request, type RequestChanges, text } from "./route-model.ts";

export interface Act {
  readonly name: string;
}
export type Tree = MatchTreeModel<Act>;

export const PEER = { address: "192.0.2.7:4000", ip: "192.0.2.7", port: 4000 };
export const LOCAL = { address: "198.51.100.1:443", ip: "198.51.100.1", port: 443 };

export function data(changes: RequestChanges = {}, more: Partial<HttpMatchData> = {}): HttpMatchData {
  return {
    connection: new SocketInfo(1, PEER, LOCAL, null),
    remote: PEER,
    metadata: new StreamMetadata(),
    filterState: new StreamFilterState(null),
    requestHeaders: request(changes),
    requestTrailers: null,
    responseHeaders: null,
    responseTrailers: null,
    ...more,
  };
}

export function act(name: string, keepMatching = false): OnMatchModel<Act> {
  return { then: { kind: "action", action: { name } }, keepMatching };
}

export function goOn(tree: Tree, keepMatching = false): OnMatchModel<Act> {
  return { then: { kind: "tree", tree }, keepMatching };
}

export function treeOf(node: MatchNodeModel<Act>, onNoMatch: OnMatchModel<Act> | null = null): Tree {
  return { node, onNoMatch };
}

export const header = (name: string): MatchInputModel => ({ kind: "request_header", name });
export const equals = (value: string): InputMatcherModel => ({ kind: "string", matcher: text("exact", value) });

export function when(name: string, value: string): PredicateModel {
  return { kind: "single", input: header(name), matcher: equals(value) };
}

export function list(...matchers: readonly (readonly [PredicateModel, OnMatchModel<Act>])[]): MatchNodeModel<Act> {
  return { kind: "list", matchers: matchers.map(([predicate, onMatch]) => ({ predicate, onMatch })) };
}

export function built(tree: Tree): MatchTree<HttpMatchData, Act> {
  return buildMatchTree(tree, { input: (model) => new StandardInput(model), runtime: null });
}

export function result(tree: Tree, given: HttpMatchData): string | null | typeof NOT_YET {
  const found = built(tree).match(given);
  return found === null || found === NOT_YET ? found : found.name;
}

export const with_ = (...headers: readonly (readonly [string, string])[]): HttpMatchData => data({ headers });
