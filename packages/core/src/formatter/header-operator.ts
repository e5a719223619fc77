/** Hot path. `%REQ(X?Y)%`, `%RESP(X?Y)%`, `%TRAILER(X?Y)%`: the first value of a header, or of another where the first is missing. */
import { MatchProblem } from "../matching/match-problem.ts";
import type { HeaderMap } from "../http/headers/header-map.ts";
import type { FormatContext } from "./context.ts";
import type { Operator } from "./operator.ts";

type Source = "request" | "response" | "trailer";

class HeaderOperator implements Operator {
  readonly #source: Source;
  readonly #name: string;
  readonly #alternative: string;

  constructor(source: Source, name: string, alternative: string) {
    this.#source = source;
    this.#name = name;
    this.#alternative = alternative;
  }

  text(context: FormatContext): string | null {
    const value = this.#value(context, this.#name);
    return value === null && this.#alternative !== "" ? this.#value(context, this.#alternative) : value;
  }

  json(context: FormatContext): unknown {
    return this.text(context);
  }

  #value(context: FormatContext, name: string): string | null {
    if (this.#source === "request") {
      const headers = context.requestHeaders;
      if (headers === null) return null;
      switch (name) {
        case ":method":
          return headers.method;
        case ":path":
          return headers.path === "" ? null : headers.path;
        case ":authority":
        case "host":
          return headers.authority === "" ? null : headers.authority;
        case ":scheme":
          return headers.scheme === "" ? null : headers.scheme;
        default:
          return first(headers, name);
      }
    }
    if (this.#source === "trailer") return first(context.responseFlow?.trailers ?? null, name);
    const headers = context.responseHeaders;
    return name === ":status" && headers !== null ? String(headers.status) : first(headers, name);
  }
}

function first(headers: HeaderMap | null, name: string): string | null {
  return headers === null ? null : (headers.find(name)?.value ?? null);
}

class WithoutQuery implements Operator {
  readonly #operator: Operator;

  constructor(operator: Operator) {
    this.#operator = operator;
  }

  text(context: FormatContext): string | null {
    const value = this.#operator.text(context);
    const query = value === null ? -1 : value.indexOf("?");
    return query < 0 ? value : value!.slice(0, query);
  }

  json(context: FormatContext): unknown {
    return this.text(context);
  }
}

const NAME = /^:?[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

export function headerOperator(source: Source, argument: string, withoutQuery: boolean): Operator | MatchProblem {
  const names = argument.split("?");
  if (names.length > 2 || !names.every((name) => NAME.test(name))) {
    return new MatchProblem(`${JSON.stringify(argument)} names no header`, "NAME or NAME?ALTERNATIVE");
  }
  const operator = new HeaderOperator(source, names[0]!.toLowerCase(), (names[1] ?? "").toLowerCase());
  return withoutQuery ? new WithoutQuery(operator) : operator;
}
