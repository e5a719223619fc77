import type { SecureContext } from "node:tls";
import { expect, test } from "vitest";
import { certificate } from "../../../../../test/support/tls.ts";
import { CertificateChoice } from "./certificate-choice.ts";

/** What is chosen, as the sources of the certificates that stand in the context; null for the fallback. */
function choose(sources: readonly string[]): {
  fallback: string[];
  chosen: (name: string) => string | null;
  contexts: number;
} {
  const contexts = new Map<SecureContext, string>();
  const choice = new CertificateChoice(sources.map(certificate), ({ source }) => {
    const context = {} as SecureContext;
    contexts.set(context, source.replace(".pem", ""));
    return context;
  });
  return {
    fallback: choice.fallback.map(({ source }) => source.replace(".pem", "")),
    chosen: (name) => contexts.get(choice.for(name)!) ?? null,
    contexts: contexts.size,
  };
}

test("exact names come before wildcards, a wildcard covers one label, the first certificate is the fallback", () => {
  const { fallback, chosen } = choose(["server", "a", "wildcard"]);
  expect(fallback).toEqual(["server"]);
  expect(chosen("a.test")).toBe("a");
  expect(chosen("A.TEST")).toBe("a");
  expect(chosen("x.wild.test")).toBe("wildcard");
  expect(chosen("x.y.wild.test")).toBe(null);
  expect(chosen("wild.test")).toBe(null);
  expect(chosen("unknown.test")).toBe(null);
  expect(chosen("")).toBe(null);
});

test("certificates for the fallback's names with different kinds of keys stand together; of one kind the first wins", () => {
  const { fallback, chosen, contexts } = choose(["a", "a-rsa", "a", "server"]);
  expect(fallback).toEqual(["a", "a-rsa"]);
  expect(chosen("a.test")).toBe(null);
  expect(chosen("server.test")).toBe("server");
  expect(contexts).toBe(1);
});

test("for other names the first certificate answers", () => {
  const { fallback, chosen } = choose(["server", "a-rsa", "a"]);
  expect(fallback).toEqual(["server"]);
  expect(chosen("a.test")).toBe("a-rsa");
});

test("one certificate, or one per kind of key, needs no choice by name", () => {
  const dependsOnName = (...sources: string[]): boolean =>
    new CertificateChoice(sources.map(certificate), () => ({}) as SecureContext).dependsOnName;
  expect(dependsOnName("server")).toBe(false);
  expect(dependsOnName("a", "a-rsa")).toBe(false);
  expect(dependsOnName("server", "a")).toBe(true);
});

test("the common name counts only where there are no alternative names", () => {
  const { chosen } = choose(["server", "named", "wildcard"]);
  expect(chosen("named.test")).toBe("named");
  expect(chosen("wildcard")).toBe(null);
});

test("no certificate, or one that is none, stops the configuration", () => {
  expect(() => choose([])).toThrow("needs a certificate");
  expect(
    () =>
      new CertificateChoice(
        [{ cert: "nonsense", key: "", passphrase: null, source: "x.pem" }],
        () => ({}) as SecureContext,
      ),
  ).toThrow("certificate x.pem");
});
