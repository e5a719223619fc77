/** Expectations of routes, as `sluice routes --check` reads them: requests, and what is to become of each. Every problem of the file at once, by line. */
import { isMapping } from "../config/is-mapping.ts";
import { didYouMean } from "../config/did-you-mean.ts";
import type { Problems } from "../config/problems.ts";
import { readSource } from "../config/source/read-source.ts";
import type { JsonObject, Source } from "../config/source/source.ts";
import type { RequestDescription } from "./explained-request.ts";

export interface RouteCheck {
  /** `FILE:line:column`, and the check's number. */
  readonly position: string;
  readonly name: string;
  readonly listener: string | undefined;
  readonly request: RequestDescription;
  readonly expect: RouteExpectation;
}

/** What is left out is not looked at. */
export interface RouteExpectation {
  /** false: no route is to take the request. */
  readonly match?: boolean;
  readonly route?: string;
  readonly virtualHost?: string;
  /** Cluster → share; only what they are to each other counts. One of them: all requests. */
  readonly clusters?: Readonly<Record<string, number>>;
  readonly status?: number;
  readonly redirect?: string;
}

/** undefined where the file cannot be used: the problems say why. */
export async function readRouteChecks(file: string, problems: Problems): Promise<RouteCheck[] | undefined> {
  const source = await readSource(file, problems);
  if (source?.root === undefined) return undefined;
  const checks = new CheckReader(source, problems).read(source.root);
  return problems.hasErrors ? undefined : checks;
}

const EXPECTATIONS = ["route", "virtual_host", "cluster", "status", "redirect"];

class CheckReader {
  readonly #source: Source;
  readonly #problems: Problems;

  constructor(source: Source, problems: Problems) {
    this.#source = source;
    this.#problems = problems;
  }

  read(root: JsonObject): RouteCheck[] {
    this.#known(root, ["listener", "checks"]);
    const listener = this.#text(root, "listener");
    const { checks } = root;
    if (!Array.isArray(checks) || checks.length === 0) {
      this.#wrong(root, "checks", "a list of checks");
      return [];
    }
    return checks.map((check, index) => {
      if (isMapping(check)) return this.#check(check, index, listener);
      this.#wrong(checks, index, "a mapping with request and expect");
      return undefined as never;
    });
  }

  #check(check: JsonObject, index: number, listener: string | undefined): RouteCheck {
    this.#known(check, ["name", "listener", "request", "expect"]);
    const { file, line, column } = this.#source.locate(check);
    return {
      position: `${file}:${line}:${column}  checks[${index}]`,
      name: this.#text(check, "name") ?? "",
      listener: this.#text(check, "listener") ?? listener,
      request: this.#request(check),
      expect: this.#expect(check),
    };
  }

  #request(check: JsonObject): RequestDescription {
    const nothing: RequestDescription = { method: "GET", host: "localhost", path: "/", headers: [] };
    const { request } = check;
    if (typeof request === "string") {
      const parts = /^(?:([A-Z]+) )?(?:(https?):\/\/([^/?#\s]+))?(\/\S*)?$/.exec(request);
      if (parts === null || request === "") {
        this.#wrong(check, "request", 'a path, a URL, or a method and one of them, as in "GET https://example.com/a"');
        return nothing;
      }
      const [, method = "GET", scheme, host = "localhost", path = "/"] = parts;
      return { method, host, path, scheme, headers: [] };
    }
    if (!isMapping(request)) {
      this.#wrong(check, "request", "a mapping with method, host, path, scheme, headers; or a text");
      return nothing;
    }
    this.#known(request, ["method", "host", "path", "scheme", "headers"]);
    return {
      method: this.#text(request, "method") ?? nothing.method,
      host: this.#text(request, "host") ?? nothing.host,
      path: this.#text(request, "path") ?? nothing.path,
      scheme: this.#scheme(request),
      headers: this.#headers(request),
    };
  }

  #headers(request: JsonObject): [string, string][] {
    const { headers } = request;
    if (headers === undefined) return [];
    if (!isMapping(headers)) {
      this.#wrong(request, "headers", "a mapping of names to texts, or to lists of them");
      return [];
    }
    return Object.entries(headers).flatMap(([name, value]) => {
      const values = Array.isArray(value) ? value : [value];
      return values.flatMap((one): [string, string][] => {
        if (typeof one === "string" || typeof one === "number") return [[name, String(one)]];
        this.#wrong(headers, name, "a text, or a list of texts");
        return [];
      });
    });
  }

  #expect(check: JsonObject): RouteExpectation {
    const { expect } = check;
    if (expect === "no match") return { match: false };
    if (!isMapping(expect) || Object.keys(expect).length === 0) {
      this.#wrong(check, "expect", `"no match", or a mapping with ${EXPECTATIONS.join(", ")}`);
      return {};
    }
    this.#known(expect, EXPECTATIONS);
    const { status } = expect;
    if (
      status !== undefined &&
      !(typeof status === "number" && Number.isInteger(status) && status >= 100 && status < 600)
    )
      this.#wrong(expect, "status", "a status as in 200");
    const clusters = this.#clusters(expect);
    const virtualHost = this.#text(expect, "virtual_host");
    const route = this.#route(expect);
    const redirect = this.#text(expect, "redirect");
    return {
      ...(route === undefined ? {} : { route }),
      ...(virtualHost === undefined ? {} : { virtualHost }),
      ...(clusters === undefined ? {} : { clusters }),
      ...(typeof status === "number" ? { status } : {}),
      ...(redirect === undefined ? {} : { redirect }),
    };
  }

  #scheme(request: JsonObject): string | undefined {
    const scheme = this.#text(request, "scheme");
    if (scheme !== undefined && scheme !== "http" && scheme !== "https")
      this.#wrong(request, "scheme", "http or https");
    return scheme;
  }

  /** A route without a name has a number, which need not be written as a text. */
  #route(expect: JsonObject): string | undefined {
    const { route } = expect;
    return typeof route === "number" && Number.isInteger(route) && route >= 0
      ? String(route)
      : this.#text(expect, "route");
  }

  #clusters(expect: JsonObject): Record<string, number> | undefined {
    const { cluster } = expect;
    if (cluster === undefined) return undefined;
    if (typeof cluster === "string") return { [cluster]: 1 };
    if (isMapping(cluster) && Object.keys(cluster).length > 0) {
      const shares = Object.entries(cluster);
      if (shares.every(([, share]) => typeof share === "number" && share > 0))
        return Object.fromEntries(shares) as Record<string, number>;
    }
    this.#wrong(expect, "cluster", "a cluster, or a mapping of clusters to shares above 0");
    return undefined;
  }

  #text(holder: JsonObject, key: string): string | undefined {
    const value = holder[key];
    if (value === undefined || typeof value === "string") return value;
    this.#wrong(holder, key, "a text");
    return undefined;
  }

  #known(holder: JsonObject, keys: readonly string[]): void {
    for (const key of Object.keys(holder)) {
      if (keys.includes(key)) continue;
      this.#problems.error(this.#source.locate(holder, key, "key"), {
        code: "ERR_CONFIG_UNKNOWN_FIELD",
        message: `unknown key "${key}"`,
        suggestion: didYouMean(key, keys),
        expected: keys.join(", "),
      });
    }
  }

  #wrong(holder: object, key: string | number, expected: string): void {
    const has = Object.hasOwn(holder, key);
    const name = typeof key === "number" ? "the check" : key;
    this.#problems.error(this.#source.locate(holder, has ? key : undefined), {
      code: has ? "ERR_CONFIG_TYPE" : "ERR_CONFIG_REQUIRED",
      message: has ? `${name} is something else` : `${name} is missing`,
      expected,
    });
  }
}
