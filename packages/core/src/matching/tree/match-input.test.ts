import { describe, expect, test } from "vitest";
import { act, data, header, LOCAL, list, PEER, result, treeOf, with_ } from "../../../../../test/support/match-tree.ts";
import { overTls, request } from "../../../../../test/support/route-model.ts";
import type { InputMatcherModel, MatchInputModel } from "../../config/match-model.ts";
import { StreamFilterState, StreamMetadata } from "../../http/chain/stream-data.ts";
import { ResponseHeaderMap } from "../../http/headers/header-map.ts";
import type { SocketInfo } from "../../network/connection-info.ts";
import { FilterRuntime, RuntimeStore } from "../../runtime/runtime-store.ts";
import { buildMatchTree } from "./build-tree.ts";
import type { HttpMatchData } from "./match-data.ts";
import { StandardInput } from "./match-input.ts";
import { NOT_YET } from "./match-result.ts";

describe("inputs", () => {
  const value = (input: MatchInputModel, given: HttpMatchData): unknown => new StandardInput(input).read(given);

  test("of the request", () => {
    const given = data({
      path: "/p?b=%41%20+&a=&%62=2",
      headers: [
        ["x-a", "1"],
        ["x-a", "2"],
      ],
    });
    expect(value(header("X-A"), given)).toBe("1,2");
    expect(value(header(":method"), given)).toBe("GET");
    expect(value(header("missing"), given)).toBeUndefined();
    const query = (name: string) => value({ kind: "query_parameter", name }, given);
    expect([query("b"), query("a"), query("c")]).toEqual(["A +", "", undefined]);
    expect(value({ kind: "query_parameter", name: "b" }, data({ path: "/p?%62=x" }))).toBe("x");
    expect(value({ kind: "query_parameter", name: "b" }, data({ path: "/b=1" }))).toBeUndefined();
  });

  test("of the connection", () => {
    const plain = data();
    const kinds = ["source_ip", "source_port", "destination_ip", "destination_port", "direct_source_ip"] as const;
    expect(kinds.map((kind) => value({ kind }, plain))).toEqual([
      "192.0.2.7",
      "4000",
      "198.51.100.1",
      "443",
      "192.0.2.7",
    ]);
    const behind = data({}, { remote: { address: "203.0.113.5:0", ip: "203.0.113.5", port: 0 } });
    expect(kinds.map((kind) => value({ kind }, behind))).toEqual([
      "203.0.113.5",
      undefined,
      "198.51.100.1",
      "443",
      "192.0.2.7",
    ]);
    expect(value({ kind: "transport_protocol" }, plain)).toBe("raw_buffer");
    expect(value({ kind: "source_type" }, plain)).toBeUndefined();
    expect(value({ kind: "source_type" }, data({}, { remote: LOCAL }))).toBe("local");
    expect(value({ kind: "source_type" }, data({}, { remote: { ...PEER, ip: "127.0.0.2" } }))).toBe("local");
    for (const kind of ["server_name", "application_protocol", "uri_san", "dns_san", "subject"] as const)
      expect(value({ kind }, plain)).toBeUndefined();
  });

  test("of TLS", () => {
    const { connection } = overTls({
      peerSubject: "CN=client",
      peerUriSans: ["spiffe://a", "spiffe://b"],
      peerDnsSans: ["client.example"],
    });
    (connection as SocketInfo).applicationProtocols = ["h2", "http/1.1"];
    const given = data({}, { connection: connection! });
    const kinds = [
      "transport_protocol",
      "server_name",
      "application_protocol",
      "uri_san",
      "dns_san",
      "subject",
    ] as const;
    expect(kinds.map((kind) => value({ kind }, given))).toEqual([
      "tls",
      "example.com",
      "'h2','http/1.1'",
      "spiffe://a,spiffe://b",
      "client.example",
      "CN=client",
    ]);
  });

  test("of the response, which is not there at first", () => {
    const inputs: MatchInputModel[] = [
      { kind: "response_header", name: "a" },
      { kind: "response_trailer", name: "a" },
      { kind: "request_trailer", name: "a" },
      { kind: "status_code" },
      { kind: "status_code_class" },
    ];
    expect(inputs.map((input) => value(input, data()))).toEqual([NOT_YET, NOT_YET, NOT_YET, NOT_YET, NOT_YET]);
    const answered = data(
      {},
      { responseHeaders: new ResponseHeaderMap(503, request({ headers: [["a", "1"]] }).fields) },
    );
    expect(inputs.map((input) => value(input, answered))).toEqual(["1", NOT_YET, NOT_YET, "503", "5xx"]);
  });

  test("of what filters left", () => {
    const metadata = new StreamMetadata();
    metadata.set("acme", { a: { b: 1 } });
    const filterState = new StreamFilterState(null);
    filterState.set("who", "alice");
    const given = data({}, { metadata, filterState });
    expect(value({ kind: "filter_state", key: "who" }, given)).toBe("alice");
    expect(value({ kind: "filter_state", key: "what" }, given)).toBeUndefined();
    expect(value({ kind: "dynamic_metadata", filter: "acme", path: ["a", "b"] }, given)).toBe(1);
    expect(value({ kind: "dynamic_metadata", filter: "acme", path: ["a", "c"] }, given)).toBeUndefined();
  });
});

describe("matchers of values", () => {
  const holds = (input: MatchInputModel, matcher: InputMatcherModel, given: HttpMatchData): boolean =>
    result(treeOf(list([{ kind: "single", input, matcher }, act("yes")])), given) === "yes";

  test("addresses", () => {
    const inside: InputMatcherModel = { kind: "ip", ranges: ["10.0.0.0/8"] };
    expect(["10.1.1.1", "11.1.1.1", "x"].map((ip) => holds(header("a"), inside, with_(["a", ip])))).toEqual([
      true,
      false,
      false,
    ]);
  });

  test("metadata", () => {
    const metadata = new StreamMetadata();
    metadata.set("acme", { n: 3 });
    const input: MatchInputModel = { kind: "dynamic_metadata", filter: "acme", path: ["n"] };
    const three: InputMatcherModel = { kind: "metadata", value: { kind: "number", value: 3 }, invert: false };
    expect(holds(input, three, data({}, { metadata }))).toBe(true);
    expect(holds(input, { ...three, invert: true }, data({}, { metadata }))).toBe(false);
    expect(holds(input, three, data())).toBe(false);
  });

  test("a share of all values is the same values every time", () => {
    const matcher = (threshold: number): InputMatcherModel => ({ kind: "hash", threshold, modulo: 100, seed: "13" });
    const values = Array.from({ length: 1000 }, (_, i) => `user-${i}`);
    const those = (threshold: number) =>
      values.filter((one) => holds(header("a"), matcher(threshold), with_(["a", one])));
    expect(those(0)).toHaveLength(1000);
    expect(those(100)).toHaveLength(0);
    expect(those(70).length).toBeGreaterThan(230);
    expect(those(70).length).toBeLessThan(370);
    expect(those(70)).toEqual(those(70));
    // More of them, and the same ones.
    expect(those(50)).toEqual(expect.arrayContaining(those(70)));
  });

  test("a share by runtime key follows the key", () => {
    const store = new RuntimeStore();
    const runtime = new FilterRuntime(store, { next: () => 0, below: () => 0 });
    const fraction = { key: "k", numerator: 0, denominator: 100 } as const;
    const model = treeOf(
      list([
        { kind: "single", input: header("a"), matcher: { kind: "runtime_fraction", fraction, seed: "0" } },
        act("yes"),
      ]),
    );
    const tree = buildMatchTree(model, { input: (input) => new StandardInput(input), runtime });
    const taken = () =>
      Array.from({ length: 200 }, (_, i) => tree.match(with_(["a", String(i)]))).filter((one) => one !== null);
    expect(taken()).toHaveLength(0);
    store.update({ k: "100" });
    expect(taken()).toHaveLength(200);
    store.update({ k: "50" });
    expect(taken().length).toBeGreaterThan(60);
    expect(taken().length).toBeLessThan(140);
    runtime.release();
  });
});
