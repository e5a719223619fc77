import type { HashKey, TerminalStream } from "@sluice/sdk";
import { describe, expect, it } from "vitest";
import type { HashPolicyModel } from "../../config/model.ts";
import { RequestHash } from "../../upstream/load-balancing/request-hash.ts";
import { RequestHeaderMap, field } from "../headers/header-map.ts";
import { HashPolicies } from "./hash-policy.ts";

interface Request {
  readonly path?: string;
  readonly headers?: readonly (readonly [string, string])[];
  readonly ip?: string;
  readonly state?: Readonly<Record<string, unknown>>;
}

type Policy = HashPolicyModel extends infer Each
  ? Each extends HashPolicyModel
    ? Omit<Each, "terminal"> & { terminal?: boolean }
    : never
  : never;

/** What is mixed in, and the cookies that are made. */
function hashed(policies: readonly Policy[], { path = "/", headers = [], ip = "192.0.2.1", state = {} }: Request = {}) {
  const texts: string[] = [];
  const key: HashKey = { add: (text) => void texts.push(text) };
  const map = new RequestHeaderMap("GET", path, "a.test", "https");
  for (const [name, value] of headers) map.fields.push(field(name, value));
  const stream = {
    info: {
      remote: { ip },
      connection: { remote: { address: "192.0.2.1:5000" }, local: { address: "198.51.100.1:443" } },
    },
    filterState: { get: (name: string) => state[name] },
  } as unknown as TerminalStream;
  const models = policies.map((policy) => ({ terminal: false, ...policy })) as HashPolicyModel[];
  const cookies = new HashPolicies(models).addTo(key, map, stream);
  return { texts, cookies };
}

const header = (name: string, rewrite: { pattern: string; substitution: string } | null = null) =>
  ({ kind: "header", name, rewrite }) as const;
const cookie = (ttlS: number, more = {}) =>
  ({ kind: "cookie", name: "session", ttlS, path: "", attributes: "", ...more }) as const;

describe("headers", () => {
  it("count by their value, with the empty one; a missing one says nothing", () => {
    expect(hashed([header("x-user")], { headers: [["x-user", "alice"]] }).texts).toEqual(["alice"]);
    expect(hashed([header("x-user")], { headers: [["x-user", ""]] }).texts).toEqual([""]);
    expect(hashed([header("x-user")]).texts).toEqual([]);
  });

  it("count the same in whatever order their values stand", () => {
    const one = hashed([header("x")], {
      headers: [
        ["x", "b"],
        ["y", "z"],
        ["x", "a"],
      ],
    });
    expect(one.texts).toEqual(["ab"]);
    expect(
      hashed([header("x")], {
        headers: [
          ["x", "a"],
          ["x", "b"],
        ],
      }).texts,
    ).toEqual(one.texts);
  });

  it("are rewritten before", () => {
    const rewrite = { pattern: "^(\\w+)-.*$", substitution: "\\1" };
    expect(hashed([header("x", rewrite)], { headers: [["x", "tenant-17"]] }).texts).toEqual(["tenant"]);
    expect(hashed([header("x", rewrite)], { headers: [["x", "17"]] }).texts).toEqual(["17"]);
  });

  it("may be parts of the request line", () => {
    expect(
      hashed([header(":authority"), header(":path"), header(":method"), header(":scheme")], { path: "/a?b" }).texts,
    ).toEqual(["a.test", "/a?b", "GET", "https"]);
  });
});

describe("cookies", () => {
  it("count by their value", () => {
    const request = { headers: [["cookie", 'other=1; session="abc"']] as const };
    expect(hashed([cookie(60)], request)).toEqual({ texts: ["abc"], cookies: null });
  });

  it("are made where they are missing or empty, of both addresses of the connection", () => {
    const made = new RequestHash();
    made.add("192.0.2.1:5000198.51.100.1:443");
    const value = [made.high, made.low].map((half) => (half >>> 0).toString(16).padStart(8, "0")).join("");
    expect(hashed([cookie(60, { path: "/app", attributes: "; SameSite=Strict" })])).toEqual({
      texts: [value],
      cookies: [`session="${value}"; Max-Age=60; Path=/app; SameSite=Strict; HttpOnly`],
    });
    expect(hashed([cookie(0)], { headers: [["cookie", "session="]] })).toEqual({
      texts: [value],
      cookies: [`session="${value}"; HttpOnly`],
    });
  });

  it("say nothing where they are missing and none is to be made", () => {
    expect(hashed([cookie(-1)])).toEqual({ texts: [], cookies: null });
  });
});

describe("the rest", () => {
  it("the client's address, without its port", () => {
    expect(hashed([{ kind: "source_ip" }], { ip: "2001:db8::1" }).texts).toEqual(["2001:db8::1"]);
    expect(hashed([{ kind: "source_ip" }], { ip: "" }).texts).toEqual([]);
  });

  it("the first value of a parameter, as it is written", () => {
    const policy = { kind: "query_parameter", name: "q" } as const;
    expect(hashed([policy], { path: "/a?p=1&q=x%20y&q=z" }).texts).toEqual(["x%20y"]);
    expect(hashed([policy], { path: "/q=1" }).texts).toEqual([]);
  });

  it("filter state, as text or JSON", () => {
    const policy = { kind: "filter_state", key: "k" } as const;
    expect(hashed([policy], { state: { k: "text" } }).texts).toEqual(["text"]);
    expect(hashed([policy], { state: { k: { a: 1 } } }).texts).toEqual(['{"a":1}']);
    expect(hashed([policy]).texts).toEqual([]);
  });
});

describe("several policies", () => {
  it("are mixed in their order; those without anything are passed over", () => {
    const policies = [header("a"), header("missing"), { kind: "source_ip" } as const, header("b")];
    expect(
      hashed(policies, {
        headers: [
          ["b", "2"],
          ["a", "1"],
        ],
      }).texts,
    ).toEqual(["1", "192.0.2.1", "2"]);
  });

  it("end with a terminal one, as soon as there is anything", () => {
    const policies = [{ ...header("a"), terminal: true }, { ...header("b"), terminal: true }, header("c")];
    expect(
      hashed(policies, {
        headers: [
          ["a", "1"],
          ["b", "2"],
          ["c", "3"],
        ],
      }).texts,
    ).toEqual(["1"]);
    expect(
      hashed(policies, {
        headers: [
          ["b", "2"],
          ["c", "3"],
        ],
      }).texts,
    ).toEqual(["2"]);
    expect(hashed(policies, { headers: [["c", "3"]] }).texts).toEqual(["3"]);
  });
});
