import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { VirtualHostIndex } from "./virtual-hosts.ts";

const domains = [
  "example.com",
  "example.com:8080",
  "*.example.com",
  "*-api.example.com",
  "*.com",
  "www.*",
  "www.example.*",
  "*",
  "Upper.Example.ORG",
];
const index = new VirtualHostIndex(domains.map((domain) => [[domain], domain] as const));

describe("which virtual host serves an authority", () => {
  test.each([
    ["example.com", "example.com"],
    ["EXAMPLE.com", "example.com"],
    ["upper.example.org", "Upper.Example.ORG"],
    ["example.com:8080", "example.com:8080"],
    ["example.com:9090", "*"],
    ["a.example.com", "*.example.com"],
    ["b.a.example.com", "*.example.com"],
    ["x-api.example.com", "*-api.example.com"],
    [".example.com", "*.com"],
    ["-api.example.com", "*.example.com"],
    ["www.example.com", "*.example.com"],
    ["www.example.net", "www.example.*"],
    ["www.other.net", "www.*"],
    ["www.", "*"],
    ["other.net", "*"],
    ["", "*"],
    ["[::1]:80", "*"],
  ])("%s is served by %s", (authority, domain) => {
    expect(index.find(authority, false)).toBe(domain);
  });

  test.each([
    ["example.com:9090", "example.com"],
    ["example.com:", "example.com"],
    ["example.com:http", "*"],
    ["a.example.com:1", "*.example.com"],
  ])("without the port %s is served by %s", (authority, domain) => {
    expect(index.find(authority, true)).toBe(domain);
  });

  it("keeps the brackets of an IPv6 address when the port goes", () => {
    const six = new VirtualHostIndex([[["[::1]"], "six"] as const]);
    expect(six.find("[::1]:80", true)).toBe("six");
    expect(six.find("[::1]", true)).toBe("six");
    expect(six.find("[::1]:", true)).toBe("six");
    expect(six.find("[::1]:80", false)).toBeNull();
  });

  it("is nobody where no domain fits", () => {
    expect(new VirtualHostIndex([[["a.example"], 1] as const]).find("b.example", false)).toBeNull();
    expect(new VirtualHostIndex<number>([]).find("b.example", false)).toBeNull();
  });

  it("is the one host of `*` for every name", () => {
    expect(new VirtualHostIndex([[["*"], "any"] as const]).find("", false)).toBe("any");
  });

  it("agrees with a look at every domain in Envoy's order", () => {
    const label = fc.constantFrom("a", "b", "ab", "ba");
    const name = fc.array(label, { minLength: 1, maxLength: 3 }).map((labels) => labels.join("."));
    const domain = fc.oneof(
      name,
      name.map((n) => `*.${n}`),
      name.map((n) => `*${n}`),
      name.map((n) => `${n}.*`),
      fc.constant("*"),
    );
    fc.assert(
      fc.property(fc.uniqueArray(domain, { maxLength: 12 }), name, (all, authority) => {
        const found = new VirtualHostIndex(all.map((d) => [[d], d] as const)).find(authority, false);
        expect(found).toBe(naive(all, authority));
      }),
    );
  });
});

function naive(all: readonly string[], authority: string): string | null {
  if (all.includes(authority)) return authority;
  const longest = (fitting: string[]): string | undefined => fitting.sort((a, b) => b.length - a.length)[0];
  const suffix = longest(
    all.filter(
      (d) => d !== "*" && d.startsWith("*") && authority.length > d.length - 1 && authority.endsWith(d.slice(1)),
    ),
  );
  const prefix = longest(
    all.filter(
      (d) => d !== "*" && d.endsWith("*") && authority.length > d.length - 1 && authority.startsWith(d.slice(0, -1)),
    ),
  );
  return suffix ?? prefix ?? (all.includes("*") ? "*" : null);
}
