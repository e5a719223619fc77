import { createHash, X509Certificate } from "node:crypto";
import { describe, expect, test } from "vitest";
import { downstreamTls, exactSan, pem } from "../../../../../test/support/tls.ts";
import type { TlsCommonModel } from "../../config/model.ts";
import { PeerVerifier } from "./verify-peer.ts";

const client = new X509Certificate(pem("client"));
const server = new X509Certificate(pem("server"));
const wildcard = new X509Certificate(pem("wildcard"));

function verifier(rules: Partial<TlsCommonModel>, verifiesChain = false, hostname = ""): PeerVerifier {
  return new PeerVerifier(downstreamTls(rules), verifiesChain, hostname);
}

test("without rules nothing is asked", () => {
  const nothing = verifier({});
  expect(nothing.isNeeded).toBe(false);
  expect(nothing.check(client, "SELF_SIGNED_CERT")).toBe(null);
});

test("a bad chain counts only where the chain is verified", () => {
  expect(verifier({}, true).check(client, "CERT_HAS_EXPIRED")).toBe("error");
  expect(verifier({}, true).check(client, "")).toBe(null);
});

describe("SAN matchers", () => {
  test.each([
    ["exact URI", [exactSan("uri", "spiffe://test/client")], null],
    ["another URI", [exactSan("uri", "spiffe://test/other")], "san"],
    ["the right text as another type", [exactSan("dns", "spiffe://test/client")], "san"],
    ["any of several", [exactSan("dns", "no.test"), exactSan("dns", "client.test")], null],
    ["prefix", [{ type: "uri", matcher: { kind: "prefix", value: "spiffe://test/", ignoreCase: false } }], null],
    [
      "regex matches the whole name",
      [{ type: "uri", matcher: { kind: "regex", value: "spiffe://test", ignoreCase: false } }],
      "san",
    ],
    ["regex", [{ type: "uri", matcher: { kind: "regex", value: "spiffe://test/.*", ignoreCase: false } }], null],
  ] as const)("%s", (_title, sanMatchers, expected) => {
    expect(verifier({ sanMatchers }, true).check(client, "")).toBe(expected);
  });

  test("an exact DNS name is covered by a wildcard in the certificate; a suffix matcher compares text", () => {
    expect(verifier({ sanMatchers: [exactSan("dns", "x.wild.test")] }).check(wildcard, "")).toBe(null);
    expect(verifier({ sanMatchers: [exactSan("dns", "x.y.wild.test")] }).check(wildcard, "")).toBe("san");
  });

  test("addresses match in any spelling", () => {
    expect(verifier({ sanMatchers: [exactSan("ip", "0:0::1")] }).check(server, "")).toBe(null);
    expect(verifier({ sanMatchers: [exactSan("ip", "127.0.0.2")] }).check(server, "")).toBe("san");
  });

  test("a matcher that cannot be compiled stops the configuration", () => {
    expect(() =>
      verifier({ sanMatchers: [{ type: "dns", matcher: { kind: "regex", value: "(", ignoreCase: false } }] }),
    ).toThrow("SAN matcher");
  });
});

describe("hashes", () => {
  const hash = createHash("sha256").update(client.raw).digest("hex");
  const spki = createHash("sha256")
    .update(client.publicKey.export({ type: "spki", format: "der" }))
    .digest("base64");

  test.each([
    ["the certificate's", { certificateHashes: [hash] }, null],
    ["the key's", { spkiHashes: [spki] }, null],
    ["one of both kinds is enough", { certificateHashes: ["00"], spkiHashes: [spki] }, null],
    ["a wrong one", { certificateHashes: ["00"] }, "cert_hash"],
    ["a wrong key's", { spkiHashes: ["AA=="] }, "cert_hash"],
  ] as const)("%s", (_title, rules, expected) => {
    expect(verifier(rules).check(client, "SELF_SIGNED_CERT")).toBe(expected);
  });
});

describe("the host's name by the rules of HTTPS", () => {
  test.each([
    ["server.test", null],
    ["SERVER.test", null],
    ["other.test", "san"],
    ["127.0.0.1", null],
    ["127.0.0.2", "san"],
    ["::1", null],
    ["0:0:0:0:0:0:0:1", null],
  ] as const)("%s: %s", (hostname, expected) => {
    expect(verifier({}, true, hostname).check(server, "")).toBe(expected);
  });
});
