/**
 * Hot path (`addTo`): docs/extending/hot-path-rules.md. What a route says that the hosts of its requests are chosen by: parts of the request, mixed in one after the other.
 * Asked only by balancers that hash. Envoy: HashPolicyImpl.
 */
import type { HashKey, RequestHeaders, RouteHash, TerminalStream } from "@sluice/sdk";
import type { HashPolicyModel } from "../../config/model.ts";
import { stateText } from "../../matching/value-matcher.ts";
import { XxHash64 } from "../../matching/xxhash64.ts";
import { cookieValue } from "../cookies.ts";
import type { RequestHeaderMap } from "../headers/header-map.ts";
import { queryParameter } from "../query-parameter.ts";
import { RegexRewrite } from "./path-rewrite.ts";

type CookieModel = Extract<HashPolicyModel, { kind: "cookie" }>;

interface Part {
  readonly model: HashPolicyModel;
  readonly rewrite: RegexRewrite | null;
}

export class HashPolicies implements RouteHash {
  readonly #parts: readonly Part[];

  constructor(models: readonly HashPolicyModel[]) {
    this.#parts = models.map((model) => ({
      model,
      rewrite: model.kind === "header" && model.rewrite !== null ? new RegexRewrite(model.rewrite) : null,
    }));
  }

  addTo(key: HashKey, headers: RequestHeaders, stream: TerminalStream): readonly string[] | null {
    const parts = this.#parts;
    let cookies: string[] | null = null;
    let isSet = false;
    for (let i = 0; i < parts.length; i++) {
      const { model, rewrite } = parts[i]!;
      let text = textOf(model, rewrite, headers as unknown as RequestHeaderMap, stream);
      if (text === "" && model.kind === "cookie" && model.ttlS >= 0) {
        text = generated(stream);
        (cookies ??= []).push(setCookie(model, text));
      }
      if (text !== null && (text !== "" || isHashedEmpty(model))) {
        key.add(text);
        isSet = true;
      }
      if (isSet && model.terminal) break;
    }
    return cookies;
  }
}

/** A header or parameter that is there and empty is as good as another. */
function isHashedEmpty({ kind }: HashPolicyModel): boolean {
  return kind === "header" || kind === "query_parameter" || kind === "filter_state";
}

/** null: there is none; empty: none, or an empty one. */
function textOf(
  model: HashPolicyModel,
  rewrite: RegexRewrite | null,
  headers: RequestHeaderMap,
  stream: TerminalStream,
): string | null {
  switch (model.kind) {
    case "header":
      return headerText(headers, model.name, rewrite);
    case "cookie":
      return cookieValue(headers, model.name) ?? "";
    case "source_ip":
      return stream.info.remote.ip;
    case "query_parameter": {
      const { path } = headers;
      const query = path.indexOf("?");
      return query === -1 ? null : queryParameter(path.slice(query + 1), model.name);
    }
    case "filter_state":
      return stateText(stream.filterState.get(model.key));
  }
}

/** Of several values all count, in an order that is theirs. */
function headerText(headers: RequestHeaderMap, name: string, rewrite: RegexRewrite | null): string | null {
  if (name.startsWith(":")) return rewritten(pseudo(headers, name), rewrite);
  const { fields } = headers;
  let first: string | null = null;
  let all: string[] | null = null;
  for (let i = 0; i < fields.length; i++) {
    const field = fields[i]!;
    if (field.name !== name) continue;
    const value = rewritten(field.value, rewrite);
    if (first === null) first = value;
    else (all ??= [first]).push(value);
  }
  return all === null ? first : all.sort().join("");
}

function rewritten(value: string, rewrite: RegexRewrite | null): string {
  return rewrite === null ? value : rewrite.onPath(value);
}

function pseudo({ authority, path, method, scheme }: RequestHeaderMap, name: string): string {
  if (name === ":authority") return authority;
  if (name === ":path") return path;
  return name === ":method" ? method : scheme;
}

/** Clients of one connection have one: both of its addresses. Envoy: the same bytes. */
function generated({ info }: TerminalStream): string {
  const { remote, local } = info.connection;
  cookieHash.update(remote.address + local.address);
  return hex(cookieHash.high) + hex(cookieHash.low);
}

const cookieHash = new XxHash64(0n);

function hex(half: number): string {
  return half.toString(16).padStart(8, "0");
}

function setCookie({ name, ttlS, path, attributes }: CookieModel, value: string): string {
  const age = ttlS === 0 ? "" : `; Max-Age=${ttlS}`;
  const at = path === "" ? "" : `; Path=${path}`;
  return `${name}="${value}"${age}${at}${attributes}; HttpOnly`;
}
