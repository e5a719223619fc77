import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PeekBench } from "../../../../test/support/peek-bench.ts";
import { LARGEST_HEADER_BYTES } from "./header.ts";
import { proxyProtocol } from "./index.ts";

const SIGNATURE = "0d0a0d0a000d0a515549540a";
const bytes = (...hex: string[]): Buffer => Buffer.from(hex.join("").replaceAll(" ", ""), "hex");
/** A version 2 header: command, family, then what the length counts. */
const v2 = (command: string, family: string, ...body: string[]): Buffer => {
  const rest = bytes(...body);
  return Buffer.concat([bytes(SIGNATURE, command, family, rest.length.toString(16).padStart(4, "0")), rest]);
};
const V4 = "cb007107 c6336401 1267 01bb";
const V6 = `20010db8000000000000000000000007 20010db8000100000000000000000001 1267 01bb`;
const open = (config: unknown = {}): PeekBench => PeekBench.of(proxyProtocol, config);

/** Where the connection is, who the client is, what the chain got. */
function outcome({ client }: PeekBench): readonly string[] {
  const { remote, local } = client.info;
  return [client.place, remote.address, local.address, client.chainBytes.toString("latin1")];
}

const REAL = ["192.0.2.1:4711", "192.0.2.2:80"];

describe("headers that name the client", () => {
  const named4 = ["chain", "203.0.113.7:4711", "198.51.100.1:443", "GET"];
  const named6 = ["chain", "[2001:db8::7]:4711", "[2001:db8:1::1]:443", "GET"];
  test.each<[string, string | Buffer, readonly string[]]>([
    ["version 1, IPv4", "PROXY TCP4 203.0.113.7 198.51.100.1 4711 443\r\n", named4],
    ["version 1, IPv6", "PROXY TCP6 2001:db8::7 2001:db8:1::1 4711 443\r\n", named6],
    ["version 2, IPv4", v2("21", "11", V4), named4],
    ["version 2, IPv6", v2("21", "21", V6), named6],
    ["version 2, IPv4, with TLVs that nobody wants", v2("21", "11", V4, "04 0001 00", "ff"), named4],
    ["version 2, datagrams", v2("21", "12", V4), named4],
  ])("%s, whole and byte by byte", (_title, header, expected) => {
    for (const size of [1, 5, 1000]) {
      const bench = open().send(Buffer.concat([Buffer.from(header), Buffer.from("GET")]), size);
      expect(outcome(bench)).toEqual(expected);
      const version = typeof header === "string" ? "v1" : "v2";
      expect(bench.stat(`proxy_proto.versions.${version}.found`)).toBe(1);
    }
  });
});

test.each<[string, string | Buffer]>([
  ["version 1, UNKNOWN", "PROXY UNKNOWN\r\n"],
  ["version 1, UNKNOWN with words that are to be ignored", "PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n"],
  ["version 2, LOCAL", v2("20", "00")],
  ["version 2, LOCAL with addresses that are to be ignored", v2("20", "11", V4)],
])("%s: the socket's addresses stay", (_title, header) => {
  expect(outcome(open().send(Buffer.concat([Buffer.from(header), Buffer.from("x")])))).toEqual(["chain", ...REAL, "x"]);
});

describe("malformed headers close the connection", () => {
  test.each<[string, string | Buffer, string]>([
    ["no header", "GET / HTTP/1.1\r\n", "not_found_disallowed"],
    ["version 1, another protocol", "PROXY UDP4 1.2.3.4 1.2.3.5 1 2\r\n", "versions.v1.error"],
    ["version 1, addresses of another family", "PROXY TCP4 ::1 ::2 1 2\r\n", "versions.v1.error"],
    ["version 1, a name", "PROXY TCP4 localhost 1.2.3.5 1 2\r\n", "versions.v1.error"],
    ["version 1, no ports", "PROXY TCP4 1.2.3.4 1.2.3.5\r\n", "versions.v1.error"],
    ["version 1, a port that is none", "PROXY TCP4 1.2.3.4 1.2.3.5 65536 2\r\n", "versions.v1.error"],
    ["version 1, a port with a sign", "PROXY TCP4 1.2.3.4 1.2.3.5 +1 2\r\n", "versions.v1.error"],
    ["version 1, two blanks", "PROXY TCP4  1.2.3.4 1.2.3.5 1 2\r\n", "versions.v1.error"],
    ["version 1, a line feed alone", "PROXY TCP4 1.2.3.4 1.2.3.5 1 2\n", "versions.v1.error"],
    ["version 1, too long", `PROXY UNKNOWN ${"x".repeat(93)}\r\n`, "versions.v1.error"],
    ["version 1, from everywhere", "PROXY TCP4 0.0.0.0 1.2.3.5 1 2\r\n", "versions.v1.error"],
    ["version 1, to many", "PROXY TCP4 1.2.3.4 224.0.0.1 1 2\r\n", "versions.v1.error"],
    ["version 1, from nowhere in IPv6", "PROXY TCP6 :: ::2 1 2\r\n", "versions.v1.error"],
    ["version 1, from a zone", "PROXY TCP6 fe80::1%eth0 ::2 1 2\r\n", "versions.v1.error"],
    ["version 1, to many in IPv6", "PROXY TCP6 ::1 ff02::1 1 2\r\n", "versions.v1.error"],
    ["version 2 that says 1", v2("11", "11", V4), "versions.v2.error"],
    ["version 2, an unknown command", v2("22", "11", V4), "versions.v2.error"],
    ["version 2, no family", v2("21", "01", V4), "versions.v2.error"],
    ["version 2, no transport", v2("21", "10", V4), "versions.v2.error"],
    ["version 2, Unix sockets", v2("21", "31", "00".repeat(216)), "versions.v2.error"],
    ["version 2, too short for its addresses", v2("21", "11", "cb007107 c6336401 1267 01"), "versions.v2.error"],
    ["version 2, broadcast", v2("21", "11", "ffffffff c6336401 1267 01bb"), "versions.v2.error"],
  ])("%s", (_title, header, counter) => {
    const bench = open().send(header);
    expect([bench.client.place, bench.client.connection.closedBy]).toEqual(["closed", "now"]);
    expect(bench.stat(`proxy_proto.${counter}`)).toBe(1);
    expect(bench.stat("downstream_cx_proxy_proto_error")).toBe(1);
  });
});

test.each([
  ["version 1", "PROXY TCP4 1.2.3.4"],
  ["version 1, so far", "PRO"],
  ["version 2", bytes(SIGNATURE, "21")],
  ["version 2, addresses to come", v2("21", "11", V4).subarray(0, 20)],
])("half a header of %s is waited for", (_title, half) => {
  expect(open().send(half).client.place).toBe("filters");
});

describe("allow_requests_without_proxy_protocol", () => {
  const lenient = { allow_requests_without_proxy_protocol: true, stat_prefix: "edge" };

  test("what is no header goes on untouched, as soon as that is clear", () => {
    for (const text of ["GET / HTTP/1.1\r\n\r\n", "POST", "PRI * HTTP/2.0", "\r\nx", "\x16\x03\x01"]) {
      const bench = open(lenient).send(text, 1);
      expect(outcome(bench)).toEqual(["chain", ...REAL, text]);
      expect(bench.stat("proxy_proto.edge.not_found_allowed")).toBe(1);
    }
  });

  test("a header is still a header, and a broken one closes", () => {
    expect(outcome(open(lenient).send(v2("21", "11", V4)))[1]).toBe("203.0.113.7:4711");
    expect(open(lenient).send("PROXY TCP4 nonsense\r\n").client.place).toBe("closed");
  });

  test("a version that is disallowed is none", () => {
    const bench = open({ ...lenient, disallowed_versions: ["V1"] }).send("PROXY UNKNOWN\r\nx");
    expect(outcome(bench)).toEqual(["chain", ...REAL, "PROXY UNKNOWN\r\nx"]);
  });
});

test.each([
  ["V1", "PROXY UNKNOWN\r\n", "v1"],
  ["V2", v2("20", "00"), "v2"],
])("%s disallowed: refused and counted", (version, header, name) => {
  const bench = open({ disallowed_versions: [version] }).send(header);
  expect(bench.client.place).toBe("closed");
  expect(bench.stat(`proxy_proto.versions.${name}.disallowed`)).toBe(1);
  expect(bench.stat("downstream_cx_proxy_proto_error")).toBe(0);
});

describe("TLVs", () => {
  const rules = [
    { tlv_type: 0x02, on_tlv_present: { key: "authority" } },
    { tlv_type: 0xea, on_tlv_present: { metadata_namespace: "aws", key: "vpce" } },
  ];

  test("become metadata by their rules", () => {
    const tlvs = ["02 0003 616263", "05 0001 00", "ea 0002 01ff"];
    const bench = open({ rules }).send(Buffer.concat([v2("21", "11", V4, ...tlvs), Buffer.from("x")]), 9);
    expect(outcome(bench)[0]).toBe("chain");
    const metadata = bench.client.earlier?.metadata;
    expect(metadata?.get("envoy.filters.listener.proxy_protocol")).toEqual({ authority: "abc" });
    expect(metadata?.get("aws")).toEqual({ vpce: "\u0001\ufffd" });
  });

  test.each([
    ["a length beyond the header", "02 0004 616263"],
    ["half a TLV", "02 00"],
  ])("%s closes the connection", (_title, tlv) => {
    expect(open({ rules }).send(v2("21", "11", V4, tlv)).client.place).toBe("closed");
  });
});

test("the largest header there is", () => {
  const body = `${V4}${"04fff0".padEnd(2 * (0xffff - 12), "0")}`;
  const header = v2("21", "11", body);
  expect(header.length).toBe(LARGEST_HEADER_BYTES);
  const bench = open().send(Buffer.concat([header, Buffer.from("x")]), 16_384);
  expect(outcome(bench)).toEqual(["chain", "203.0.113.7:4711", "198.51.100.1:443", "x"]);
});

test("nothing that clients send makes it throw", () => {
  const start = fc.constantFrom(
    "PROXY ",
    "PROXY TCP4 ",
    "PROXY TCP6 ::1 ",
    Buffer.from(SIGNATURE, "hex").toString("latin1"),
  );
  fc.assert(
    fc.property(start, fc.uint8Array({ maxLength: 120 }), fc.nat(30), (prefix, noise, size) => {
      const bench = open({ rules: [{ tlv_type: 1, on_tlv_present: { key: "k" } }] });
      bench.send(Buffer.concat([Buffer.from(prefix, "latin1"), noise]), size + 1);
      expect(bench.lines).toEqual(bench.client.place === "closed" ? [expect.stringContaining("refused")] : []);
    }),
  );
});

test.each([
  ["2001:db8::1", "20010db8000000000000000000000001"],
  ["2001:db8:0:1::1", "20010db8000000010000000000000001"],
  ["1:0:2:0:3:0:4:0", "00010000000200000003000000040000"],
  ["fe80::", "fe800000000000000000000000000000"],
])("IPv6 as RFC 5952 writes it: %s", (text, hex) => {
  const bench = open().send(v2("21", "21", hex, V6.slice(33)));
  expect(bench.client.info.remote.ip).toBe(text);
});

describe("TLVs that upstreams may be told", () => {
  const header = v2("21", "11", V4, "02 0003 612e62", "ea 0001 01", "ea 0000");
  test.each([
    [{}, ["2 612e62", "234 01", "234 "]],
    [{ match_type: "INCLUDE", tlv_type: [234] }, ["234 01", "234 "]],
    [{ match_type: "INCLUDE" }, []],
  ])("%j", (pass, expected) => {
    const { info } = open({ pass_through_tlvs: pass }).send(header).client;
    const told = (info.proxyTlvs ?? []).map(({ type, value }) => `${type} ${Buffer.from(value).toString("hex")}`);
    expect(told).toEqual(expected);
  });

  test("are none unless somebody says so, and must add up where somebody does", () => {
    expect(open().send(header).client.info.proxyTlvs).toEqual([]);
    const broken = v2("21", "11", V4, "02 0009 61");
    expect(open({ pass_through_tlvs: {} }).send(broken).client.place).not.toBe("chain");
  });
});
