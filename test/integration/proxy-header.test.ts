// The header that upstream connections begin with, read back by the listener filter that takes such headers.
import type { AddressInfo, ConnectionInfo } from "@sluice/sdk";
import { describe, expect, it, test } from "vitest";
import { parseTlvs, parseV1, parseV2 } from "../../packages/filters-l4/src/proxy-protocol/header.ts";
import { ipAddress } from "../../packages/core/src/network/address.ts";
import { SocketInfo } from "../../packages/core/src/network/connection-info.ts";
import { proxyHeader } from "../../packages/core/src/upstream/proxy-header.ts";

const V4 = [ipAddress("203.0.113.7", 4711), ipAddress("198.51.100.1", 443)] as const;
const V6 = [ipAddress("2001:db8::7", 4711), ipAddress("2001:db8:1:2:3:4:5:6", 443)] as const;
const SOCKET = { address: "/run/s", ip: "", port: 0 };
const OWN = { local: ipAddress("10.0.0.1", 50_000), remote: ipAddress("10.0.0.2", 80) };
const mapped = (ip: string, port: number): AddressInfo => ({ address: "", ip: `::ffff:${ip}`, port });
const NO_TLVS = { passTlvs: [] } as const;

function client([remote, local]: readonly [AddressInfo, AddressInfo]): ConnectionInfo {
  return new SocketInfo(1, remote, local, null);
}

describe("version 1", () => {
  test.each([
    ["IPv4", client(V4), "TCP4 203.0.113.7 198.51.100.1 4711 443"],
    ["IPv6", client(V6), "TCP6 2001:db8::7 2001:db8:1:2:3:4:5:6 4711 443"],
    ["one of each", client([V4[0], V6[1]]), "TCP6 ::ffff:203.0.113.7 2001:db8:1:2:3:4:5:6 4711 443"],
    ["a Unix socket", client([SOCKET, SOCKET]), "UNKNOWN"],
    ["nobody: the connection's own addresses", null, "TCP4 10.0.0.1 10.0.0.2 50000 80"],
  ])("%s", (_title, who, words) => {
    const header = proxyHeader({ version: 1, ...NO_TLVS }, who, OWN);
    expect(header.toString("latin1")).toBe(`PROXY ${words}\r\n`);
    expect(parseV1(header)).toMatchObject({ length: header.length });
  });
});

describe("version 2", () => {
  test.each([
    ["IPv4", V4, V4],
    ["IPv6", V6, V6],
    ["one of each", [V4[0], V6[1]], [mapped("203.0.113.7", 4711), V6[1]]],
    ["an IPv4 address written as IPv6", [mapped("1.2.3.4", 5), V6[1]], [mapped("1.2.3.4", 5), V6[1]]],
    ["short forms", [ipAddress("::1", 5), ipAddress("fe80::", 6)], [ipAddress("::1", 5), ipAddress("fe80::", 6)]],
  ] as const)("%s comes back as it went", (_title, who, expected) => {
    const header = proxyHeader({ version: 2, ...NO_TLVS }, client(who), OWN);
    const { ip: from, port: fromPort } = expected[0];
    const { ip: to, port: toPort } = expected[1];
    expect(parseV2(header)).toMatchObject({
      length: header.length,
      source: { ip: from, port: fromPort },
      destination: { ip: to, port: toPort },
    });
  });

  it("says LOCAL where there is no client, and nothing where its address is no IP address", () => {
    expect(
      proxyHeader({ version: 2, ...NO_TLVS }, null, OWN)
        .subarray(12)
        .toString("hex"),
    ).toBe("20000000");
    const unknown = proxyHeader({ version: 2, ...NO_TLVS }, client([SOCKET, SOCKET]), OWN);
    expect(unknown.subarray(12).toString("hex")).toBe("21000000");
  });

  it("passes the client's TLVs of the types that it should, never more than a header can hold", () => {
    const who = new SocketInfo(1, V4[0], V4[1], null);
    who.proxyTlvs = [
      { type: 2, value: Buffer.from("a.b") },
      { type: 234, value: Buffer.from([1]) },
      { type: 5, value: Buffer.alloc(65_000) },
      { type: 6, value: Buffer.alloc(1000) },
    ];
    const told = (passTlvs: "all" | readonly number[]): number[] => {
      const header = parseV2(proxyHeader({ version: 2, passTlvs }, who, OWN));
      if (typeof header === "string") throw new Error(header);
      return parseTlvs(header.tlvs)!.map(({ type }) => type);
    };
    expect(told([])).toEqual([]);
    expect(told([234])).toEqual([234]);
    expect(told("all")).toEqual([2, 234, 5]);
  });
});
