import { isIP, isIPv4, isIPv6 } from "node:net";
import fc from "fast-check";
import ipaddr from "ipaddr.js";
import { describe, expect, it } from "vitest";
import { CidrSet, compileCidrs } from "./cidr.ts";
import { IPV4, IPV6, IpReader, NOT_AN_ADDRESS } from "./ip-address.ts";

function compiled(...ranges: string[]): CidrSet {
  const set = compileCidrs(ranges);
  if (!(set instanceof CidrSet)) throw new Error(set.map((problem) => problem.message).join());
  return set;
}

describe("a set of IP ranges", () => {
  it.each([
    [["10.0.0.0/8"], "10.255.255.255", true],
    [["10.0.0.0/8"], "11.0.0.0", false],
    [["10.1.2.3/8"], "10.200.0.1", true],
    [["0.0.0.0/0"], "255.255.255.255", true],
    [["0.0.0.0/0"], "0.0.0.0", true],
    [["0.0.0.0/0"], "::1", false],
    [["192.0.2.1"], "192.0.2.1", true],
    [["192.0.2.1"], "192.0.2.2", false],
    [["192.0.2.1/32"], "192.0.2.0", false],
    [["128.0.0.0/1"], "127.255.255.255", false],
    [["2001:db8::/32"], "2001:db8:ffff::1", true],
    [["2001:db8::/32"], "2001:db9::", false],
    [["2001:db8::/33"], "2001:db8:8000::", false],
    [["2001:db8::1"], "2001:0DB8:0::0001", true],
    [["fe80::/10"], "fe80::1%eth0", true],
    [["::/0"], "::1", true],
    [["::1/128"], "::1", true],
    [["2001:db8::/63"], "2001:db8:0:1:ffff::", true],
    [["2001:db8::/97"], "2001:db8::7fff:ffff", true],
    [["2001:db8::/97"], "2001:db8::8000:0", false],
    // Dual-stack sockets report IPv4 peers as mapped addresses.
    [["10.0.0.0/8"], "::ffff:10.1.2.3", true],
    [["10.0.0.0/8"], "::ffff:a01:203", true],
    [["10.0.0.0/8"], "::FFFF:11.0.0.0", false],
    [["::ffff:10.0.0.0/104"], "10.9.9.9", true],
    [["::ffff:0:0/96"], "1.2.3.4", true],
    [["::ffff:1.2.3.4"], "::ffff:1.2.3.4", true],
    [["::/0"], "::ffff:1.2.3.4", false],
    [["::/0"], "1.2.3.4", false],
    [["10.0.0.0/8"], "::10.0.0.1", false],
    [[], "10.0.0.1", false],
    [["0.0.0.0/0", "::/0"], "", false],
    [["0.0.0.0/0", "::/0"], "unix:/run/x", false],
    [["0.0.0.0/0", "::/0"], "010.0.0.1", false],
    [["10.0.0.0/8", "10.1.0.0/16", "9.0.0.0/8", "10.0.0.0/8"], "10.2.0.0", true],
  ])("%j contains %s: %s", (ranges, ip, expected) => {
    expect(compiled(...ranges).contains(ip)).toBe(expected);
  });

  it("knows whether it is empty, and takes numbers", () => {
    expect(compiled().isEmpty).toBe(true);
    expect(compiled("::1").isEmpty).toBe(false);
    expect(compiled("10.0.0.0/8").containsIpv4(0x0a000001)).toBe(true);
    expect(compiled("10.0.0.0/8").containsIpv4(0x0b000000)).toBe(false);
  });

  it("names every range that is none, with its index", () => {
    const bad = [
      "10.0.0.0/33",
      "10.0.0/8",
      "010.0.0.0/8",
      "0x0a.0.0.0/8",
      "::/129",
      "fe80::1%eth0/64",
      "10.0.0.0/",
      "/8",
      "",
      "a.b.c.d",
      "10.0.0.0/08",
      "1.2.3.4.5",
      "::1::/64",
      " 10.0.0.0/8",
      "10.0.0.0/8\n",
      "167772160/8",
    ];
    const problems = compileCidrs(["10.0.0.0/8", ...bad]);
    expect(problems).toEqual(
      bad.map((text, index) => ({
        message: `${JSON.stringify(text)} is not a range of IP addresses`,
        expected: "a range such as 10.0.0.0/8 or 2001:db8::/32, or an address",
        position: index + 1,
      })),
    );
  });

  it("answers as ipaddr.js does, for any ranges and addresses", () => {
    const byte = fc.oneof(fc.constantFrom(0, 1, 127, 128, 255), fc.nat(255));
    const ipv4 = fc.tuple(byte, byte, byte, byte).map((bytes) => bytes.join("."));
    const group = fc.oneof(fc.constantFrom(0, 0, 1, 0xffff, 0x8000), fc.nat(0xffff));
    const ipv6 = fc
      .tuple(fc.array(group, { minLength: 8, maxLength: 8 }), fc.integer({ min: 0, max: 15 }))
      .map(([groups, dice]) => (dice === 0 ? [0, 0, 0, 0, 0, 0xffff, ...groups.slice(6)] : groups))
      .map((groups) => groups.map((g) => g.toString(16)).join(":"));
    const near = (ip: string, flip: number): string => {
      const bytes = ipaddr.parse(ip).toByteArray();
      const at = flip % (bytes.length * 8);
      bytes[at >> 3] = (bytes[at >> 3] as number) ^ (0x80 >> (at & 7));
      return ipaddr.fromByteArray(bytes).toString();
    };
    const range = fc.oneof(fc.tuple(ipv4, fc.nat(32)), fc.tuple(ipv6, fc.nat(128)));
    fc.assert(
      fc.property(
        fc.array(range, { minLength: 1, maxLength: 8 }),
        fc.nat(7),
        fc.nat(127),
        fc.oneof(ipv4, ipv6),
        (ranges, pick, flip, other) => {
          const set = compiled(...ranges.map(([ip, length]) => `${ip}/${length}`));
          const [chosen] = ranges[pick % ranges.length] as [string, number];
          for (const ip of [chosen, near(chosen, flip), other]) {
            const parsed = ipaddr.process(ip);
            const expected = ranges.some(([network, length]) => {
              const base = ipaddr.parse(network);
              // A range of mapped addresses is one of IPv4.
              if (base instanceof ipaddr.IPv6 && base.isIPv4MappedAddress() && length >= 96)
                return parsed.kind() === "ipv4" && parsed.match(base.toIPv4Address(), length - 96);
              return base.kind() === parsed.kind() && parsed.match(base, length);
            });
            expect(set.contains(ip)).toBe(expected);
          }
        },
      ),
      { numRuns: 4000 },
    );
  });
});

describe("reading an IP address", () => {
  const reader = new IpReader();

  it("takes what node:net takes, and means what ipaddr.js means", () => {
    let addresses = 0;
    const soup = fc
      .array(
        fc.constantFrom(
          "0",
          "1",
          "ff",
          "ffff",
          ":",
          ":",
          ":",
          "::",
          ".",
          "255",
          "256",
          "10.0.0.1",
          "%e",
          "g",
          "00",
          "2001:db8",
          "0:0:0:0",
        ),
        { maxLength: 10 },
      )
      .map((pieces) => pieces.join(""));
    const built = fc.oneof(fc.ipV4(), fc.ipV6(), soup, soup);
    fc.assert(
      fc.property(built, (text) => {
        const family = reader.read(text);
        if (isIP(text) === 0) {
          expect(family).toBe(NOT_AN_ADDRESS);
          return;
        }
        addresses++;
        if (isIPv4(text)) expect(family).toBe(IPV4);
        const parsed = ipaddr.process(canonical(text));
        expect(family).toBe(parsed.kind() === "ipv4" ? IPV4 : IPV6);
        const bytes = Buffer.from(parsed.toByteArray());
        if (family === IPV4) expect(reader.ipv4).toBe(bytes.readUInt32BE());
        else expect([...reader.ipv6]).toEqual([0, 4, 8, 12].map((at) => bytes.readUInt32BE(at)));
      }),
      { numRuns: 10_000 },
    );
    expect(addresses).toBeGreaterThan(3000);
  });

  /** As the URL parser writes it: ipaddr.js does not read every form that RFC 4291 allows. */
  function canonical(text: string): string {
    return isIPv6(text) ? new URL(`http://[${text.replace(/%.*$/, "")}]`).hostname.slice(1, -1) : text;
  }

  it.each([
    "::",
    "::1",
    "1::",
    "1:2:3:4:5:6:7:8",
    "1:2:3:4:5:6:1.2.3.4",
    "::1.2.3.4",
    "64:ff9b::1.2.3.4",
    "1:2:3:4:5:6:7::",
  ])("takes %s", (text) => {
    expect(reader.read(text)).toBe(IPV6);
  });

  it.each([
    ":",
    ":::",
    "1:",
    ":1",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1::2::3",
    "12345::",
    "::1.2.3",
    "1:2:3:4:5:6:7:1.2.3.4",
    "1.2.3.4::",
    "1.2.3.04",
    "1.2.3.256",
    "1.2.3",
    "::g",
    "::%",
    "1:2:3:4:5:6:7:8::",
    "[::1]",
    "1.2.3.4%e",
  ])("refuses %s", (text) => {
    expect(reader.read(text)).toBe(NOT_AN_ADDRESS);
  });
});
