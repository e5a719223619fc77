// Whom a request counts for: read from it, unambiguous, and safe as a name in a store.
import type { HttpStream } from "@sluice/sdk";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { RequestHeaderMap } from "../../../core/src/http/headers/header-map.ts";
import { identityOf, parseIdentity, storedName } from "./identity.ts";
import { Section } from "./section.ts";

interface Facts {
  readonly ip?: string;
  readonly tls?: object | null;
  readonly metadata?: Readonly<Record<string, object>>;
  readonly route?: object;
}

function keyOf(parts: readonly object[], headers: Record<string, string> = {}, facts: Facts = {}): string | null {
  const { ip = "10.1.2.3", tls = null, metadata = {}, route } = facts;
  const info = { remote: { ip, address: ip === "" ? "/run/socket" : `${ip}:1234`, port: 1234 }, connection: { tls } };
  const stream = { info, route, metadata: { get: (namespace: string) => metadata[namespace] } };
  const map = new RequestHeaderMap("GET", "/", "Host.Example", "http");
  for (const [name, value] of Object.entries(headers)) map.set(name, value);
  const identity = parseIdentity(new Section({ key: parts }, ["key"]), "key");
  return identityOf(identity, map, stream as unknown as HttpStream);
}

const certificate = (verified: boolean) => ({
  peerCertificatePresented: true,
  peerCertificateVerified: verified,
  peerSubject: "CN=client",
  peerUriSans: ["spiffe://mesh/client", "spiffe://mesh/other"],
  peerDnsSans: [],
});
const jwt = { metadata: { jwt: { payload: { sub: "alice", level: 3, admin: true, groups: ["a"], empty: "" } } } };
const claim = (...path: string[]) => ({ metadata: { namespace: "jwt", path } });

describe("a request counts for", () => {
  test.each([
    [{ header: "X-Client" }, "abc"],
    [{ header: ":authority" }, "host.example"],
    [{ header: ":method" }, "GET"],
    [{ remote_address: true }, "10.1.2.3"],
    [{ remote_address: { ipv4_prefix: 16 } }, "10.1.0.0/16"],
    [{ certificate: "uri_san" }, "spiffe://mesh/client"],
    [{ certificate: "subject" }, "CN=client"],
    [claim("payload", "sub"), "alice"],
    [claim("payload", "level"), "3"],
    [claim("payload", "admin"), "true"],
    [{ route: true }, "site/checkout"],
    [{ generic: "all" }, "all"],
  ])("%j", (part, expected) => {
    const facts = { ...jwt, tls: certificate(true), route: { virtualHost: "site", name: "checkout" } };
    expect(keyOf([part], { "x-client": "abc" }, facts)).toBe(expected);
  });

  test.each([
    [{ header: "x-client" }],
    [{ certificate: "uri_san" }],
    [claim("payload", "none")],
    [claim("payload", "groups")],
    [claim("payload", "empty")],
    [claim("payload", "sub", "length")],
    [claim("__proto__", "constructor")],
    [{ route: true }],
  ])("nobody without %j", (part) => {
    expect(keyOf([part], {}, jwt)).toBeNull();
    expect(keyOf([{ generic: "x" }, part], {}, jwt)).toBeNull();
  });

  test("nobody by a certificate that was not verified, or that has no such name", () => {
    expect(keyOf([{ certificate: "uri_san" }], {}, { tls: certificate(false) })).toBeNull();
    expect(keyOf([{ certificate: "dns_san" }], {}, { tls: certificate(true) })).toBeNull();
  });

  test("the network of a subscriber, and the path of a Unix socket", () => {
    expect(keyOf([{ remote_address: true }], {}, { ip: "2001:db8:1:2:3::4" })).toBe("2001:db8:1:2::/64");
    expect(keyOf([{ remote_address: true }], {}, { ip: "" })).toBe("/run/socket");
  });

  test("several things together, which no other values spell", () => {
    const parts = [{ header: "x-a" }, { header: "x-b" }];
    const text = fc
      .string({ unit: fc.constantFrom(..."a:;12 "), minLength: 1, maxLength: 6 })
      .map((value) => `x${value}x`);
    fc.assert(
      fc.property(text, text, text, text, (a, b, c, d) => {
        const one = keyOf(parts, { "x-a": a, "x-b": b });
        const two = keyOf(parts, { "x-a": c, "x-b": d });
        expect(one === two).toBe(a === c && b === d);
      }),
    );
  });
});

test("names are short and plain whatever the key is, and different for different keys", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "binary", maxLength: 300 }),
      fc.string({ unit: "binary", maxLength: 300 }),
      (a, b) => {
        expect(storedName(a)).toMatch(/^[=#][\w.:/@|=;-]{0,96}$/);
        expect(storedName(a) === storedName(b)).toBe(a === b);
      },
    ),
  );
  expect([storedName("10.0.0.1"), storedName("{a}").length]).toEqual(["=10.0.0.1", 44]);
});
