import { X509Certificate } from "node:crypto";
import { describe, expect, test } from "vitest";
import { pem } from "../../../../../test/support/tls.ts";
import { canonicalIp, coversDnsName, parseAltNames, rfc2253 } from "./alt-names.ts";

describe("names in certificates", () => {
  test("all kinds that matter, addresses in their short form", () => {
    expect(parseAltNames(new X509Certificate(pem("server")).subjectAltName)).toEqual([
      { type: "dns", value: "server.test" },
      { type: "dns", value: "localhost" },
      { type: "ip", value: "127.0.0.1" },
      { type: "ip", value: "::1" },
      { type: "uri", value: "spiffe://test/server" },
    ]);
    expect(parseAltNames('email:a@b.test, DirName:"/CN=x", othername:<unsupported>, DNS:c.test')).toEqual([
      { type: "email", value: "a@b.test" },
      { type: "dns", value: "c.test" },
    ]);
    expect(parseAltNames(undefined)).toEqual([]);
    expect(parseAltNames("")).toEqual([]);
  });

  test("a quoted name stays one name, whatever separators it carries", () => {
    expect(parseAltNames('URI:"http://a/, DNS:victim.test", DNS:b.test')).toEqual([
      { type: "uri", value: "http://a/, DNS:victim.test" },
      { type: "dns", value: "b.test" },
    ]);
    expect(parseAltNames('DNS:"a\\", DNS:victim.test"')).toEqual([{ type: "dns", value: 'a", DNS:victim.test' }]);
    expect(parseAltNames('DNS:"broken')).toEqual([]);
  });

  test("the subject in RFC 2253 form: reversed, escapes kept", () => {
    expect(rfc2253(new X509Certificate(pem("client")).subject)).toBe("CN=client,O=Acme\\, Inc");
    expect(rfc2253(undefined)).toBe("");
  });

  test("addresses compare in one form", () => {
    expect(canonicalIp("0:0:0:0:0:0:0:1")).toBe("::1");
    expect(canonicalIp("2001:DB8:0:0:0:0:0:1")).toBe("2001:db8::1");
    expect(canonicalIp("10.0.0.1")).toBe("10.0.0.1");
  });
});

describe("a name in a certificate covers a DNS name as in Envoy", () => {
  test.each([
    ["a.test", "a.test", true],
    ["A.Test", "a.tEST", true],
    ["*.a.test", "x.a.test", true],
    ["*.a.test", "a.test", false],
    ["*.a.test", "x.y.a.test", false],
    ["x*.a.test", "x1.a.test", true],
    ["*x.a.test", "1x.a.test", true],
    ["x*y.a.test", "xzy.a.test", true],
    ["x*x.a.test", "x.a.test", false],
    ["x*x.a.test", "xx.a.test", true],
    ["*x*.a.test", "1x1.a.test", false],
    ["x.*.test", "x.a.test", false],
    ["xn--*.a.test", "xn--1.a.test", false],
    ["*", "test", false],
    ["*.test", "*.test", true],
    ["a.test", "b.test", false],
  ])("%s, %s: %s", (pattern, name, expected) => {
    expect(coversDnsName(pattern, name)).toBe(expected);
  });
});
